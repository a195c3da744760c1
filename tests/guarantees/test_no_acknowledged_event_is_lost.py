"""G1: what a writer was told is stored, it is there, whatever happens to the server.

The whole database server is killed under load, again and again; writers and readers go on by
themselves as soon as it is back. A kill takes all that the server had not handed to the kernel;
what the kernel had not handed to the disk, only a power cut takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from random import Random
from uuid import UUID, uuid4

import pytest

from crm_core import SYSTEM, Crm, SetupError
from crm_core.customers import RegisterPerson
from crm_core.kernel.clock import ManualClock
from crm_core.kernel.errors import CrmError
from crm_core.kernel.ids import new_id
from crm_core.ledger.admission import Admission
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.postgres.migrate import migrate
from crm_core.ledger.records import Append, Appended

from . import numbers
from .history import Reading, faults_of_log, faults_of_receipts
from .reading import by_position, patiently, tail
from .server import Server, running_server
from .writing import Appending, Record, keep_writing, ledgers, whole_log

TENANTS = [uuid4() for _ in range(3)]
WRITERS_A_LEDGER = 8
ACKNOWLEDGED_BETWEEN_KILLS = 100


@pytest.fixture(autouse=True)
def quick_reconnection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm_core.ledger.postgres.connections._RECONNECT_SECONDS", 0.05)


async def test_killing_the_server_loses_nothing_that_was_acknowledged_or_read() -> None:
    with running_server() as server:
        await migrate(server.url())
        async with ledgers(server.url(), 2) as (here, there):
            readings = [Reading(f"the reader of {tenant_id}") for tenant_id in TENANTS]
            over = asyncio.Event()
            async with asyncio.TaskGroup() as readers:
                for tenant_id, reading in zip(TENANTS, readings, strict=True):
                    readers.create_task(tail(there, tenant_id, reading, over.is_set))
                record = await write_under_kills(server, [here, there], kills=numbers.KILLS)
                over.set()
            assert await record.faults(here) == []
            for tenant_id, reading in zip(TENANTS, readings, strict=True):
                log = by_position(await whole_log(here, tenant_id))
                assert reading.faults_against(log) == []


async def test_killing_the_server_loses_no_command_that_has_its_receipt() -> None:
    with running_server() as server:
        await migrate(server.url())
        async with await Crm.open(server.url(), root_key=bytes(32)) as crm:
            record, done = Record(), asyncio.Event()

            async def register() -> None:
                while not done.is_set():
                    person, command_id = RegisterPerson(name="Ada"), new_id()
                    execute = partial(crm.execute, person, SYSTEM, command_id=command_id)
                    record.tell(crm.tenant_id, await patiently(execute))

            async with asyncio.TaskGroup() as clients:
                for _ in range(WRITERS_A_LEDGER):
                    clients.create_task(register())
                for _ in range(numbers.KILLS // 4):
                    await record.reach(record.acknowledged + 20)
                    await kill_and_start(server)
                done.set()
            log, receipts = await whole_log(crm.store.ledger, crm.tenant_id), record.told
            assert faults_of_log(log) + faults_of_receipts(log, receipts[crm.tenant_id]) == []
            assert len(log) == record.acknowledged


async def test_who_waits_is_served_when_the_database_is_back_after_long() -> None:
    """Longer than the pool's own patience, after which it would try no more."""
    with running_server() as server:
        await migrate(server.url())
        async with ledgers(server.url(), 1) as (ledger,):
            server.kill()
            waiting = asyncio.create_task(patiently(lambda: ledger.head(TENANTS[0])))
            await asyncio.sleep(0.5)  # ten times the patience
            server.start()
            async with asyncio.timeout(10):
                assert (await waiting).position == 0


async def test_a_server_without_fsync_is_refused() -> None:
    """The other two settings: tests/crm_core/test_crm.py."""
    with running_server(settings={"fsync": "off"}) as server:
        await migrate(server.url())
        with pytest.raises(SetupError) as refused:
            await open_pool(server.url(), "crm_app")
    assert (refused.value.code, refused.value.parameters) == ("database.unsafe", {"off": ["fsync"]})


# --- planted bugs: the same kills must show them


async def test_a_server_that_acknowledges_before_it_writes_is_caught_losing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CRM_ALLOW_UNSAFE_DATABASE", "1")
    slow = {"synchronous_commit": "off", "wal_writer_delay": "10s", "wal_writer_flush_after": "1GB"}
    with running_server(settings=slow) as server:
        await migrate(server.url())
        server.run("psql", server.url(), "-c", "checkpoint")  # or the tables would be lost as well
        async with ledgers(server.url(), 1) as (ledger,):
            record = await write_under_kills(server, [ledger], kills=2)
            assert any("is lost" in fault for fault in await record.faults(ledger))


class HastyLedger:
    """Acknowledges an append that it has only begun to store."""

    def __init__(self, ledger: PostgresLedger) -> None:
        self._ledger = ledger
        self._storing: asyncio.Task[object] | None = None
        self._turn = asyncio.Lock()

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        async with self._turn:
            if self._storing is not None:
                await asyncio.wait([self._storing])
            head = await self._ledger.head(tenant_id)
            promised = Admission(tenant_id, head, self._ledger.clock.now())
            self._storing = asyncio.create_task(self._ledger.append(tenant_id, appends))
            return [promised.admit(append) for append in appends]


async def test_a_ledger_that_acknowledges_before_it_commits_is_caught_losing() -> None:
    with running_server() as server:
        await migrate(server.url())
        clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
        async with ledgers(server.url(), 1, clock=clock, recovery_seconds=0) as (ledger,):
            hasty = HastyLedger(ledger)
            for _ in range(20):
                record = await write_under_kills(server, [hasty], kills=1)
                if any("is lost" in fault for fault in await record.faults(ledger)):
                    return
        pytest.fail("nobody noticed what was lost")


# --- the workshop


async def write_under_kills(server: Server, ledgers: Sequence[Appending], *, kills: int) -> Record:
    """Many writers on three tenants while the server is killed and started again."""
    record, random = Record(), Random(1)
    done = asyncio.Event()
    async with asyncio.TaskGroup() as writers:
        for ledger in ledgers:
            for n in range(WRITERS_A_LEDGER):
                tenant_id = TENANTS[n % len(TENANTS)]
                writers.create_task(keep_writing(ledger, tenant_id, record, done.is_set, seed=n))
        for _ in range(kills):
            await record.reach(record.acknowledged + ACKNOWLEDGED_BETWEEN_KILLS)
            await asyncio.sleep(random.uniform(0, 0.05))
            await kill_and_start(server)
        await record.reach(record.acknowledged + ACKNOWLEDGED_BETWEEN_KILLS)
        done.set()
    return record


async def kill_and_start(server: Server) -> None:
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
