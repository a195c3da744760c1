"""Are the rows that serve what the events say? Compared with a fresh generation, row by row."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from crm_core.ledger.event_store import EventStore
from crm_projections.generations import (
    Connection,
    Gap,
    Generation,
    begin_checkpoints,
    gaps_to_live,
    hold_live,
)
from crm_projections.projection import Projection
from crm_projections.storage import Storage, digest_within, snapshot
from crm_projections.tables import Table
from crm_projections.takeover import GAP_EVENTS_MAX, CannotFollow, close_gap

__all__ = ["Comparison", "compare"]

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows of the fresh generation, and how many of both are not the same, bit by bit, in both.

    `digests`: of the rows that serve and of the fresh ones, in the tenant they were asked for.
    """

    rows: int
    differing: int
    digests: tuple[str, str] | None = None


async def compare(
    store: EventStore,
    storage: Storage,
    projection: Projection,
    generation: Generation,
    digests_of: UUID | None = None,
) -> Comparison | None:
    """Compares the generation with the live one of the same version, both at the same positions.

    The live one stands still while this one takes the last steps, not while they are compared: that
    is done in a snapshot. Tenants in which the live one is behind, or this one cannot follow, are
    left out. None where the live one is of another version, or never stands still.
    """
    async with storage.pool.connection() as connection:
        await begin_checkpoints(connection, generation)
        live, _ = await gaps_to_live(connection, generation)
    if live.version != generation.version:
        return None
    follow = _Follower(store, storage, projection, generation)
    for _ in range(_ATTEMPTS):
        await follow.most()
        async with AsyncExitStack() as stack:
            reading = await stack.enter_async_context(storage.pool.connection())
            with suppress(psycopg.errors.LockNotAvailable):
                async with storage.pool.connection() as holding, holding.transaction():
                    gaps = await hold_live(holding, generation)
                    if follow.events(gaps) > GAP_EVENTS_MAX:
                        continue
                    await follow.step(gaps)
                    await stack.enter_async_context(snapshot(reading))
                    live, gaps = await gaps_to_live(reading, generation)
                level = [gap.tenant_id for gap in gaps if gap.events == 0]
                found = await _compared(reading, projection, live, generation, level)
                if digests_of not in level:
                    return found
                digests = [
                    (await digest_within(reading, digests_of, projection, of))[0]
                    for of in (live, generation)
                ]
                return Comparison(found.rows, found.differing, (digests[0], digests[1]))
    return None


class _Follower:
    """Takes a generation as far as the live one is, and no further."""

    def __init__(
        self,
        store: EventStore,
        storage: Storage,
        projection: Projection,
        generation: Generation,
    ) -> None:
        self._store, self._storage = store, storage
        self._projection, self._generation = projection, generation
        self._given_up: set[UUID] = set()

    def events(self, gaps: Collection[Gap]) -> int:
        return sum(gap.events for gap in self._behind(gaps))

    async def most(self) -> None:
        """Until little is left."""
        while True:
            async with self._storage.pool.connection() as connection:
                _, gaps = await gaps_to_live(connection, self._generation)
            if self.events(gaps) <= GAP_EVENTS_MAX:
                return
            await self.step(gaps)

    async def step(self, gaps: Collection[Gap]) -> None:
        for gap in self._behind(gaps):
            try:
                async with self._storage.pool.connection() as connection, connection.transaction():
                    await close_gap(
                        connection,
                        self._store,
                        self._storage,
                        self._projection,
                        self._generation,
                        gap,
                    )
            except CannotFollow:
                self._given_up.add(gap.tenant_id)

    def _behind(self, gaps: Collection[Gap]) -> list[Gap]:
        return [gap for gap in gaps if gap.events > 0 and gap.tenant_id not in self._given_up]


async def _compared(
    connection: Connection,
    projection: Projection,
    live: Generation,
    fresh: Generation,
    tenants: Collection[UUID],
) -> Comparison:
    rows = differing = 0
    for table in projection.tables:
        found = await connection.execute(_statement(table, live, fresh), {"of": list(tenants)})
        row = await found.fetchone()
        assert row is not None
        rows, differing = rows + row[0], differing + row[1]
    return Comparison(rows, differing)


def _statement(table: Table[Any], live: Generation, fresh: Generation) -> sql.Composed:
    """How many rows there are, and how many are in one only or have other bits in the other."""
    return sql.SQL(
        "select count(fresh.tenant_id),"
        "       count(*) filter (where live.tenant_id is null or fresh.tenant_id is null"
        "                           or live.* operator(pg_catalog.*<>) fresh.*)"
        "  from (select * from read_model.{live} where tenant_id = any(%(of)s)) as live"
        "  full join (select * from read_model.{fresh} where tenant_id = any(%(of)s)) as fresh"
        " using (tenant_id, {keys})"
    ).format(
        live=sql.Identifier(live.physical(table)),
        fresh=sql.Identifier(fresh.physical(table)),
        keys=sql.SQL(", ").join(map(sql.Identifier, table.key)),
    )
