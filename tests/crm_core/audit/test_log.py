"""The log grows with the ledger, signs what is consistent, and proves what it signed."""

from __future__ import annotations

import asyncio
import base64
import statistics
import time
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import structlog

from crm_core import NotFound, Rejected, SetupError
from crm_core.audit.crm_verify import (
    Checkpoint,
    Finding,
    verify_growth,
    verify_inclusion,
    verify_proof,
)
from crm_core.audit.integrator import Integrator
from crm_core.audit.log import AuditLog, Signer
from crm_core.audit.record import leaf_of
from crm_core.audit.signing import AuditKeys, Memory, made_key_file, new_key_line
from crm_core.audit.store import AuditStore
from crm_core.audit.tree import Edge
from crm_core.ledger.postgres.ledger import PostgresLedger

from .conftest import fill
from .events import TENANT, made_event


def root_of(size: int) -> bytes:
    edge = Edge()
    edge.extend([leaf_of(made_event(position)) for position in range(1, size + 1)])
    return edge.root()


async def tampered(url: str, *statements: str) -> None:
    """What a superuser can do who switches the triggers off."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as owner:
        await owner.execute("set session_replication_role = replica")
        for statement in statements:
            await owner.execute(statement)


async def test_the_signed_root_is_that_of_the_ledgers_events(
    audit: AuditLog, ledger: PostgresLedger
) -> None:
    for first, last in ((1, 1), (2, 300), (301, 700)):
        await fill(ledger, first, last)
        assert await audit.integrate(TENANT) == last
        signed = await audit.sign(TENANT)
        assert (signed.size, signed.root) == (last, root_of(last))
        assert signed.origin == f"crm/{TENANT}"
        assert (await audit.checkpoint(TENANT)).note == signed.note


async def test_an_event_is_proven_to_who_has_the_public_key(
    audit: AuditLog, ledger: PostgresLedger
) -> None:
    await fill(ledger, 1, 600)
    await audit.integrate(TENANT)
    await audit.sign(TENANT)
    keys = [str(key) for key in audit.verifiers(TENANT)]
    for position in (1, 255, 256, 257, 600):
        proof = await audit.prove(TENANT, position)
        assert verify_inclusion(
            leaf_of(made_event(position)), position - 1, 600, proof.hashes, root_of(600)
        )
        assert verify_proof(proof.text, keys)[0].size == 600
    with pytest.raises(Finding, match=r"checkpoint\.unsigned"):
        verify_proof(proof.text, [str(k) for k in AuditKeys.parse(new_key_line()).verifiers("x")])
    with pytest.raises(Finding):
        verify_proof(proof.text.replace("extra ey", "extra ez", 1), keys)
    assert await audit.position_of(TENANT, made_event(7).event_id) == 7
    with pytest.raises(NotFound):
        await audit.prove(TENANT, 601)
    with pytest.raises(NotFound):
        await audit.position_of(TENANT, UUID(int=10**9))


async def test_what_is_not_signed_yet_is_not_proven(
    audit: AuditLog, ledger: PostgresLedger
) -> None:
    await fill(ledger, 1, 3)
    with pytest.raises(Rejected, match=r"audit\.no_checkpoint"):
        await audit.prove(TENANT, 1)
    await audit.integrate(TENANT)
    await audit.sign(TENANT)
    await fill(ledger, 4, 4)
    with pytest.raises(Rejected, match=r"audit\.not_signed_yet"):
        await audit.prove(TENANT, 4)


async def test_every_size_is_consistent_with_every_earlier_one(
    audit: AuditLog, ledger: PostgresLedger
) -> None:
    await fill(ledger, 1, 520)
    await audit.integrate(TENANT)
    for old, new in ((0, 520), (1, 2), (256, 257), (255, 520), (300, 300)):
        proof = await audit.consistency(TENANT, old, new)
        assert proof.holds
        assert (proof.old_root, proof.new_root) == (root_of(old), root_of(new))
    with pytest.raises(Rejected, match=r"audit\.no_such_size"):
        await audit.consistency(TENANT, 0, 521)


async def test_many_integrators_make_one_tree(audit: AuditLog, ledger: PostgresLedger) -> None:
    await fill(ledger, 1, 5_000)
    others = [AuditLog(ledger, AuditStore(audit.store._pool), audit.signer) for _ in range(3)]
    await asyncio.gather(*(log.integrate(TENANT) for log in (audit, *others)))
    await audit.integrate(TENANT)
    signed = await asyncio.gather(*(log.sign(TENANT) for log in (audit, *others)))
    assert {(checkpoint.size, checkpoint.root) for checkpoint in signed} == {
        (5_000, root_of(5_000))
    }


async def test_the_tree_is_signed_up_to_the_ledger_within_a_second(
    audit: AuditLog, ledger: PostgresLedger
) -> None:
    running = asyncio.create_task(Integrator(audit).run())
    taken = []
    for position in range(1, 8):
        await fill(ledger, position, position)
        began = time.monotonic()
        assert await signed_in(audit, position, seconds=20)
        taken.append(time.monotonic() - began)
    running.cancel()
    assert statistics.median(taken) < 1, "the machine may be busy once, not always"


async def signed_in(audit: AuditLog, size: int, seconds: float) -> bool:
    for _ in range(int(seconds * 100)):
        if any(signed.size >= size for signed in await audit.checkpoints(TENANT)):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_that_a_checkpoint_continues_another_is_checked_by_who_kept_it(
    audit: AuditLog, ledger: PostgresLedger
) -> None:
    notes = []
    for first, last in ((1, 5), (6, 13)):
        await fill(ledger, first, last)
        await audit.integrate(TENANT)
        notes.append((await audit.sign(TENANT)).note)
    old, new = notes
    keys = [str(key) for key in audit.verifiers(TENANT)]
    text = (await audit.consistency(TENANT, 5, 13)).text(new)
    assert verify_growth(text, old, keys).size == 13
    hashes = text.split("\n")
    swapped = "\n".join([hashes[0], hashes[2], hashes[1], *hashes[3:]])
    for bad, kept, code in (
        (swapped, old, "seen.not_continued"),
        (text.replace("\n", "\nAAAA\n", 1), old, "proof.malformed"),
        (text, new, "proof.other_size"),
        (text.replace("old 5", "old 13"), new, "seen.not_continued"),
        (text.replace("old 5", "older 5"), old, "proof.malformed"),
        (text[:-3] + "AA\n", old, "checkpoint"),
    ):
        with pytest.raises(Finding) as found:
            verify_growth(bad, kept, keys)
        assert found.value.code.startswith(code)


# --- a history that was changed is never signed ---------------------------------------------------

ROLL_BACK = (
    "delete from ledger.event where position > 20",
    "update ledger.head set position = 20",
    "update audit.tree set size = 20",
    "delete from audit.checkpoint where size > 20",
)


async def test_a_database_that_was_rolled_back_is_not_signed(
    audit: AuditLog, ledger: PostgresLedger, database_url: str
) -> None:
    await fill(ledger, 1, 30)
    await audit.integrate(TENANT)
    await audit.sign(TENANT)
    await tampered(database_url, *ROLL_BACK)
    await audit.integrate(TENANT)
    with pytest.raises(Rejected, match=r"audit\.rolled_back"):
        await audit.sign(TENANT)


async def test_a_forked_database_is_not_signed_and_the_alert_says_so(
    audit: AuditLog, ledger: PostgresLedger, database_url: str
) -> None:
    await fill(ledger, 1, 30)
    integrator = Integrator(audit)
    await integrator.turn()
    await tampered(
        database_url,
        *ROLL_BACK,
        "insert into ledger.event select (jsonb_populate_record(e, jsonb_build_object('position',"
        " position + 20, 'event_id', gen_random_uuid(), 'version', version + 100))).*"
        " from ledger.event as e",
        "update ledger.head set position = 40",
    )
    with structlog.testing.capture_logs() as logs:
        await integrator.turn()
        await integrator.turn()
    assert [(entry["event"], entry["code"]) for entry in logs] == [
        ("audit.not_signed", "audit.forked")
    ]
    note = await audit.store.last_note(TENANT, audit.origin(TENANT))
    assert note is None or "\n40\n" not in note


async def test_a_signer_without_its_memory_would_sign_a_fork(
    audit: AuditLog, ledger: PostgresLedger, database_url: str, tmp_path: Path
) -> None:
    """The planted bug: it is the memory outside the database that the tests above rest on."""
    await fill(ledger, 1, 30)
    await audit.integrate(TENANT)
    await audit.sign(TENANT)
    await tampered(database_url, *ROLL_BACK)
    forgetful = Signer(audit.signer.keys, Memory(tmp_path / "elsewhere"))
    naive = AuditLog(ledger, audit.store, forgetful)
    assert (await naive.sign(TENANT)).size == 20


async def test_a_hole_in_the_ledger_is_not_integrated(
    audit: AuditLog, ledger: PostgresLedger, database_url: str
) -> None:
    await fill(ledger, 1, 9)
    await tampered(database_url, "delete from ledger.event where position = 4")
    with pytest.raises(Rejected, match=r"audit\.gap \(position=4\)"):
        await audit.integrate(TENANT)


async def test_a_changed_event_is_not_proven(
    audit: AuditLog, ledger: PostgresLedger, database_url: str
) -> None:
    await fill(ledger, 1, 9)
    await audit.integrate(TENANT)
    await audit.sign(TENANT)
    await tampered(database_url, "update ledger.event set reason = 'x' where position = 4")
    with pytest.raises(Rejected, match=r"audit\.event_changed \(position=4\)"):
        await audit.prove(TENANT, 4)


# --- keys -----------------------------------------------------------------------------------------


async def test_during_a_change_of_keys_either_key_vouches(
    audit: AuditLog, ledger: PostgresLedger
) -> None:
    old_line, new_line = new_key_line(), new_key_line()
    old, new = (AuditKeys.parse(line) for line in (old_line, new_line))
    both = AuditKeys.parse(f"# the new one first\n{new_line}\n{old_line}\n")
    memory, origin = audit.signer.memory, audit.origin(TENANT)
    notes = []
    for position, keys in enumerate((old, both), start=1):
        await fill(ledger, position, position)
        log = AuditLog(ledger, audit.store, Signer(keys, memory))
        await log.integrate(TENANT)
        notes.append((await log.sign(TENANT)).note)
    Checkpoint.parse(notes[1], old.verifiers(origin))
    Checkpoint.parse(notes[1], new.verifiers(origin))
    retired = old.verifiers(origin)[0]
    after = AuditKeys.parse(f"{new_line}\nretired {base64.b64encode(retired.public).decode()}")
    await fill(ledger, 3, 3)
    log = AuditLog(ledger, audit.store, Signer(after, memory))
    await log.integrate(TENANT)
    third = await log.sign(TENANT)
    with pytest.raises(Finding, match=r"checkpoint\.unsigned"):
        Checkpoint.parse(third.note, [retired])
    assert str(retired) in map(str, log.verifiers(TENANT))


def test_a_key_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    made = made_key_file(tmp_path / "audit.key")
    assert (tmp_path / "audit.key").stat().st_mode & 0o777 == 0o600
    again = made_key_file(tmp_path / "audit.key")
    assert [str(k) for k in made.verifiers("o")] == [str(k) for k in again.verifiers("o")]
    assert "Ed25519" not in repr(made)


@pytest.mark.parametrize("text", ["", "ed25519 AAAA", "rsa AAAA", "ed25519 ???", "retired x"])
def test_a_malformed_key_is_refused(text: str) -> None:
    with pytest.raises(SetupError) as refused:
        AuditKeys.parse(text)
    assert refused.value.code == "audit_key.wrong_shape"


async def test_without_a_key_the_tree_grows_and_nothing_is_signed(
    audit: AuditLog, ledger: PostgresLedger
) -> None:
    await fill(ledger, 1, 3)
    unsigned = AuditLog(ledger, audit.store, None)
    await Integrator(unsigned).turn()
    assert await audit.store.size(TENANT) == 3
    with pytest.raises(SetupError) as refused:
        await unsigned.checkpoint(TENANT)
    assert refused.value.code == "audit_key.missing"


async def test_a_broken_memory_is_not_taken_for_none(
    audit: AuditLog, ledger: PostgresLedger, tmp_path: Path
) -> None:
    await fill(ledger, 1, 3)
    await audit.integrate(TENANT)
    await audit.sign(TENANT)
    (kept,) = (tmp_path / "signed").glob("*.checkpoint")
    kept.write_text("")
    with pytest.raises(Rejected, match=r"audit\.memory_broken"):
        await audit.sign(TENANT)
