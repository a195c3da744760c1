"""Who read what is recorded before it is shown, in few statements, and is changed by nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from crm_core import SYSTEM, Actor, ActorKind, Crm, Rejected, Unavailable
from crm_core.audit import reads as module
from crm_core.audit.reads import How, Read, ReadLog, ReadMode
from crm_core.customers import EraseCustomer, RegisterPerson
from crm_core.ledger.postgres.connections import Pool, open_pool

ADA, BOB, ANNA, KEY = UUID(int=1), UUID(int=2), UUID(int=7), UUID(int=8)
LONG_AGO, LONG_AFTER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@pytest.fixture
async def pool(crm: Crm, database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, "crm_tenant", tenant_id=crm.tenant_id, size=2)
    yield opened
    await opened.close()


@pytest.fixture
def log(crm: Crm, pool: Pool) -> ReadLog:
    return ReadLog(pool, crm.tenant_id)


def looked(who: Actor, *records: UUID, personal: bool = True) -> Read:
    return Read(who, How.QUERY, "look", {("customer", of): personal for of in records}, "a-request")


async def test_a_read_is_found_by_its_records_and_by_its_reader(log: ReadLog) -> None:
    anna = Actor.user(ANNA)
    await log.record(looked(anna, ADA, BOB))
    await log.record(looked(anna, BOB, personal=False))
    (found,) = await log.of([ADA])
    assert found.read == looked(anna, ADA)
    ada, bob = await log.by(ANNA, LONG_AGO, LONG_AFTER, limit=10)
    assert (ada.kind, ada.record_id, ada.times, ada.personal) == ("customer", ADA, 1, True)
    assert ada.first == ada.last == bob.first == found.recorded_at
    assert (bob.record_id, bob.times) == (BOB, 2)
    assert bob.last > bob.first
    assert await log.by(ANNA, LONG_AGO, LONG_AFTER, limit=10, after=ADA) == [bob]
    just_before = ada.first - timedelta(microseconds=1)
    assert await log.by(ANNA, LONG_AGO, just_before, limit=10) == []
    assert await log.by(ANNA, bob.last, bob.last, limit=10) == [
        bob._replace(first=bob.last, times=1, personal=False)
    ]


async def test_a_key_reads_for_its_user_and_who_is_impersonated_reads_nothing(
    log: ReadLog,
) -> None:
    await log.record(looked(Actor(ActorKind.API_KEY, str(KEY), str(ANNA)), ADA))
    await log.record(looked(Actor(ActorKind.USER, "eve", str(ANNA)), BOB))
    for reader in (ANNA, KEY):
        (read,) = await log.by(reader, LONG_AGO, LONG_AFTER, limit=10)
        assert read.record_id == ADA


async def test_requests_that_come_together_share_a_statement(
    log: ReadLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []
    record_all = log._recording._answer

    async def counted(reads: Any) -> bool:
        groups.append(len(reads))
        return await record_all(reads)

    monkeypatch.setattr(log._recording, "_answer", counted)
    anna = Actor.user(ANNA)
    await asyncio.gather(*(log.record(looked(anna, UUID(int=n + 1))) for n in range(60)))
    assert sum(groups) == 60
    assert len(groups) <= 2
    assert len(await log.by(ANNA, LONG_AGO, LONG_AFTER, limit=100)) == 60


async def test_what_cannot_be_recorded_may_not_be_shown(log: ReadLog, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("revoke insert on audit.reads from crm_tenant")
        with pytest.raises(Unavailable, match=r"reads\.not_recorded"):
            await log.record(looked(SYSTEM, ADA))
        owner.execute("grant insert on audit.reads to crm_tenant")
    await log.record(looked(SYSTEM, ADA))
    assert len(await log.of([ADA])) == 1


async def test_who_gives_up_waiting_harms_nobody(log: ReadLog) -> None:
    first = asyncio.create_task(log.record(looked(SYSTEM, ADA)))
    await asyncio.sleep(0)
    first.cancel()
    await log.record(looked(SYSTEM, BOB))
    assert first.cancelled()
    assert len(await log.of([BOB])) == 1


async def test_nobody_changes_the_log(log: ReadLog, database_url: str) -> None:
    await log.record(looked(SYSTEM, ADA))
    await log.begin()
    with psycopg.connect(database_url, autocommit=True) as owner:
        for change in (
            "update audit.reads set personal = '{false}'",
            "delete from audit.reads",
            "truncate audit.reads",
            "delete from audit.read_mode",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
                owner.execute(change)


async def test_off_records_nothing(crm: Crm, pool: Pool) -> None:
    log = ReadLog(pool, crm.tenant_id, ReadMode.OFF)
    await log.record(looked(SYSTEM, ADA))
    assert await log.of([ADA]) == []


@pytest.mark.parametrize(
    ("mode", "actor", "is_recorded"),
    [
        (ReadMode.OFF, Actor(ActorKind.USER, "eve", "anna"), False),
        (ReadMode.MATTERS, Actor(ActorKind.USER, "eve", "anna"), True),
        (ReadMode.MATTERS, Actor(ActorKind.API_KEY, "key", "anna"), False),
        (ReadMode.MATTERS, Actor.user(ANNA), False),
        (ReadMode.ALL, Actor.user(ANNA), True),
    ],
)
def test_the_mode_says_of_whom_all_is_recorded(
    pool: Pool, mode: ReadMode, actor: Actor, is_recorded: bool
) -> None:
    assert ReadLog(pool, ANNA, mode).records_all_of(actor) is is_recorded


async def test_a_change_of_the_mode_is_in_the_log(crm: Crm, pool: Pool) -> None:
    for mode in (ReadMode.MATTERS, ReadMode.MATTERS, ReadMode.ALL, ReadMode.OFF):
        await ReadLog(pool, crm.tenant_id, mode).begin()
    changes = await ReadLog(pool, crm.tenant_id).modes()
    assert [change.mode for change in changes] == [ReadMode.MATTERS, ReadMode.ALL, ReadMode.OFF]
    assert changes == sorted(changes)


async def test_more_reads_than_can_be_told_are_refused(
    log: ReadLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READS_MAX", 1)
    await log.record(looked(SYSTEM, ADA))
    assert len(await log.of([ADA])) == 1
    await log.record(looked(SYSTEM, ADA))
    with pytest.raises(Rejected, match=r"reads\.too_many"):
        await log.of([ADA])


async def test_an_erasure_leaves_the_log_which_has_ids_only(crm: Crm, log: ReadLog) -> None:
    await crm.execute(RegisterPerson(customer_id=ADA, name="Ada", email="a@example.com"), SYSTEM)
    await log.record(looked(Actor.user(ANNA), ADA))
    await crm.execute(EraseCustomer(customer_id=ADA), SYSTEM)
    (found,) = await log.of([ADA])
    assert found.read == looked(Actor.user(ANNA), ADA)
