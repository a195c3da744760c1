"""G2: every reader gets every event, once and in order, whatever the writers are doing.

Several processes write to several tenants; transactions stall for up to half a second while they
hold a tenant's head, and some of them roll back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from crm_core import RecordedEvent, new_id
from crm_core.ledger.event_store import EventStore
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.keys import PostgresKeyStore
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.selection import EVERYTHING, Selection
from crm_core.ledger.subscription import Subscription, Tail
from crm_core.privacy.keys import Keyring
from crm_projections.digest import digest_of
from crm_projections.projection import Projection, project
from crm_projections.registry import PROJECTIONS
from crm_projections.rows import Rows
from crm_projections.runner import ProjectionRunner
from crm_projections.tables import Row, Table

from . import numbers
from .bulk import ADDED, ADDED_DATA, write_products
from .history import Reading, faults_of_log
from .reading import by_position, tail
from .writing import ledgers, whole_log

ROOT = Path(__file__).parents[2]
SOME = Selection(types=[ADDED])
STALLS_A_TENANT = 12
STALL_SECONDS_MAX = 0.5


class TallyRow(Row, frozen=True, kw_only=True):
    lane: int
    seen: int
    last: int
    missteps: int


TALLY = Table("test_tally", TallyRow, key=("lane",))


class Tally(Projection):
    """Counts what reaches a read model, and every event that did not follow on the one before."""

    name = "test_tally"
    tables = (TALLY,)

    def needs(self, event: RecordedEvent) -> Iterable[tuple[Table[Any], Any]]:
        return [(TALLY, 0)]

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        row = rows.get(TALLY, 0) or TallyRow(lane=0, seen=0, last=0, missteps=0)
        missteps = row.missteps + (event.position != row.last + 1)
        rows.put(TALLY, TallyRow(lane=0, seen=row.seen + 1, last=event.position, missteps=missteps))


@pytest.mark.parametrize("_round", range(numbers.READING_ROUNDS))
async def test_every_reader_gets_every_event_once_and_in_order(
    database_url: str, _round: int
) -> None:
    tenants = [uuid4() for _ in range(3)]
    async with ledgers(database_url, 2) as (here, apart):
        store = store_over(apart)
        async with projecting(database_url, store) as runner:
            readings = await read_while_many_write(database_url, tenants, store_over(here), store)
            for tenant_id in tenants:
                log = await whole_log(apart, tenant_id)
                assert faults_of_log(log) == []
                for reading, selection in readings[tenant_id]:
                    wanted = [event for event in log if selection.selects(event)]
                    assert reading.faults_against(by_position(wanted)) == []
                await runner.wait_for(tenant_id, len(log), seconds=60)
                assert await tally(database_url, tenant_id) == (len(log), len(log), 0)
            await assert_read_models_are_the_fold(runner, store, tenants[-1])
        assert sum((await apart.heads()).values()) >= numbers.EVENTS_A_ROUND


# --- planted bugs: the same checker must show them


async def test_a_reader_of_sequence_numbers_is_caught_skipping(database_url: str) -> None:
    """Numbers of a sequence are given before the commit, so a later one can show first."""
    reading, over = Reading("the naive reader"), asyncio.Event()
    async with await connect(database_url) as reader:
        await reader.execute("create sequence naive_id")
        await reader.execute("create table naive (id bigint, event_id uuid)")

        async def write(seed: int) -> None:
            random = Random(seed)
            async with await connect(database_url) as writer:
                for _ in range(20):
                    async with writer.transaction():
                        await writer.execute(
                            "insert into naive values (nextval('naive_id'), %s)", [uuid4()]
                        )
                        await asyncio.sleep(random.uniform(0, 0.02))

        async def read() -> None:
            while not over.is_set():
                found = await reader.execute(
                    "select id, event_id from naive where id > %s order by id", [reading.last]
                )
                reading.take(await found.fetchall())

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read())
            async with asyncio.TaskGroup() as writers:
                for seed in range(8):
                    writers.create_task(write(seed))
            over.set()
        found = await reader.execute("select id, event_id from naive")
        faults = reading.faults_against(dict(await found.fetchall()))
    assert any("skipped" in fault for fault in faults)


async def test_a_projection_that_skips_or_doubles_is_caught(database_url: str) -> None:
    async with ledgers(database_url, 2) as (here, _):
        tenant_id = uuid4()
        await write_products(here, tenant_id, 500)
        events = await store_over(here).decode(await whole_log(here, tenant_id))
    for wrong in (events[:3] + events[4:], events[:3] + events[2:]):
        (row,) = project(Tally(), wrong).all(TALLY)
        assert row.missteps == 1


# --- the workshop


async def read_while_many_write(
    url: str, tenants: Sequence[UUID], here: EventStore, apart: EventStore
) -> dict[UUID, list[tuple[Reading, Selection]]]:
    """What readers of every kind saw of each tenant, and what they had asked for."""
    big, middle, small = tenants
    near, choosy, typed = (
        Reading("the near one"),
        Reading("the choosy one"),
        Reading("the typed one"),
    )
    far = {tenant_id: Reading(f"the far reader of {tenant_id}") for tenant_id in tenants}
    written = asyncio.Event()
    over = written.is_set
    async with asyncio.TaskGroup() as readers:
        readers.create_task(subscribe(here, middle, near, written))
        readers.create_task(tail(apart.ledger, big, choosy, over, SOME))
        readers.create_task(tail_typed(apart, small, typed, written))
        for tenant_id, reading in far.items():
            readers.create_task(tail(apart.ledger, tenant_id, reading, over))
        async with asyncio.TaskGroup() as writers:
            for tenant_id, share in zip(tenants, (2, 3, 6), strict=True):
                events = numbers.EVENTS_A_ROUND // share
                writers.create_task(write_products(here.ledger, tenant_id, events // 4))
                writers.create_task(write_apart(url, tenant_id, events * 3 // 4 + 1_000))
                writers.create_task(stall(url, tenant_id, seed=share))
        written.set()
    return {
        big: [(far[big], EVERYTHING), (choosy, SOME)],
        middle: [(far[middle], EVERYTHING), (near, EVERYTHING)],
        small: [(far[small], EVERYTHING), (typed, EVERYTHING)],
    }


async def tail_typed(
    store: EventStore, tenant_id: UUID, reading: Reading, written: asyncio.Event
) -> None:
    """Reads typed events page by page, again and again from where it came to."""
    over = False
    while not over:
        over = written.is_set()
        async for page in store.pages(tenant_id, after=reading.last):
            reading.take((event.position, event.event_id) for event in page)
        await store.ledger.wait(tenant_id, after=reading.last, seconds=0.1)


async def subscribe(
    store: EventStore, tenant_id: UUID, reading: Reading, written: asyncio.Event
) -> None:
    """Takes event by event, and loses patience again and again."""
    events = Subscription(store, Tail(store.ledger), tenant_id, EVERYTHING, after=0)
    while not (written.is_set() and reading.last == (await store.ledger.head(tenant_id)).position):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                async for event in events:
                    reading.take([(event.position, event.event_id)])


async def write_apart(url: str, tenant_id: UUID, events: int) -> None:
    """Another process that writes to the same tenant."""
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.guarantees.bulk", str(tenant_id), str(events)),
        cwd=ROOT,
        env={**os.environ, "CRM_DATABASE_URL": url},
    )
    assert await writer.wait() == 0


async def stall(url: str, tenant_id: UUID, seed: int) -> None:
    """Takes the tenant's head as the ledger does, stores an event, waits, and often rolls back."""
    random = Random(seed)
    async with await connect(url) as connection:
        for _ in range(STALLS_A_TENANT):
            await asyncio.sleep(random.uniform(0, 0.2))
            async with connection.transaction() as transaction:
                await connection.execute(
                    "select from ledger.head where tenant_id = %s for update", [tenant_id]
                )
                event = {"new": new_id(), "type": ADDED, "data": ADDED_DATA}
                await connection.execute(_STORE_ONE, {"tenant": tenant_id, **event})
                await asyncio.sleep(random.uniform(0, STALL_SECONDS_MAX))
                if random.random() < 0.5:
                    raise psycopg.Rollback(transaction)


