"""What the log, the metrics and the traces say of a request, and what they never say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from crm_api.cli.serving import log_to_stderr
from crm_core.customers.customer.commands import RegisterPerson
from crm_core.kernel import telemetry

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
READ = "query Read($id: ID!) { customer(by: { id: $id }) { name } }"
WRITE = """mutation Write($name: String!) {
  customerRegisterPerson(input: { name: $name }) { userErrors { code } } }"""


@pytest.fixture(scope="module")
def exporter() -> Iterator[InMemorySpanExporter]:
    """The tracer of these tests alone: the library's own can be set up once and never taken down,
    and would trace all the tests that follow.
    """
    provider = TracerProvider()
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "get_tracer_provider", lambda: provider)
        patch.setattr(telemetry, "_tracer", provider.get_tracer("crm"))
        yield exporter


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    exporter.clear()
    yield exporter
    exporter.clear()


async def asked(
    api: Any, query: str, variables: dict[str, Any], headers: dict[str, str] | None = None
) -> httpx.Response:
    given: httpx.Response = await api.http.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers=api.headers("admin") | (headers or {}),
    )
    return given


async def test_a_request_is_told_in_one_line(api: Any) -> None:
    with capture_logs() as logs:
        response = await asked(api, WRITE, {"name": "Ada"}, {"x-request-id": "order-66"})
    (line,) = [line for line in logs if line["event"] == "request"]
    assert response.headers["x-request-id"] == line["request_id"] == "order-66"
    assert line["principal"] == str(api.people["admin"])
    assert (line["kind"], line["operation"], line["outcome"]) == ("mutation", "Write", "ok")
    assert line["status"] == 200
    assert line["cost"] >= 10
    assert line["ms"] > 0
    assert len(line["document"]) == 64


async def test_an_error_and_its_line_have_the_trace_that_the_client_began(api: Any) -> None:
    broken = "{ customers(first: 1000) { nodes { name } } }"
    with capture_logs() as logs:
        response = await asked(api, broken, {}, {"traceparent": TRACEPARENT})
    (error,) = response.json()["errors"]
    (line,) = [line for line in logs if line["event"] == "request"]
    assert error["extensions"]["traceId"] == line["trace_id"] == TRACE
    assert line["outcome"] == error["extensions"]["code"] == "PAGE_SIZE_TOO_LARGE"
    assert response.headers["x-request-id"] == TRACE


@pytest.mark.parametrize("forged", ["a\tb", "ada@example.com", "x" * 65, "", "…"])
async def test_an_id_of_another_form_is_not_taken_over(api: Any, forged: str) -> None:
    headers = {"x-request-id": forged.encode(), "traceparent": b"00-" + b"0" * 32 + b"-1-1"}
    response = await api.http.get("/health", headers=headers)
    assert len(response.headers["x-request-id"]) == 32
    assert response.headers["x-request-id"] != "0" * 32


async def test_a_refusal_is_told_with_its_code(api: Any) -> None:
    with capture_logs() as logs:
        await api.http.post("/graphql", json={"query": "{ __typename }"})
    (line,) = logs
    assert (line["kind"], line["status"], line["outcome"]) == ("graphql", 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("dry_run", ["false", "true"])
async def test_who_was_denied_a_command_is_told(api: Any, dry_run: str) -> None:
    write = WRITE.replace("name: $name", f"name: $name, dryRun: {dry_run}")
    with capture_logs([merge_contextvars]) as logs:
        await asked(
            api, write, {"name": "Ada"}, api.headers("nobody") | {"traceparent": TRACEPARENT}
        )
    (line,) = [line for line in logs if line["event"] == "access.denied"]
    assert (line["command"], line["right"]) == (
        "customer.register_person",
        "customer.register_person",
    )
    assert line["principal"] == str(api.people["nobody"])
    assert line["trace_id"] == TRACE


def test_what_is_logged_begins_no_other_line(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    forged = 'x\r\n{"event": "login.succeeded"}\n\x1b[2K'
    log_to_stderr()
    try:
        structlog.get_logger().info("tried", given=forged)
    finally:
        structlog.reset_defaults()
    said = capfdbinary.readouterr().err
    assert said.count(b"\n") == 1
    assert b"\x1b" not in said
    line = json.loads(said)
    assert (line["event"], line["given"]) == ("tried", forged)
    assert datetime.fromisoformat(line["timestamp"]).tzinfo == UTC


async def test_requests_and_commands_are_counted_by_what_became_of_them(api: Any) -> None:
    def counted() -> tuple[float, float]:
        requests = {"kind": "mutation", "outcome": "ok"}
        commands = {"command": "customer.register_person", "outcome": "executed"}
        return (
            REGISTRY.get_sample_value("crm_request_seconds_count", requests) or 0,
            REGISTRY.get_sample_value("crm_commands_total", commands) or 0,
        )

    before = counted()
    await asked(api, WRITE, {"name": "Ada"})
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1]
    shown = (await api.http.get("/metrics")).text
    for name in ("crm_request_seconds_bucket", "crm_requests_in_flight", "crm_commands_total",
                 "crm_subscriptions_open", "crm_projection_lag_events", "process_cpu"):  # fmt: skip
        assert name in shown


def steps(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


async def test_a_read_is_traced_from_the_request_to_its_statement(
    api: Any, spans: InMemorySpanExporter
) -> None:
    person = RegisterPerson(name="Ada")
    await api.given(person)
    spans.clear()
    query = READ.replace("name }", "name status email }")
    await asked(api, query, {"id": str(person.customer_id)}, {"traceparent": TRACEPARENT})
    found = steps(spans)
    assert {"graphql.parse", "graphql.validate", "graphql.plan", "sql"} <= found.keys()
    for span in found.values():
        assert span.context is not None
        assert trace.format_trace_id(span.context.trace_id) == TRACE
    request = found["query Read"]
    assert request.context is not None
    assert found["sql"].parent is not None
    assert found["sql"].parent.span_id == request.context.span_id


async def test_a_command_is_traced_to_its_append(api: Any, spans: InMemorySpanExporter) -> None:
    await asked(api, WRITE, {"name": "Ada"})
    found = steps(spans)
    command, append = found["crm.command"], found["crm.append"]
    assert command.context is not None
    assert append.parent is not None
    assert append.parent.span_id == command.context.span_id
    assert dict(command.attributes or {}) == {"crm.names": ("customer.register_person",)}


async def test_nothing_that_a_person_typed_is_in_the_log_the_metrics_or_the_traces(
    api: Any, by_get: Any, spans: InMemorySpanExporter
) -> None:
    """Planted in every place that a client can write to."""
    canary = f"canary{uuid4().hex}"
    headers = api.headers("admin")
    with capture_logs() as logs:
        for body in (
            {"query": WRITE, "variables": {"name": canary}},
            {"query": READ, "variables": {"id": canary}},
            {"query": READ, "variables": {"id": f"{canary}@example.com"}, "operationName": canary},
            {"query": f"# {canary}\n{{ __typename }}"},
            {"query": f'{{ customer(by: {{ email: "{canary}@example.com" }}) {{ name }} }}'},
            {"query": f"{{ {canary} }}"},
            {"query": f"query {canary} {{ nothing }}"},
            {"query": canary, "documentId": canary, "extensions": {canary: canary}},
            {"query": "mutation { customerTag(input: { customerId: \"x\", tag: \""
                      f"{canary}\" }}) {{ userErrors {{ message }} }} }}"},
        ):  # fmt: skip
            await api.http.post("/graphql", json=body, headers=headers)
            await by_get.http.get("/graphql", params=body, headers=headers)
        marked = headers | {"x-request-id": f"{canary}@example.com", "user-agent": canary}
        await api.http.post("/graphql", content=canary, headers=marked)
        await api.http.get(f"/{canary}", headers={"traceparent": canary})
        login = {"email": f"{canary}@example.com", "password": canary}
        await api.http.post("/login", json=login)
        metrics = (await api.http.get("/metrics")).text
    assert len([line for line in logs if line["event"] == "request"]) > 20
    traced = [span.to_json() for span in spans.get_finished_spans()]
    assert traced
    assert canary not in json.dumps([logs, metrics, traced], default=str)
