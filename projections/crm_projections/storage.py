"""Read models in PostgreSQL: their tables, their checkpoints, and one transaction a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import psycopg
from psycopg import sql

from crm_core import RecordedEvent
from crm_core.ledger.postgres.connections import Pool
from crm_projections.digest import RowDigest
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.tables import Column, Table

__all__ = ["LIVE", "NEXT", "Checkpoint", "Generation", "StaleWorker", "Storage", "upsert"]

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]

_DIGEST_ROWS = 5_000

_REGISTERS = """
create table if not exists read_model.checkpoint (
    tenant_id  uuid   not null,
    projection text   not null,
    generation text   not null,
    version    int    not null,
    position   bigint not null,
    epoch      bigint not null default 1,
    stopped_at bigint,
    stopped_by text,
    primary key (tenant_id, projection, generation)
)
"""


_SELECT_CHECKPOINTS = (
    "select tenant_id, projection, version, position, epoch, stopped_at, stopped_by"
    " from read_model.checkpoint where "
)


class StaleWorker(Exception):
    """Another worker has moved this checkpoint; what was done here is rolled back."""


@dataclass(frozen=True, slots=True)
class Generation:
    """The live tables of a projection, or those that a rebuild fills beside them."""

    name: str
    suffix: str

    def physical(self, table: Table[Any]) -> str:
        return table.name + self.suffix


LIVE = Generation("live", "")
NEXT = Generation("next", "__next")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a projection has come in a tenant: the last position that it has looked at.

    `stopped_at` is the position of an event that it could not apply, `stopped_by` the error.
    """

    tenant_id: UUID
    projection: str
    version: int
    position: int
    epoch: int
    stopped_at: int | None
    stopped_by: str | None