_STORE_ONE = """
with moved as (
    update ledger.head set position = position + 1,
           recorded_at = greatest(now(), recorded_at + interval '1 microsecond')
     where tenant_id = %(tenant)s returning *
)
insert into ledger.event (tenant_id, position, event_id, stream_type, stream_id, version, type,
    schema_version, recorded_at, actor_kind, actor_id, command_id, correlation_id, data)
select tenant_id, position, %(new)s, 'sales.product', %(new)s, 1, %(type)s, 1,
       recorded_at, 'SYSTEM', 'crm', %(new)s, %(new)s, %(data)s from moved
"""


async def connect(url: str) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    return await psycopg.AsyncConnection.connect(url, autocommit=True)


def store_over(ledger: PostgresLedger) -> EventStore:
    return EventStore(ledger, Keyring(bytes(32), PostgresKeyStore(ledger._pool)))


@asynccontextmanager
async def projecting(url: str, store: EventStore) -> AsyncIterator[ProjectionRunner]:
    """A runner that keeps every read model of the product, and the tally."""
    pool = await open_pool(url, "crm_projector", size=4)
    runner = ProjectionRunner(store, pool, [*PROJECTIONS, Tally()])
    await runner.prepare()
    running = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await pool.close()


async def tally(url: str, tenant_id: UUID) -> tuple[Any, ...] | None:
    async with await connect(url) as connection:
        found = await connection.execute(
            "select seen, last, missteps from read_model.test_tally where tenant_id = %s",
            [tenant_id],
        )
        return await found.fetchone()


async def assert_read_models_are_the_fold(
    runner: ProjectionRunner, store: EventStore, tenant_id: UUID
) -> None:
    events = [event async for page in store.pages(tenant_id) for event in page]
    stored = await runner.digests(tenant_id)
    for name, projection in runner.projections.items():
        assert stored[name] == digest_of(projection, project(projection, events))
