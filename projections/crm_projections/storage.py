"""Rows of read models in PostgreSQL: fetched, folded and written in one transaction a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any
from uuid import UUID

from psycopg import sql

from crm_core import RecordedEvent
from crm_core.kernel.collecting import collector_paused
from crm_core.ledger.postgres.arrays import BinaryArray
from crm_core.ledger.postgres.connections import Pool
from crm_core.privacy.erasure.events import SubjectKeyDestroyed
from crm_projections.checkpoints import Slot, StaleWorker, fence
from crm_projections.digest import RowDigest
from crm_projections.envelopes import EnvelopeProjection, Words, copy_span
from crm_projections.generations import Connection, Generation, physical
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.tables import Column, Table

__all__ = ["Storage", "copy_rows", "upsert"]

_DIGEST_ROWS = 5_000
_MANY = 100  # rows to fetch

_COPY_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_END = b"\xff\xff"


class Storage:
    """Applies batches, as the role that owns the read models."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def apply(
        self,
        projection: Projection,
        slot: Slot,
        events: Sequence[RecordedEvent],
        scanned_to: int,
    ) -> None:
        """Applies a batch and moves the checkpoint, in one transaction. Raises StaleWorker.

        `events` are those that the projection wants of all up to `scanned_to`.
        """
        async with self.pool.connection() as connection, connection.transaction():
            await self.apply_within(connection, projection, slot, events, scanned_to)

    async def apply_within(
        self,
        connection: Connection,
        projection: Projection,
        slot: Slot,
        events: Sequence[RecordedEvent],
        scanned_to: int,
    ) -> None:
        """The same in the transaction that the connection has begun: two round trips."""
        if isinstance(projection, EnvelopeProjection):
            words = projection.words(events)
            await _copy_envelopes(connection, projection, slot, words, scanned_to)
            return
        async with connection.pipeline():
            moved = await fence(connection, slot, scanned_to)
            fetched = await _ask(connection, projection, slot, events)
            if await moved.fetchone() is None:
                raise StaleWorker(projection.name)
            found = [(table, await cursor.fetchall()) for table, cursor in fetched]
        with collector_paused():
            rows = Rows()
            for table, values in found:
                rows.load(table, table.rows_of(values))
            taking = {of: projection.taking(of) for of in {event.stored.type for event in events}}
            for event in events:
                taking[event.stored.type](event, rows)
            changed = {
                table: table.arrays_of(of)
                for table in projection.tables
                if (of := rows.changed(table))
            }
        await _write(connection, slot, changed)

    async def digest(
        self, tenant_id: UUID, projection: Projection, generation: Generation
    ) -> tuple[str, int]:
        """The digest of the stored rows, and their number; all from one snapshot."""
        async with self.pool.connection() as connection, snapshot(connection):
            return await digest_within(connection, tenant_id, projection, generation)


@asynccontextmanager
async def snapshot(connection: Connection) -> AsyncIterator[None]:
    """Everything that is read inside is of one moment."""
    async with connection.transaction():
        await connection.execute("set transaction isolation level repeatable read, read only")
        yield


async def digest_within(
    connection: Connection, tenant_id: UUID, projection: Projection, generation: Generation
) -> tuple[str, int]:
    """The digest of the rows that the connection's transaction sees, and their number."""
    digest = RowDigest()
    for table in projection.tables:
        async with connection.cursor(name="digest") as cursor:
            await cursor.execute(
                sql.SQL("select {} from read_model.{} where tenant_id = %s order by {}").format(
                    sql.SQL(table.selected_sql),
                    sql.Identifier(generation.physical(table)),
                    sql.SQL(", ").join(map(_by_code_point, _keys(table))),
                ),
                [tenant_id],
                binary=True,
            )
            while batch := await cursor.fetchmany(_DIGEST_ROWS):
                digest.add(table, table.rows_of(batch))
    return digest.hexdigest(), digest.rows


async def copy_rows(
    connection: Connection, generation: Generation, table: Table[Any], rows: Iterable[bytes]
) -> None:
    """Copies rows, as `Table.copied` gives them, into a generation that is being loaded."""
    statement = sql.SQL("copy read_model.{} (tenant_id, {}) from stdin (format binary)").format(
        sql.Identifier(generation.physical(table)), _names(table.columns)
    )
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(_COPY_HEAD)
        for chunk in rows:
            await copy.write(chunk)
        await copy.write(_COPY_END)