class Storage:
    """The projector's side of the read models; acts as the role that owns them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def prepare(self, projections: Iterable[Projection]) -> list[str]:
        """Makes what is missing; the names of projections that start again from position 1.

        A projection whose version was raised gets empty tables of its new shape.
        """
        reset = []
        async with self._pool.connection() as connection:
            await _create_registers(connection)
            for projection in projections:
                async with connection.transaction():
                    await connection.execute(
                        "lock table read_model.checkpoint in share row exclusive mode"
                    )
                    if await _prepare(connection, projection, LIVE):
                        reset.append(projection.name)
        return reset

    async def checkpoints(self, tenant_id: UUID | None = None) -> list[Checkpoint]:
        """Those of the live generation that there are, of one tenant or of all."""
        async with self._pool.connection() as connection:
            found = await connection.execute(
                _SELECT_CHECKPOINTS + "generation = %s and (%s::uuid is null or tenant_id = %s)",
                [LIVE.name, tenant_id, tenant_id],
            )
            return [Checkpoint(*row) for row in await found.fetchall()]

    async def checkpoint(
        self, tenant_id: UUID, projection: Projection, generation: Generation = LIVE
    ) -> Checkpoint:
        """The checkpoint, made at position 0 where there was none."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "insert into read_model.checkpoint (tenant_id, projection, generation, version,"
                " position) values (%s, %s, %s, %s, 0) on conflict do nothing",
                [tenant_id, projection.name, generation.name, projection.version],
            )
            found = await connection.execute(
                _SELECT_CHECKPOINTS + "tenant_id = %s and projection = %s and generation = %s",
                [tenant_id, projection.name, generation.name],
            )
            row = await found.fetchone()
            assert row is not None
            return Checkpoint(*row)

    async def apply(
        self,
        projection: Projection,
        at: Checkpoint,
        events: Sequence[RecordedEvent],
        scanned_to: int,
        generation: Generation = LIVE,
    ) -> None:
        """Applies a batch and moves the checkpoint, in one transaction; raises StaleWorker.

        The fence is the checkpoint itself: it moves from where this worker read it, in the epoch
        in which it read it, or nothing is written at all.
        """
        async with self._pool.connection() as connection, connection.transaction():
            moved = await connection.execute(
                "update read_model.checkpoint set position = %s, stopped_at = null,"
                " stopped_by = null where tenant_id = %s and projection = %s and generation = %s"
                " and position = %s and epoch = %s",
                [scanned_to, at.tenant_id, projection.name, generation.name, at.position, at.epoch],
            )
            if moved.rowcount != 1:
                raise StaleWorker(projection.name)
            wanted = [event for event in events if projection.wants(event)]
            if wanted:
                rows = await _fetch(connection, at.tenant_id, projection, wanted, generation)
                for event in wanted:
                    projection.apply(event, rows)
                await _write(connection, at.tenant_id, projection, rows, generation)

    async def stop(self, at: Checkpoint, position: int, error: str) -> None:
        """Marks an event that cannot be applied; the projection stays before it."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "update read_model.checkpoint set stopped_at = %s, stopped_by = %s"
                " where tenant_id = %s and projection = %s and generation = %s and position = %s",
                [position, error, at.tenant_id, at.projection, LIVE.name, at.position],
            )

    async def digest(
        self, tenant_id: UUID, projection: Projection, generation: Generation = LIVE
    ) -> tuple[str, int]:
        """The digest of the stored rows, and their number; all from one snapshot."""
        digest = RowDigest()
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("set transaction isolation level repeatable read, read only")
            for table in projection.tables:
                cursor = connection.cursor(name="digest")
                async with cursor:
                    await cursor.execute(
                        sql.SQL(
                            "select {} from read_model.{} where tenant_id = %s order by {}"
                        ).format(
                            _names(table.columns),
                            sql.Identifier(generation.physical(table)),
                            sql.SQL(", ").join(map(_by_code_point, _keys(table))),
                        ),
                        [tenant_id],
                    )
                    while batch := await cursor.fetchmany(_DIGEST_ROWS):
                        digest.add(table, map(table.row_of, batch))
        return digest.hexdigest(), digest.rows

    # --- rebuilding beside the live tables -----------------------------------------------------

    async def start_rebuild(self, projection: Projection) -> None:
        """Makes the next generation, empty; what an earlier, broken-off rebuild left goes."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(
                "delete from read_model.checkpoint where projection = %s and generation = %s",
                [projection.name, NEXT.name],
            )
            await _drop(connection, projection, NEXT)
            await _make(connection, projection, NEXT)

    async def finish_rebuild(self, projection: Projection) -> None:
        """Puts the next generation in the place of the live one, in one transaction."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("lock table read_model.checkpoint in exclusive mode")
            await _drop(connection, projection, LIVE)
            for table in projection.tables:
                await _rename(connection, NEXT.physical(table), LIVE.physical(table))
            # A worker that is at the old generation loses its fence: the epoch has moved on.
            await connection.execute(
                "insert into read_model.checkpoint (tenant_id, projection, generation, version,"
                " position) select tenant_id, projection, %s, version, position"
                " from read_model.checkpoint where projection = %s and generation = %s"
                " on conflict (tenant_id, projection, generation) do update"
                " set position = excluded.position, version = excluded.version,"
                " epoch = checkpoint.epoch + 1, stopped_at = null, stopped_by = null",
                [LIVE.name, projection.name, NEXT.name],
            )
            await connection.execute(
                "delete from read_model.checkpoint where projection = %s and generation = %s",
                [projection.name, NEXT.name],
            )


async def _create_registers(connection: Connection) -> None:
    try:
        await connection.execute(_REGISTERS)
    except psycopg.errors.UniqueViolation:  # another process created them at the same moment
        await connection.execute(_REGISTERS)


async def _prepare(connection: Connection, projection: Projection, generation: Generation) -> bool:
    found = await connection.execute(
        "select to_regclass('read_model.' || %s) is not null,"
        " exists (select from read_model.checkpoint where projection = %s and generation = %s"
        " and version <> %s)",
        [projection.tables[0].name, projection.name, generation.name, projection.version],
    )
    exists, outdated = await found.fetchone() or (False, False)
    if exists and not outdated:
        return False
    await _drop(connection, projection, generation)
    await _make(connection, projection, generation)
    await connection.execute(
        "update read_model.checkpoint set position = 0, version = %s, epoch = epoch + 1,"
        " stopped_at = null, stopped_by = null where projection = %s and generation = %s",
        [projection.version, projection.name, generation.name],
    )
    return True


async def _make(connection: Connection, projection: Projection, generation: Generation) -> None:
    for table in projection.tables:
        for statement in table.make_sql(generation.physical(table)):
            await connection.execute(sql.SQL(statement))


async def _drop(connection: Connection, projection: Projection, generation: Generation) -> None:
    for table in projection.tables:
        await connection.execute(
            sql.SQL("drop table if exists read_model.{}").format(
                sql.Identifier(generation.physical(table))
            )
        )


async def _rename(connection: Connection, old: str, new: str) -> None:
    """Renames a table and its indexes, so that the names are free for the next rebuild."""
    found = await connection.execute(
        "select indexname from pg_indexes where schemaname = 'read_model' and tablename = %s",
        [old],
    )
    for (index,) in await found.fetchall():
        await connection.execute(
            sql.SQL("alter index read_model.{} rename to {}").format(
                sql.Identifier(index), sql.Identifier(index.replace(old, new))
            )
        )
    await connection.execute(
        sql.SQL("alter table read_model.{} rename to {}").format(
            sql.Identifier(old), sql.Identifier(new)
        )
    )


async def _fetch(
    connection: Connection,
    tenant_id: UUID,
    projection: Projection,
    events: Sequence[RecordedEvent],
    generation: Generation,
) -> Rows:
    """The rows that the batch needs: one query a table, all in one round trip."""
    needed: defaultdict[Table[Any], set[Any]] = defaultdict(set)
    for event in events:
        for table, value in projection.needs(event):
            needed[table].add(value)
    rows = Rows()
    async with connection.pipeline():
        cursors = []
        for table, values in needed.items():
            column = next(c for c in table.columns if c.name == table.fetch_column)
            cursors.append(
                await connection.execute(
                    sql.SQL(
                        "select {} from read_model.{} where tenant_id = %s and {} = any(%s::{}[])"
                        " and {}"
                    ).format(
                        _names(table.columns),
                        sql.Identifier(generation.physical(table)),
                        sql.Identifier(column.name),
                        sql.SQL(column.sql_type),
                        sql.SQL(table.fetch_only),
                    ),
                    [tenant_id, list(values)],
                    binary=True,
                )
            )
        for table, cursor in zip(needed, cursors, strict=True):
            rows.load(table, map(table.row_of, await cursor.fetchall()))
    return rows


async def _write(
    connection: Connection,
    tenant_id: UUID,
    projection: Projection,
    rows: Rows,
    generation: Generation,
) -> None:
    async with connection.pipeline():
        for table in projection.tables:
            changed = rows.changed(table)
            if not changed:
                continue
            await connection.execute(
                upsert(table, generation.physical(table)), [tenant_id, *table.arrays_of(changed)]
            )


def upsert(table: Table[Any], physical: str) -> sql.Composed:
    """Writes rows: parameters are the tenant and `Table.arrays_of` the rows."""
    keys = {"tenant_id", *table.key}
    sets = [
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column.name))
        for column in table.columns
        if column.name not in keys
    ]
    casts = [sql.SQL("%s::{}[]").format(sql.SQL(column.sent_type)) for column in table.columns]
    taken = [
        sql.SQL("{}::{}").format(sql.Identifier(column.name), sql.SQL(column.sql_type))
        for column in table.columns
    ]
    return sql.SQL(
        "insert into read_model.{table} (tenant_id, {names}) select %s, {taken}"
        " from unnest({casts}) as new ({names}) on conflict ({keys}) do {action}"
    ).format(
        table=sql.Identifier(physical),
        names=_names(table.columns),
        taken=sql.SQL(", ").join(taken),
        casts=sql.SQL(", ").join(casts),
        keys=sql.SQL(", ").join(map(sql.Identifier, ("tenant_id", *table.key))),
        action=sql.SQL("update set ") + sql.SQL(", ").join(sets) if sets else sql.SQL("nothing"),
    )


def _names(columns: Sequence[Column]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)


def _keys(table: Table[Any]) -> list[Column]:
    by_name = {column.name: column for column in table.columns}
    return [by_name[name] for name in table.key]


def _by_code_point(column: Column) -> sql.Composed:
    """Text in the order of its code points, as Python sorts it, whatever the database's locale."""
    collate = ' collate "C"' if column.sql_type == "text" else ""
    return sql.SQL("{}" + collate).format(sql.Identifier(column.name))
