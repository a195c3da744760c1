"""Proofs over the API: what it hands out can be checked without it."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

import httpx
import pytest

from crm_api.app import create_app
from crm_core.audit.crm_verify import Checkpoint, Frontier, verify_consistency, verify_proof
from crm_core.audit.log import AuditLog

from .conftest import Api

CHECKPOINT = "{ auditCheckpoint { origin size rootHash note keys } }"


@pytest.fixture
async def signed(api: Api) -> int:
    """The head, once it is signed."""
    services = api.services
    await services.audit.integrate(services.crm.tenant_id)
    return (await services.audit.sign(services.crm.tenant_id)).size


async def test_the_server_signs_by_itself(api: Api) -> None:
    head = await api.services.crm.position()
    async with asyncio.timeout(20):
        while True:
            body = await api.ask(CHECKPOINT)
            found = body["data"]["auditCheckpoint"]
            if found is not None and found["size"] >= head:
                return
            await asyncio.sleep(0.05)


async def test_a_proof_is_checked_without_the_server(api: Api, signed: int) -> None:
    found = await api.data(
        "query ($p: Position!) { auditProof(position: $p)"
        " { eventUuid position leafHash hashes record text checkpoint { size keys } } }",
        p=1,
    )
    proof = found["auditProof"]
    checkpoint, line = verify_proof(proof["text"], proof["checkpoint"]["keys"])
    assert checkpoint.size == proof["checkpoint"]["size"] >= signed
    assert proof["eventUuid"] in line
    again = await api.data(
        "query ($id: UUID!) { auditProof(eventId: $id) { position } }", id=proof["eventUuid"]
    )
    assert again["auditProof"]["position"] == 1


async def test_consistency_is_checked_without_the_server(api: Api, signed: int) -> None:
    found = await api.data(
        "{ auditConsistency(from: 3) { fromSize fromRootHash toSize toRootHash hashes } }"
    )
    proof = found["auditConsistency"]
    old, new, *hashes = (
        base64.b64decode(text)
        for text in (proof["fromRootHash"], proof["toRootHash"], *proof["hashes"])
    )
    assert verify_consistency(3, old, proof["toSize"], new, hashes)


@pytest.mark.parametrize(
    "question",
    [CHECKPOINT, "{ auditProof(position: 1) { position } }",
     "{ auditConsistency(from: 1, to: 2) { toSize } }"],
)  # fmt: skip
@pytest.mark.parametrize("who", ["sales", "service", "nobody"])
async def test_only_who_may_audit_asks_for_proofs(api: Api, question: str, who: str) -> None:
    assert await api.codes(question, who=who) == ["FORBIDDEN"]


@pytest.mark.parametrize(
    "question",
    ["{ auditProof { position } }",
     "{ auditConsistency(from: 9, to: 3) { toSize } }"],
)  # fmt: skip
async def test_what_cannot_be_proven_is_refused(api: Api, signed: int, question: str) -> None:
    (code,) = await api.codes(question)
    assert code != "INTERNAL"


async def test_there_is_no_proof_of_an_event_that_is_not_there(api: Api, signed: int) -> None:
    nowhere = "{ auditProof(position: 999999999) { position } }"
    unknown = '{ auditProof(eventId: "00000000-0000-0000-0000-000000000009") { position } }'
    for question in (nowhere, unknown):
        assert await api.data(question) == {"auditProof": None}


async def test_a_witness_computes_the_root_from_tiles(api: Api, signed: int) -> None:
    note = (await api.http.get("/audit/checkpoint")).text
    keys = api.services.audit.verifiers(api.services.crm.tenant_id)
    checkpoint = Checkpoint.parse(note, keys)
    frontier = Frontier()
    for index in range(0, checkpoint.size, 256):
        width = min(256, checkpoint.size - index)
        part = "" if width == 256 else f".p/{width}"
        tile = await api.http.get(f"/audit/tile/0/{index // 256:03d}{part}")
        assert tile.headers["content-type"] == "application/octet-stream"
        frontier.extend([tile.content[at : at + 32] for at in range(0, width * 32, 32)])
    assert frontier.root() == checkpoint.root


@pytest.mark.parametrize(
    "path", ["0/999", "0/000.p/0", "0/000.p/256", "0/1", "9/000", "0/x000/000x", "3/000"]
)
async def test_a_tile_that_is_not_signed_is_not_there(api: Api, signed: int, path: str) -> None:
    assert (await api.http.get(f"/audit/tile/{path}")).status_code == 404


@pytest.mark.parametrize(
    "question",
    ["{ auditCheckpoint { size } }", "{ auditProof(position: 1) { position } }",
     "{ auditConsistency(from: 1) { toSize } }"],
)  # fmt: skip
async def test_where_nothing_is_signed_that_is_said(api: Api, question: str) -> None:
    audit = AuditLog(api.services.crm.store.ledger, api.services.audit.store, None)
    app = create_app(replace(api.services, audit=audit))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://crm") as http:
        answer = await http.post("/graphql", json={"query": question}, headers=api.headers("admin"))
        checkpoint = await http.get("/audit/checkpoint")
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert error["extensions"]["reason"] == "audit_key.missing"
    assert checkpoint.status_code == 404
