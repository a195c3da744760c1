"""A worker may die at any statement, before or after the server has heard of it (G3).

The statements are not listed here: a server in between counts the messages and breaks off at each
in turn, until a run gets through without having reached its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from crm_core import Crm, RecordedEvent
from crm_core.ledger.postgres.arrays import register_arrays
from crm_core.ledger.postgres.connections import Pool
from crm_projections.checkpoints import Slot
from crm_projections.generations import roll_back
from crm_projections.projection import Projection
from crm_projections.rebuilding import Rebuild
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner
from crm_projections.storage import Storage
from crm_projections.ticket_queue.projection import TicketQueue
from projecting import Fold, Tally, fill, somebody, tell
from severing import Severing, Side, severing

Work = Callable[[Pool], Awaitable[object]]


async def die_at(broken: Severing, at: int, side: Side, work: Work) -> bool:
    """Does the work in what stands for a process of its own; whether that died at its turn."""
    pool = Connections(broken.url)
    broken.arm(at, side)
    working = asyncio.ensure_future(work(cast("Pool", pool)))
    dying = asyncio.create_task(broken.severed.wait())
    await asyncio.wait([working, dying], return_when=asyncio.FIRST_COMPLETED)
    died = broken.severed.is_set()
    while died and not working.done():  # nothing in it may go on, not even its way out
        working.cancel()
        await asyncio.sleep(0)
    dying.cancel()
    await pool.close()
    broken.arm()
    if not died:
        await working
    return died


class Connections:
    """A pool that is gone with its process: nothing connects again in the background."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free: list[psycopg.AsyncConnection] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection]:
        connection = self._free.pop() if self._free else await self._connect()
        try:
            yield connection
        finally:
            if connection.info.transaction_status is TransactionStatus.IDLE:
                self._free.append(connection)
            else:
                await connection.close()

    async def close(self) -> None:
        for connection in self._free:
            await connection.close()

    async def _connect(self) -> psycopg.AsyncConnection:
        connection = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, options="-c role=crm_projector -c timezone=UTC"
        )
        register_arrays(connection.adapters)
        return connection


async def expire_leases(projector: Pool) -> None:
    """Lets the time pass for which a dead worker's leases are left alone."""
    async with projector.connection() as connection:
        await connection.execute(
            "update read_model.checkpoint set leased_until = '-infinity'"
            " where leased_until is not null"
        )
        await connection.execute("update read_model.rebuild set tended_until = '-infinity'")


# --- applying -------------------------------------------------------------------------------------


async def crash_while_applying(
    crm: Crm, projector: Pool, broken: Severing, projections: Sequence[Projection] = PROJECTIONS
) -> int:
    """How many crash points there were; after each, a second worker took what was left further."""
    runner = ProjectionRunner(crm.store, projector, projections)
    await runner.prepare()
    fold = Fold(crm, projections)

    async def work(pool: Pool) -> None:
        await ProjectionRunner(crm.store, pool, projections).catch_up(crm.tenant_id)

    points = 0
    for side in Side:
        at, died = 1, True
        while died:
            await tell(crm, *somebody(f"{side.name.lower()}{at}")[:4])
            died = await die_at(broken, at, side, work)
            await expire_leases(projector)
            await runner.catch_up(crm.tenant_id)
            assert await runner.digests(crm.tenant_id) == await fold.digests(), (at, side)
            points += died
            at += 1
    return points


async def test_a_worker_that_dies_at_any_statement_leaves_rows_and_checkpoint_agreed(
    crm: Crm, projector: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_projections.applying._BATCH_EVENTS", 1)
    async with severing(database_url) as broken:
        assert await crash_while_applying(crm, projector, broken) >= 270


async def test_a_checkpoint_that_is_moved_in_a_transaction_of_its_own_is_found_out(
    crm: Crm, projector: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Storage.apply

    async def apart(
        self: Storage, of: Projection, slot: Slot, events: Sequence[RecordedEvent], to: int
    ) -> None:
        # The rows with a checkpoint that is put back at once, and then the checkpoint alone.
        async with self.pool.connection() as connection, connection.transaction():
            await self.apply_within(connection, of, slot, events, to)
            await connection.execute(
                "update read_model.checkpoint set position = %s", [slot.position]
            )
        await apply(self, of, slot, (), to)

    monkeypatch.setattr(Storage, "apply", apart)
    async with severing(database_url) as broken:
        with pytest.raises(AssertionError):
            await crash_while_applying(crm, projector, broken, [Tally()])


# --- rebuilding, switching, rolling back ----------------------------------------------------------


async def crash_meanwhile(
    crm: Crm, projector: Pool, broken: Severing, projections: Sequence[Projection], work: Work
) -> int:
    """How many crash points there were; at each, what serves went on to be right."""
    runner = ProjectionRunner(crm.store, projector, projections)
    await runner.prepare()
    await runner.catch_up(crm.tenant_id)
    fold = Fold(crm, projections)
    points = 0
    for side in Side:
        at, died = 1, True
        while died:
            died = await die_at(broken, at, side, work)
            await expire_leases(projector)
            await runner.catch_up(crm.tenant_id)
            assert await runner.digests(crm.tenant_id) == await fold.digests(), (at, side)
            points += died
            at += 1
    return points


async def test_a_rebuild_that_dies_at_any_statement_leaves_what_serves_as_it_was(
    crm: Crm, projector: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_projections.rebuilding.parts.PART_EVENTS", 10)
    kept = [TicketQueue()]
    await fill(crm, people=2)

    async def work(pool: Pool) -> None:
        await Rebuild(crm.store, pool, kept).run()

    async with severing(database_url) as broken:
        assert await crash_meanwhile(crm, projector, broken, kept, work) >= 270
    await work(projector)
    assert await tables_of(projector, kept) == 2 * len(TicketQueue.tables)  # serves; kept


async def test_a_rollback_that_dies_at_any_statement_happens_or_does_not(
    crm: Crm, projector: Pool, database_url: str
) -> None:
    kept = [TicketQueue()]
    await fill(crm, people=2)
    runner = ProjectionRunner(crm.store, projector, kept)
    await runner.prepare()
    await Rebuild(crm.store, projector, kept).run()

    async def work(pool: Pool) -> None:
        async with pool.connection() as connection:
            await roll_back(connection, "ticket_queue")

    async with severing(database_url) as broken:
        assert await crash_meanwhile(crm, projector, broken, kept, work) >= 25


async def tables_of(projector: Pool, projections: Sequence[Projection]) -> int:
    """How many tables there are of all generations."""
    patterns = [f"{table.name}\\_\\_%" for of in projections for table in of.tables]
    async with projector.connection() as connection:
        found = await connection.execute(
            "select count(*) from pg_tables where schemaname = 'read_model'"
            " and tablename like any(%s)",
            [patterns],
        )
        row = await found.fetchone()
        assert row is not None
        return int(row[0])
