"""Documents by their hash, and servers that run no others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from crm_api.app import create_app
from crm_api.http.profile import Profile
from crm_api.http.trusted import read_trusted
from crm_api.issued_secrets import made_key
from crm_core import SYSTEM, SetupError
from crm_core.identity import IssueApiKey

from .conftest import served
from .test_subscription import dialled

QUERY = "query Page($n: Int) { customers(first: $n) { totalCount } }"
HASH = hashlib.sha256(QUERY.encode()).hexdigest()
ID = f"sha256:{HASH}"


def manifest(place: Path, **documents: str) -> Path:
    place.write_text(json.dumps(documents))
    return place


@pytest.fixture(params=list(Profile))
async def server(
    api: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[httpx.AsyncClient]:
    place = manifest(tmp_path / "relay.json", **{HASH: QUERY})
    services = replace(api.services, trusted=read_trusted(request.param, place), takes_get=True)
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://crm", headers=api.headers("admin")
    ) as http:
        http.profile = request.param  # type: ignore[attr-defined]
        yield http


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]


async def test_a_trusted_document_is_named_by_its_hash(server: httpx.AsyncClient) -> None:
    body = {"documentId": ID, "variables": {"n": 1}}
    posted = await server.post("/graphql", json=body)
    params = {"documentId": ID, "variables": '{"n": 1}'}
    for response in (posted, await server.get("/graphql", params=params)):
        assert response.json()["data"]["customers"]["totalCount"] is not None


@pytest.mark.parametrize("document_id", [HASH, "sha256:", "sha256:" + "0" * 64, "md5:" + HASH])
async def test_an_id_that_is_not_known_is_refused(
    server: httpx.AsyncClient, document_id: str
) -> None:
    response = await server.post("/graphql", json={"documentId": document_id})
    assert code(response) == (400, "BAD_REQUEST")


async def test_a_request_names_one_document(server: httpx.AsyncClient) -> None:
    response = await server.post("/graphql", json={"documentId": ID, "query": QUERY})
    assert code(response) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("query", [QUERY, "{ __schema { queryType { name } } }", "{ custmers }"])
async def test_programs_of_ones_own_ask_what_they_came_with(
    server: httpx.AsyncClient, query: str
) -> None:
    """No other document, so neither the schema nor a hint at its names."""
    response = await server.post("/graphql", json={"query": query, "variables": {"n": 1}})
    if server.profile is Profile.FIRST_PARTY:  # type: ignore[attr-defined]
        assert code(response) == (403, "FORBIDDEN")
        assert "customers" not in response.text
    else:
        assert response.status_code == 200


async def test_the_page_to_write_documents_by_is_for_those_who_may(
    server: httpx.AsyncClient,
) -> None:
    is_only = server.profile is Profile.FIRST_PARTY  # type: ignore[attr-defined]
    for path in ("/", "/graphiql", "/graphiql/page/page.js", "/graphiql/vendor/README.md"):
        assert ((await server.get(path)).status_code == 404) == is_only, path


def test_manifests_of_relay_and_codegen_are_read(tmp_path: Path) -> None:
    other = "{ __typename }"
    manifest(tmp_path / "relay.json", **{HASH: QUERY})
    codegen = {f"sha256:{hashlib.sha256(other.encode()).hexdigest()}": other}
    manifest(tmp_path / "codegen.json", **codegen)
    read = read_trusted(Profile.FIRST_PARTY, tmp_path)
    assert sorted(read.texts.values()) == sorted([QUERY, other])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (json.dumps({HASH: QUERY + " "}), "documents.hash_mismatch"),
        (json.dumps({hashlib.md5(QUERY.encode()).hexdigest(): QUERY}), "documents.hash_mismatch"),
        ("[]", "documents.unreadable"),
        ("{}", "documents.none"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_not_served(
    tmp_path: Path, content: str, problem: str
) -> None:
    (tmp_path / "documents.json").write_text(content)
    with pytest.raises(SetupError) as refused:
        read_trusted(Profile.FIRST_PARTY, tmp_path)
    assert refused.value.code == problem


async def test_a_key_may_be_held_to_trusted_documents(api: Any, tmp_path: Path) -> None:
    """Over HTTP and on a websocket, where everybody else asks what he likes."""
    crm, made = api.services.crm, made_key(key_id := uuid4())
    await crm.execute(
        IssueApiKey(
            key_id=key_id, name="Shop", user_id=api.people["admin"], digest=made.digest,
            scopes=("*.*",), expires_at=datetime.now(UTC) + timedelta(days=1), only_trusted=True,
        ),
        SYSTEM,
    )  # fmt: skip
    place = manifest(tmp_path / "relay.json", **{HASH: QUERY})
    app = create_app(replace(api.services, trusted=read_trusted(Profile.THIRD_PARTY, place)))
    one = {"variables": {"n": 1}}
    as_key = {"authorization": f"Bearer {made.secret}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://crm") as http:
        answers = [
            await http.post("/graphql", json=asked, headers=headers)
            for headers in (as_key, api.headers("admin"))
            for asked in ({"query": QUERY} | one, {"documentId": ID} | one)
        ]
    assert code(answers[0]) == (403, "FORBIDDEN")
    assert [answer.json().get("errors") for answer in answers[1:]] == [None] * 3
    async with served(app) as address, dialled(address) as client:
        await client.connect_as(as_key["authorization"])
        await client.subscribe(QUERY, n=1)
        message = await client.receive()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["reason"] == "http.only_trusted_documents"
