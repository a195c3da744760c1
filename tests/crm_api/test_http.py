"""GraphQL over HTTP: media types, methods, status codes, and what is refused before it begins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
import structlog
from starlette.applications import Starlette
from starlette.routing import Mount

from crm_api.graphql.errors import ErrorCode
from crm_projections.reading import NotAnswered

RESPONSE = "application/graphql-response+json"
JSON = "application/json"


@pytest.fixture(params=[RESPONSE, JSON])
def accepted(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def post(api: Any, body: Any, *, accept: str = JSON, **headers: str) -> httpx.Response:
    sent = {"accept": accept, "content-type": JSON} | headers
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    response: httpx.Response = await api.http.post(
        "/graphql", content=content, headers=api.headers("admin") | sent
    )
    return response


def code(response: httpx.Response) -> str:
    body = response.json()
    assert "data" not in body
    return str(body["errors"][0]["extensions"]["code"])


# --- negotiation ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (RESPONSE, RESPONSE),
        (JSON, JSON),
        ("*/*", JSON),
        ("", JSON),
        (f"{RESPONSE}, {JSON};q=0.9", RESPONSE),
        (f"{JSON};q=0.5, {RESPONSE};q=0.6", RESPONSE),
        ("text/html, application/*;q=0.1", JSON),
    ],
)
async def test_the_answer_has_the_media_type_that_was_asked_for(
    api: Any, accept: str, answered: str
) -> None:
    response = await post(api, {"query": "{ __typename }"}, accept=accept)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{answered}; charset=utf-8"
    assert "accept" in response.headers["vary"]
    assert response.json()["data"] == {"__typename": "Query"}


async def test_other_media_types_cannot_be_had(api: Any) -> None:
    response = await post(api, {"query": "{ __typename }"}, accept="text/html")
    assert (response.status_code, code(response)) == (406, "NOT_ACCEPTABLE")


@pytest.mark.parametrize(
    ("document", "variables", "expected"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query ($p: Position!) { node(id: $p) { id } }", {"p": "x"}, "GRAPHQL_VALIDATION_FAILED"),
        ("query ($i: ID!) { node(id: $i) { id } }", {}, "BAD_USER_INPUT"),
        ("query ($p: Position) { customers(first: 1, minPosition: $p) { totalCount } }",
         {"p": "-1"}, "BAD_USER_INPUT"),
    ],
)  # fmt: skip
async def test_a_bad_request_has_no_data(
    api: Any, accepted: str, document: str, variables: dict[str, Any], expected: str
) -> None:
    body = {"query": document, "variables": variables}
    response = await post(api, body, accept=accepted)
    assert response.status_code == (400 if accepted == RESPONSE else 200)
    assert code(response) == expected
    assert response.json()["errors"][0]["extensions"]["traceId"]


# --- methods --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("accept", [JSON, RESPONSE, "text/html", "text/event-stream"])
async def test_all_is_sent_by_post_so_that_no_url_says_anything(
    api: Any, method: str, accept: str
) -> None:
    response = await api.http.request(
        method, "/graphql", params={"query": "{ __typename }"},
        headers=api.headers("admin") | {"accept": accept},
    )  # fmt: skip
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert method == "HEAD" or code(response) == "METHOD_NOT_ALLOWED"


async def test_the_page_to_try_it_all_is_there_all_the_same(api: Any) -> None:
    assert (await api.http.get("/graphiql")).status_code == 200


async def test_queries_can_be_sent_by_get_where_that_is_turned_on(by_get: Any) -> None:
    query = "query ($id: ID!) { node(id: $id) { id } }"
    params = {"query": query, "variables": '{"id": "x"}'}
    response = await by_get.http.get("/graphql", params=params, headers=by_get.headers("admin"))
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_ID"
    response = await by_get.http.put("/graphql", headers=by_get.headers("admin"))
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


async def test_nothing_is_changed_by_get(by_get: Any) -> None:
    document = 'mutation { customerRegisterPerson(input: {name: "X"}) { receipt { position } } }'
    head = await by_get.services.crm.position()
    response = await by_get.http.get(
        "/graphql", params={"query": document}, headers=by_get.headers("admin")
    )
    assert (response.status_code, code(response)) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "POST"
    assert await by_get.services.crm.position() == head


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_subscriptions_are_served_elsewhere(by_get: Any, method: str) -> None:
    given = {"query": "subscription { events { position } }"}
    sent = {"params": given} if method == "GET" else {"json": given}
    headers = by_get.headers("admin")
    response = await by_get.http.request(method, "/graphql", headers=headers, **sent)
    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
async def test_only_json_is_taken(api: Any, media_type: str) -> None:
    response = await post(api, '{"query":"{__typename}"}', **{"content-type": media_type})
    assert (response.status_code, code(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "null", '"x"', "5", "[]", '[{"query": "{ __typename }"}]', "{}", '{"query": null}',
        '{"query": 5}', '{"query": "{__typename}", "variables": []}',
        '{"query": "{__typename}", "operationName": 1}',
        '{"query": "{__typename}", "extensions": 1}',
        '{"query": "query A { __typename }", "operationName": "B"}',
        '{"query": "query A { __typename } query B { __typename }"}', '{"query": "\\ud800"}',
        '{"query": "{__typename} {__typename}"}', '{"query":' + "[" * 100_000, b"\xff",
    ],
)  # fmt: skip
async def test_a_body_of_another_form_is_refused(api: Any, body: str) -> None:
    response = await post(api, body, accept=RESPONSE)
    assert response.status_code == 400
    assert code(response) in {"BAD_REQUEST", "GRAPHQL_VALIDATION_FAILED"}


async def test_a_body_that_is_too_large_is_not_read_to_its_end(api: Any) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b'"' + b"x" * 100_000

    response = await api.http.post(
        "/graphql", content=endless(), headers=api.headers("admin") | {"content-type": JSON}
    )
    assert (response.status_code, code(response)) == (413, "PAYLOAD_TOO_LARGE")


# --- who asks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x.y.z", "Basic YTpi", "Bearer " + "x" * 9000]
)
async def test_without_a_valid_token_nothing_is_answered(
    api: Any, authorization: str | None
) -> None:
    headers = {"authorization": authorization} if authorization is not None else {}
    introspection = {"query": "{ __schema { queryType { name } } }"}
    response = await api.http.post("/graphql", json=introspection, headers=headers)
    assert (response.status_code, code(response)) == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_who_is_signed_in_may_look_at_the_schema(api: Any) -> None:
    data = await api.data('{ __type(name: "Customer") { fields { name } } }', who="nobody")
    assert {"name": "timeline"} in data["__type"]["fields"]


# --- failures -------------------------------------------------------------------------------------


@pytest.fixture
def failing(api: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes the read models raise an exception, and watches the log."""

    def with_(error: Exception) -> None:
        async def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(type(api.services.reads), "_fetch", fail)

        async def not_answered(*_: object) -> None:
            raise NotAnswered

        monkeypatch.setattr(api.services.pipelines, "ask", not_answered)

    with structlog.testing.capture_logs() as logs:
        with_.logs = logs  # type: ignore[attr-defined]
        yield with_


