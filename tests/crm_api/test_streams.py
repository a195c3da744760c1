"""Following events over HTTP: graphql-sse and multipart subscriptions, on a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from crm_core.customers.customer.commands import RegisterPerson

FOLLOW = "subscription ($after: Position) { events(after: $after) { position type } }"
SSE = "text/event-stream"
MULTIPART = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json"


@asynccontextmanager
async def streaming(
    api: Any, address: str, accept: str, query: str = FOLLOW, **variables: Any
) -> AsyncIterator[httpx.Response]:
    headers = api.headers("admin") | {"accept": accept}
    async with (
        httpx.AsyncClient(base_url=f"http://{address}", timeout=10) as http,
        http.stream(
            "POST", "/graphql", json={"query": query, "variables": variables}, headers=headers
        ) as response,
    ):
        yield response


async def payloads(response: httpx.Response, count: int) -> list[dict[str, Any]]:
    """The first results of a stream, of whichever form."""
    found: list[dict[str, Any]] = []
    async for line in response.aiter_lines():
        text = line.removeprefix("data: ") if line.startswith("data: {") else line
        if text.startswith("{") and text != "{}":
            body = json.loads(text)
            found.append(body.get("payload", body))
        if len(found) == count:
            break
    return found


@pytest.mark.parametrize("accept", [SSE, f"{SSE}, application/json", MULTIPART])
async def test_a_stream_goes_on_from_a_position_with_what_is_recorded_meanwhile(
    api: Any, address: str, accept: str
) -> None:
    last = await api.given(RegisterPerson(name="Ada"), RegisterPerson(name="Bo"))
    async with streaming(api, address, accept, after=last.position - 1) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith(
            accept.partition(";")[0].partition(",")[0]
        )
        recording = asyncio.create_task(api.given(RegisterPerson(name="Cy")))
        found = await payloads(response, 2)
        await recording
    assert [result["data"]["events"]["position"] for result in found] == [
        last.position, last.position + 1,
    ]  # fmt: skip


async def test_events_are_framed_by_line_feeds(api: Any, address: str) -> None:
    async with streaming(api, address, SSE, "{ __typename }") as response:
        text = (await response.aread()).decode()
    assert "\r" not in text
    assert text.startswith("event: next\ndata: {")
    assert text.endswith("event: complete\ndata: \n\n")


@pytest.mark.parametrize(
    "accept", [f"application/json, {SSE}", f"application/graphql-response+json, {SSE};q=0.9"]
)
async def test_a_stream_is_given_only_to_who_wants_it_most(
    api: Any, address: str, accept: str
) -> None:
    async with streaming(api, address, accept, "{ __typename }") as response:
        assert response.headers["content-type"].startswith(accept.partition(",")[0])


@pytest.mark.parametrize("accept", [SSE, MULTIPART])
async def test_a_stream_is_refused_before_it_begins(api: Any, address: str, accept: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{address}") as http:
        response = await http.post("/graphql", json={"query": FOLLOW}, headers={"accept": accept})
        assert response.status_code == 401
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        params = {"query": 'mutation { customerRegisterPerson(input: {name: "X"}) { __typename } }'}
        headers = api.headers("admin") | {"accept": accept}
        response = await http.get("/graphql", params=params, headers=headers)
        assert response.status_code == 405


@pytest.mark.parametrize("accept", [SSE, MULTIPART])
async def test_an_error_in_a_stream_has_its_code(api: Any, address: str, accept: str) -> None:
    async with streaming(api, address, accept, "subscription { nothing }") as response:
        (result,) = await payloads(response, 1)
    assert result["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_a_query_with_the_header_of_a_subscription_is_answered_at_once(
    api: Any, address: str
) -> None:
    async with streaming(api, address, MULTIPART, "{ __typename }") as response:
        assert response.headers["content-type"].startswith("application/json")
        assert json.loads(await response.aread())["data"] == {"__typename": "Query"}