async def _ask(
    connection: Connection,
    projection: Projection,
    slot: Slot,
    events: Iterable[RecordedEvent],
) -> list[tuple[Table[Any], Any]]:
    """Cursors of the rows that the batch needs: one query a table, and one more for the rows about
    somebody who is erased in it.
    """
    needed: defaultdict[tuple[Table[Any], str], set[Any]] = defaultdict(set)
    for event in events:
        for table, value in projection.needs(event):
            needed[table, table.fetch_column].add(value)
        if isinstance(event.data, SubjectKeyDestroyed):
            for table in projection.tables:
                for by in table.about:
                    needed[table, by].update(event.data.subject_ids)
    cursors = []
    for (table, by), values in needed.items():
        cursor = await connection.execute(
            _select(table, physical(table.name, slot.generation), by),
            [_column(table, by).array_of(values), slot.tenant_id],
            binary=True,
            # Many are worth a plan of their own: one that is kept may be of when there were none.
            prepare=False if len(values) >= _MANY else None,
        )
        cursors.append((table, cursor))
    return cursors


async def _copy_envelopes(
    connection: Connection,
    projection: EnvelopeProjection,
    slot: Slot,
    words: Words,
    scanned_to: int,
) -> None:
    async with connection.pipeline():
        moved = await fence(connection, slot, scanned_to)
        await copy_span(
            connection,
            projection,
            physical(projection.table.name, slot.generation),
            slot.tenant_id,
            after=slot.position,
            up_to=scanned_to,
            skipped=slot.skipped,
            words=words,
        )
        if await moved.fetchone() is None:
            raise StaleWorker(projection.name)


async def _write(
    connection: Connection, slot: Slot, changed: Mapping[Table[Any], Sequence[BinaryArray]]
) -> None:
    async with connection.pipeline():
        for table, arrays in changed.items():
            await connection.execute(
                upsert(table, physical(table.name, slot.generation)), [slot.tenant_id, *arrays]
            )


@lru_cache(maxsize=1_000)
def _select(table: Table[Any], of: str, by: str) -> bytes:
    """Asks for rows: parameters are different values of the column `by`, and the tenant.

    Each value is looked up by itself: a table without statistics would else be read as a whole. And
    rows are left out outside: an index on those alone, but by other columns, would seem as good.
    """
    return (
        sql.SQL(
            "select found.* from unnest(%s) as wanted (value) cross join lateral (select {} from"
            " read_model.{} where tenant_id = %s and {} = wanted.value offset 0) as found where {}"
        )
        .format(
            sql.SQL(table.selected_sql),
            sql.Identifier(of),
            sql.Identifier(by),
            sql.SQL(table.fetch_only if by == table.fetch_column else "true"),
        )
        .as_bytes(None)
    )


@lru_cache(maxsize=1_000)
def upsert(table: Table[Any], into: str) -> bytes:
    """Writes rows: parameters are the tenant and `Table.arrays_of` the rows."""
    keys = {"tenant_id", *table.key}
    sets = [
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column.name))
        for column in table.columns
        if column.name not in keys
    ]
    return (
        sql.SQL(
            "insert into read_model.{table} (tenant_id, {names}) select %s, new.*"
            " from unnest({arrays}) as new on conflict ({keys}) do {action}"
        )
        .format(
            table=sql.Identifier(into),
            names=_names(table.columns),
            arrays=sql.SQL(", ").join([sql.SQL("%s")] * len(table.columns)),
            keys=sql.SQL(", ").join(map(sql.Identifier, ("tenant_id", *table.key))),
            action=sql.SQL("update set ") + sql.SQL(", ").join(sets)
            if sets
            else sql.SQL("nothing"),
        )
        .as_bytes(None)
    )


def _column(table: Table[Any], name: str) -> Column:
    return next(column for column in table.columns if column.name == name)


def _names(columns: Sequence[Column]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)


def _keys(table: Table[Any]) -> list[Column]:
    by_name = {column.name: column for column in table.columns}
    return [by_name[name] for name in table.key]


def _by_code_point(column: Column) -> sql.Composed:
    """Text in the order of its code points, as Python sorts it, whatever the database's locale."""
    collate = ' collate "C"' if column.sql_type == "text" else ""
    return sql.SQL("{}" + collate).format(sql.Identifier(column.name))