async def test_what_nobody_foresaw_is_masked(api: Any, failing: Any) -> None:
    failing(RuntimeError("the secret of ada@example.com"))
    body = await api.ask("{ customers(first: 1) { totalCount } viewer { name } }")
    assert body["data"] == {"customers": None, "viewer": {"name": "The admin"}}
    (error,) = body["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "ada@example.com" not in json.dumps(body) + json.dumps(failing.logs, default=str)
    (logged,) = [line for line in failing.logs if line["event"] != "request"]
    assert logged["trace_id"] == error["extensions"]["traceId"]
    assert logged["error"] == "RuntimeError"


async def test_a_database_that_is_away_is_no_fault_of_the_query(api: Any, failing: Any) -> None:
    failing(psycopg.OperationalError("connection to host secret failed"))
    body = await api.ask("{ customers(first: 1) { totalCount } }")
    assert [error["extensions"]["code"] for error in body["errors"]] == ["UNAVAILABLE"]
    assert "secret" not in json.dumps(body)


async def test_a_failure_outside_of_graphql_is_masked_too(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret of ada@example.com")

    monkeypatch.setattr("crm_api.http.graphql.language_of", fail)
    with structlog.testing.capture_logs() as logs:
        response = await post(api, {"query": "{ __typename }"})
    assert (response.status_code, code(response)) == (500, "INTERNAL")
    assert "ada@example.com" not in response.text + json.dumps(logs, default=str)


async def test_every_code_is_of_the_closed_list() -> None:
    assert {member.name for member in ErrorCode} == {member.value for member in ErrorCode}


async def test_the_server_may_be_mounted_below_a_path(api: Any, app: Starlette) -> None:
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/crm", app)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://host") as http:
        body = {"query": "{ viewer { __typename } }"}
        answer = await http.post("/crm/graphql", json=body, headers=api.headers("admin"))
    assert (answer.status_code, "data" in answer.json()) == (200, True)
    assert answer.headers["x-content-type-options"] == "nosniff"
