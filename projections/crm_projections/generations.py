"""Which tables of a projection serve. Each generation has its own; views name the live one.

A generation is filled by one version of a projection, for all tenants, and its tables keep their
names: `customer__3` belongs to the third generation of whoever declares the table `customer`.
Readers know the view `customer` only. Taking over, and going back, changes views in one transaction
(docs/decisions/0014-a-rebuild-goes-stream-by-stream.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

import psycopg
from psycopg import sql

from crm_core import Rejected
from crm_projections.projection import Projection
from crm_projections.tables import Table

__all__ = [
    "Connection",
    "Gap",
    "Generation",
    "State",
    "add_generation",
    "begin_checkpoints",
    "drop_generation",
    "drop_kept",
    "finish_loading",
    "gaps_to_live",
    "generations_of",
    "generations_of_rebuild",
    "hold_for_switch",
    "hold_live",
    "own_generations",
    "prepare",
    "put_live",
    "roll_back",
]

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]

# Less than the server's deadlock_timeout: who reads is never the one that is refused.
_WAIT_BRIEFLY = "set local lock_timeout = '500ms'"


class State(StrEnum):
    LOADING = "loading"  # a rebuild copies into it; it has no keys yet
    FILLING = "filling"  # catches up, to serve one day
    LIVE = "live"
    KEPT = "kept"  # served before, and can again


@dataclass(frozen=True, slots=True)
class Generation:
    projection: str
    number: int
    version: int
    state: State
    tables: Sequence[str]

    def physical(self, table: Table[Any]) -> str:
        return physical(table.name, self.number)


def physical(table: str, generation: int) -> str:
    return f"{table}__{generation}"


@dataclass(frozen=True, slots=True)
class Gap:
    """How far a generation is behind the live one in a tenant; less than 0 where it is ahead."""

    tenant_id: UUID
    position: int
    epoch: int
    is_stopped: bool
    live_position: int

    @property
    def events(self) -> int:
        return self.live_position - self.position


_SELECT = "select projection, generation, version, state, tables from read_model.generation where "


async def generations_of(connection: Connection, names: Iterable[str]) -> list[Generation]:
    """Every generation of these projections, the oldest first."""
    found = await connection.execute(
        _SELECT + "projection = any(%s) order by projection, generation", [list(names)]
    )
    return _generations(await found.fetchall())


async def generations_of_rebuild(connection: Connection, rebuild_id: UUID) -> dict[str, Generation]:
    """Those that a rebuild fills, by projection."""
    found = await connection.execute(_SELECT + "rebuild_id = %s", [rebuild_id])
    return {g.projection: g for g in _generations(await found.fetchall())}


def _generations(rows: Iterable[tuple[Any, ...]]) -> list[Generation]:
    return [
        Generation(name, number, version, State(state), tables)
        for name, number, version, state, tables in rows
    ]


def own_generations(
    projections: Iterable[Projection], generations: Sequence[Generation]
) -> dict[str, Generation]:
    """The generation that each projection keeps: of its own version, the live one or the newest.

    Absent where a rebuild loads it, or where it was dropped after a newer version took over.
    """
    found = {}
    for projection in projections:
        own = [
            g
            for g in generations
            if (g.projection, g.version) == (projection.name, projection.version)
            and g.state is not State.LOADING
        ]
        if own:
            own.sort(key=lambda g: (g.state is State.LIVE, g.number))
            found[projection.name] = own[-1]
    return found


# --- making and dropping --------------------------------------------------------------------------


async def prepare(connection: Connection, projections: Iterable[Projection]) -> None:
    """Makes what is missing.

    The first generation of a projection serves at once. That of a raised version fills beside the
    one that serves, and takes over when it has caught up. An older version than the one that serves
    gets nothing new: its worker keeps what there is of it, or stands still.
    """
    for projection in projections:
        async with connection.transaction():
            await connection.execute("lock table read_model.generation in share row exclusive mode")
            known = await generations_of(connection, [projection.name])
            live = next((g for g in known if g.state is State.LIVE), None)
            if live is None:
                await put_live(
                    connection, await add_generation(connection, projection, State.FILLING), None
                )
            elif live.version < projection.version and not any(
                g.version == projection.version for g in known
            ):
                await add_generation(connection, projection, State.FILLING)


async def add_generation(
    connection: Connection, projection: Projection, state: State, rebuild_id: UUID | None = None
) -> Generation:
    """A new generation with empty tables; one that is loaded gets its keys and indexes later."""
    found = await connection.execute(
        "insert into read_model.generation"
        " (projection, generation, version, state, tables, rebuild_id)"
        " select %(name)s, coalesce(max(generation), 0) + 1, %(version)s, %(state)s, %(tables)s,"
        " %(rebuild)s from read_model.generation where projection = %(name)s"
        " returning generation",
        {
            "name": projection.name,
            "version": projection.version,
            "state": state,
            "tables": [table.name for table in projection.tables],
            "rebuild": rebuild_id,
        },
    )
    row = await found.fetchone()
    assert row is not None
    names = [table.name for table in projection.tables]
    generation = Generation(projection.name, row[0], projection.version, state, names)
    for table in projection.tables:
        name = generation.physical(table)
        loaded = state is State.LOADING
        for statement in table.create_sql(name) if loaded else table.make_sql(name):
            await connection.execute(sql.SQL(statement))
    return generation


async def finish_loading(
    connection: Connection, generation: Generation, projection: Projection
) -> None:
    """Gives what was loaded its keys, indexes and checkpoints; from here on it catches up."""
    async with connection.transaction():
        await connection.execute("set local maintenance_work_mem = '256MB'")
        for table in projection.tables:
            name = generation.physical(table)
            for statement in (*table.index_sql(name), f"analyze read_model.{name}"):
                await connection.execute(sql.SQL(statement))
        of = {"name": projection.name, "number": generation.number}
        await connection.execute(
            "insert into read_model.checkpoint (tenant_id, projection, generation, position)"
            " select distinct tenant_id, projection, generation, up_to"
            "   from read_model.part join read_model.generation using (rebuild_id)"
            "  where projection = %(name)s and generation = %(number)s",
            of,
        )
        await connection.execute(
            "update read_model.generation set state = 'filling'"
            " where projection = %(name)s and generation = %(number)s",
            of,
        )


async def drop_generation(connection: Connection, generation: Generation) -> None:
    """The tables of a generation that does not serve, and all that is known of it."""
    of = [generation.projection, generation.number]
    await connection.execute(
        "delete from read_model.checkpoint where projection = %s and generation = %s", of
    )
    await connection.execute(
        "delete from read_model.generation where projection = %s and generation = %s", of
    )
    for table in generation.tables:
        await connection.execute(
            sql.SQL("drop table if exists read_model.{}").format(
                sql.Identifier(physical(table, generation.number))
            )
        )


# --- taking over, and going back ------------------------------------------------------------------


async def gaps_to_live(
    connection: Connection, generation: Generation
) -> tuple[Generation, list[Gap]]:
    """The live generation of the same projection, and how far this one is behind it."""
    known = await generations_of(connection, [generation.projection])
    live = next(g for g in known if g.state is State.LIVE)
    both = {"name": generation.projection, "next": generation.number, "live": live.number}
    found = await connection.execute(
        "select tenant_id, next.position, next.epoch, next.stopped_at is not null, live.position"
        "  from read_model.checkpoint as live join read_model.checkpoint as next"
        " using (tenant_id, projection)"
        " where projection = %(name)s and live.generation = %(live)s"
        "   and next.generation = %(next)s order by tenant_id",
        both,
    )
    return live, [Gap(*row) for row in await found.fetchall()]


async def begin_checkpoints(connection: Connection, generation: Generation) -> None:
    """Makes those that the live generation has and this one lacks."""
    await connection.execute(
        "insert into read_model.checkpoint (tenant_id, projection, generation)"
        " select tenant_id, projection, %s from read_model.checkpoint"
        "   join read_model.generation using (projection, generation)"
        "  where projection = %s and state = 'live' on conflict do nothing",
        [generation.number, generation.projection],
    )


async def hold_live(connection: Connection, generation: Generation) -> list[Gap]:
    """How far this one is behind the live one, which stays as it is until the transaction ends.

    Raises LockNotAvailable where somebody holds it for long.
    """
    await connection.execute(_WAIT_BRIEFLY)
    await connection.execute(
        "select from read_model.checkpoint as c join read_model.generation as g"
        " using (projection, generation) where projection = %s and state = 'live'"
        " order by tenant_id for update of c",
        [generation.projection],
    )
    return (await gaps_to_live(connection, generation))[1]


async def hold_for_switch(
    connection: Connection, generation: Generation
) -> tuple[Generation, list[Gap]] | None:
    """The live generation and the gaps to it, where both stay as they are for the transaction.

    None where this one does not wait to serve (any more). Raises LockNotAvailable.
    """
    await connection.execute(_WAIT_BRIEFLY)
    known = await _held(connection, generation.projection)
    if not any(g.number == generation.number and g.state is State.FILLING for g in known):
        return None
    await begin_checkpoints(connection, generation)
    await hold_live(connection, generation)
    await connection.execute(
        "select from read_model.checkpoint where projection = %s and generation = %s"
        " order by tenant_id for update",
        [generation.projection, generation.number],
    )
    return await gaps_to_live(connection, generation)


async def put_live(
    connection: Connection, generation: Generation, former: Generation | None
) -> None:
    """Points the views at this generation; the former one is kept, what was kept before goes."""
    for kept in await generations_of(connection, [generation.projection]):
        if kept.state is State.KEPT and kept.number != generation.number:
            await drop_generation(connection, kept)
    if former is not None:
        await connection.execute(
            "update read_model.generation set state = 'kept'"
            " where projection = %s and generation = %s",
            [former.projection, former.number],
        )
        await _drop_views(connection, former.tables)
    await connection.execute(
        "update read_model.generation set state = 'live', served_at = clock_timestamp(),"
        " rebuild_id = null where projection = %s and generation = %s",
        [generation.projection, generation.number],
    )
    for table in generation.tables:
        await connection.execute(
            # Who reads through the view needs rights of their own on the table: no way around.
            sql.SQL(
                "create view read_model.{} with (security_invoker) as select * from read_model.{}"
            ).format(sql.Identifier(table), sql.Identifier(physical(table, generation.number)))
        )


async def roll_back(connection: Connection, name: str) -> tuple[Generation, Generation]:
    """Puts the kept generation in the place of the live one: from which, to which.

    Raises Rejected `projection.nothing_kept`.
    """
    async with connection.transaction():
        await connection.execute(_WAIT_BRIEFLY)
        known = await _held(connection, name)
        live = next((g for g in known if g.state is State.LIVE), None)
        kept = next((g for g in known if g.state is State.KEPT), None)
        if live is None or kept is None:
            raise Rejected("projection.nothing_kept", projection=name)
        await put_live(connection, kept, live)
    return live, kept


async def drop_kept(connection: Connection, name: str) -> int:
    """Gives up the way back; the number of the generation that was dropped."""
    async with connection.transaction():
        await connection.execute(_WAIT_BRIEFLY)
        known = await _held(connection, name)
        kept = next((g for g in known if g.state is State.KEPT), None)
        if kept is None:
            raise Rejected("projection.nothing_kept", projection=name)
        await drop_generation(connection, kept)
    return kept.number


async def _held(connection: Connection, name: str) -> list[Generation]:
    """The projection's generations, which nobody else changes until the transaction ends."""
    await connection.execute(
        "select from read_model.generation where projection = %s for update", [name]
    )
    return await generations_of(connection, [name])


async def _drop_views(connection: Connection, tables: Iterable[str]) -> None:
    for table in tables:
        await connection.execute(
            sql.SQL("drop view if exists read_model.{}").format(sql.Identifier(table))
        )
