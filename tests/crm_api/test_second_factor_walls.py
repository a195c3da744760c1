"""By one factor, where two are demanded, nothing comes through: not by any way that there is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from starlette.routing import Mount, Route, WebSocketRoute

from crm_api.app import create_app
from crm_api.graphql.compiled.answers import CompiledReads
from crm_api.graphql.compiled.mutating import CompiledMutations
from crm_api.http.profile import Profile
from crm_api.http.trusted import TrustedDocuments
from crm_api.schema import schema
from crm_api.services import Services, open_services
from crm_api.signing_in import SecondFactor, WaysIn
from signing_in_people import Person, enrol_totp, new_client, new_person, post, reason

from .conftest import served as listening
from .test_subscription import dialled

ROOT_KEY = bytes(range(32))
OWED = (403, "session.factor_needed")

VIEWER = "{ viewer { id name email } }"
USERS = "query Q { users(first: 5) { nodes { id name } } }"
REGISTER = 'mutation { customerRegisterPerson(input: {name: "X"}) { receipt { position } } }'
DRY_RUN = (
    'mutation { customerRegisterPerson(input: {name: "X", dryRun: true})'
    " { plannedEvents { type } } }"
)
FOLLOW = "subscription { events(after: 0) { position type data } }"
TRUSTED = "sha256:" + hashlib.sha256(USERS.encode()).hexdigest()
SSE = "text/event-stream"
MULTIPART = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json"
DOCUMENTS = {
    "a query": {"query": VIEWER},
    "a query that is compiled": {"query": USERS},
    "a query that is not compiled": {"query": "{ __typename viewer { ...V } } fragment V on User "
                                              "{ id @include(if: true) }"},
    "introspection": {"query": "{ __schema { queryType { name } } }"},
    "a mutation": {"query": REGISTER},
    "two mutations": {"query": REGISTER.replace("customer", "a: customer", 1)
                      .replace("} }", "} } b: customerRegisterPerson(input: {name: \"Y\"})"
                               " { receipt { position } }", 1)},
    "a dry run": {"query": DRY_RUN},
    "the own password": {"query": 'mutation { userSetPassword(input: {userId: "x", password: "y"})'
                                  " { userErrors { code } } }"},
    "what it would cost": {"query": "{ rateLimit(dryRun: true) { cost } users(first: 5) { nodes "
                                    "{ id } } }"},
    "a trusted document": {"documentId": TRUSTED},
    "an unknown document": {"documentId": "sha256:" + "0" * 64},
    "a subscription": {"query": FOLLOW},
    "no document": {"query": "{"},
    "nothing": {},
}  # fmt: skip


@pytest.fixture(scope="module")
async def served(shared_database_url: str) -> AsyncIterator[Services]:
    ways_in = WaysIn(second_factor=SecondFactor.DEMANDED)
    trusted = TrustedDocuments(texts={TRUSTED.removeprefix("sha256:"): USERS})
    async with open_services(
        shared_database_url, ROOT_KEY, ways_in=ways_in, trusted=trusted, takes_get=True
    ) as opened:
        yield opened


@pytest.fixture
async def http(served: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with new_client(served) as client:
        yield client


@pytest.fixture(scope="module")
async def boss(served: Services) -> Person:
    """An administrator, who might do everything, and has shown a password only."""
    return await new_person(served, "admin")


@pytest.fixture(scope="module")
async def address(served: Services) -> AsyncIterator[str]:
    async with listening(create_app(served)) as made:
        yield made


@pytest.fixture
async def nothing_is_recorded(served: Services, boss: Person) -> AsyncIterator[None]:
    """Nor is any document looked at."""
    before = await served.crm.position()
    looked: list[str] = []
    with (
        patch.object(CompiledReads, "answer", lambda *_: looked.append("compiled query")),
        patch.object(CompiledMutations, "answer", lambda *_: looked.append("compiled mutation")),
        patch.object(schema, "execute", lambda *_, **__: looked.append("executed")),
        patch.object(schema, "stream", lambda *_, **__: looked.append("streamed")),
    ):
        yield
    assert looked == []
    assert await served.crm.position() == before


# --- GraphQL --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_is_recorded")
@pytest.mark.parametrize("accept", ["application/json", SSE, MULTIPART], ids=["json", "sse", "mp"])
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("what", DOCUMENTS)
async def test_graphql_answers_nothing(
    http: httpx.AsyncClient, boss: Person, what: str, method: str, accept: str
) -> None:
    headers = {"authorization": f"Bearer {boss.token}", "accept": accept}
    given = {"json": DOCUMENTS[what]} if method == "POST" else {"params": DOCUMENTS[what]}
    response = await http.request(method, "/graphql", headers=headers, **given)  # type: ignore[arg-type]
    assert reason(response) == OWED
    assert response.json().keys() == {"errors"}
    assert len(response.json()["errors"]) == 1


@pytest.mark.parametrize("what", DOCUMENTS)
@pytest.mark.usefixtures("nothing_is_recorded")
async def test_a_websocket_answers_nothing(address: str, boss: Person, what: str) -> None:
    async with dialled(address) as client:
        await client.connect_as(f"Bearer {boss.token}")
        for attempt in ("1", "1", "2"):
            message = {"id": attempt, "type": "subscribe", "payload": DOCUMENTS[what]}
            await client.send(message)
            refused = await client.receive()
            assert (refused["id"], refused["type"]) == (attempt, "error")
            (error,) = refused["payload"]
            assert error["extensions"]["reason"] == "session.factor_needed"
            assert "POST /account/totp" in error["message"]
        await client.send({"type": "ping"})
        assert (await client.receive())["type"] == "pong"


async def test_the_same_is_answered_to_who_has_shown_two_factors(
    http: httpx.AsyncClient, served: Services, address: str
) -> None:
    """So it is the factor that was missing, whatever else these tests may get wrong."""
    strong = await new_person(served, "admin")
    await enrol_totp(http, strong)
    for what in ("a query", "a query that is compiled", "a query that is not compiled",
                 "introspection", "a mutation", "two mutations", "a dry run",
                 "what it would cost", "a trusted document"):  # fmt: skip
        response = await post(http, "/graphql", strong.token, **DOCUMENTS[what])
        assert "errors" not in response.json(), (what, response.text)
    async with dialled(address) as client:
        await client.connect_as(f"Bearer {strong.token}")
        await client.subscribe(FOLLOW)
        assert (await client.events(1))[0]["position"] == 1


# --- everything else ------------------------------------------------------------------------------

OPEN = {
    "/login", "/login/code", "/login/passkey", "/login/passkey/finish", "/login/provider",
    "/login/provider/finish", "/login/sent-code", "/login/sent-code/finish", "/session/refresh",
    "/health", "/metrics", "/audit/checkpoint", "/audit/tile/{level:int}/{index:path}",
    "/", "/graphiql", "/graphiql/page", "/graphiql/vendor",
}  # fmt: skip
"""What asks for no token, or for none of a session."""

ALLOWED = {
    "/account", "/account/password", "/session/end", "/account/totp", "/account/totp/confirm",
    "/account/passkey", "/account/passkey/confirm", "/account/sent-code",
    "/account/sent-code/confirm",
}  # fmt: skip
"""What is left to who owes a factor."""

REFUSED = {
    "/graphql", "/session/impersonate", "/account/keys", "/account/passkeys", "/account/sessions",
    "/account/sessions/end", "/account/identity", "/files", "/files/{name}",
}  # fmt: skip


def paths(services: Services) -> Iterator[str]:
    for route in create_app(services).routes:
        assert isinstance(route, Route | Mount | WebSocketRoute)
        yield route.path


def test_of_each_path_it_is_known_whether_one_factor_is_enough(served: Services) -> None:
    """A new path belongs in one of the three."""
    assert set(paths(served)) == OPEN | ALLOWED | REFUSED
    assert not OPEN & ALLOWED | OPEN & REFUSED | ALLOWED & REFUSED


@pytest.mark.parametrize("path", sorted(REFUSED - {"/files/{name}"}))
async def test_every_other_path_is_refused(
    http: httpx.AsyncClient, served: Services, boss: Person, path: str
) -> None:
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    given = {
        "/session/impersonate": {"userId": str((await new_person(served)).user_id)},
        "/account/keys": {"name": "sync", "scopes": ["*.read"], "expiresAt": soon},
        "/account/identity": {"flow": "x", "code": "x", "state": "x"},
    }.get(path, {})
    before = await served.crm.position()
    response = await post(http, path, boss.token, **given)
    assert reason(response) == OWED
    assert response.json().keys() == {"errors"}
    assert await served.crm.position() == before


@pytest.mark.parametrize("path", sorted(ALLOWED - {"/session/end"}))
async def test_what_is_left_is_not_refused_for_that(
    http: httpx.AsyncClient, boss: Person, path: str
) -> None:
    assert reason(await post(http, path, boss.token)) != OWED


async def test_a_file_is_not_taken(http: httpx.AsyncClient, served: Services, boss: Person) -> None:
    headers = {"authorization": f"Bearer {boss.token}", "content-type": "application/jsonl"}
    row = json.dumps({"name": "X"}).encode()
    with patch.object(served.bulk.files, "receive") as receive:
        response = await http.post("/files", content=row, headers=headers)
    assert reason(response) == OWED
    assert not receive.called


async def test_a_file_is_not_given(http: httpx.AsyncClient, boss: Person) -> None:
    headers = {"authorization": f"Bearer {boss.token}"}
    assert reason(await http.get("/files/nothing.jsonl", headers=headers)) == OWED


async def test_a_server_of_trusted_documents_only_refuses_it_as_well(
    served: Services, boss: Person
) -> None:
    only = replace(served, trusted=replace(served.trusted, profile=Profile.FIRST_PARTY))
    async with new_client(only) as http:
        for given in ({"query": USERS}, {"documentId": TRUSTED}):
            assert reason(await post(http, "/graphql", boss.token, **given)) == OWED


async def test_the_refusal_names_no_record_and_no_document(
    http: httpx.AsyncClient, boss: Person
) -> None:
    """Whatever is asked for, the answer is the same."""
    said: set[str] = set()
    for given in DOCUMENTS.values():
        error: dict[str, Any] = (await post(http, "/graphql", boss.token, **given)).json()
        (only,) = error["errors"]
        only["extensions"].pop("traceId")
        said.add(json.dumps(only, sort_keys=True))
    assert len(said) == 1
