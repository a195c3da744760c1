"""Takes out of the database's files what was deleted or changed, so that nobody finds it there.

PostgreSQL leaves a row that was changed or deleted in its page, in statistics of the column, and in
the write-ahead log, until something else is written over it. Events are sealed, so theirs are of no
use without keys; read models hold plain values, and the vault held the wrapped keys.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg
from psycopg import sql

__all__ = ["Scrubbed", "scrub"]

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]

_REWRITTEN = """
select schemaname, tablename from pg_tables
 where schemaname in ('read_model', 'vault')
    or (schemaname = 'ledger' and tablename in ('snapshot', 'application_snapshot', 'claim'))
 order by 1, 2
"""
_WAITING_SEGMENTS = """
select count(*) from pg_ls_waldir()
 where name ~ '^[0-9A-F]{24}$' and name > (select pg_walfile_name(pg_switch_wal()))
"""


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A place in the database's files; where it was not cleaned, `note` says what to do."""

    place: str
    done: bool
    note: str


async def scrub(url: str) -> list[Scrubbed]:
    """Rewrites the tables that hold or held something readable, their statistics, and the log.

    `url` names the database as its owner. Each table is locked while it is rewritten: readers wait.
    The log's part needs a superuser, as does the cleaning of what an archive or a replica has.
    """
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    async with connection:
        return [
            await _part("tables and their statistics", connection, _rewrite),
            await _part("write-ahead log", connection, _renew_log),
            Scrubbed(
                "archives, replicas, backups",
                False,
                "not reached from here: let archived log and key backups expire",
            ),
        ]


async def _part(
    place: str, connection: Connection, work: Callable[[Connection], Awaitable[str]]
) -> Scrubbed:
    try:
        return Scrubbed(place, True, await work(connection))
    except psycopg.errors.InsufficientPrivilege as error:
        problem = (error.diag.message_primary or "not permitted").splitlines()[0]
        return Scrubbed(place, False, f"run it as a superuser of the database ({problem})")


async def _rewrite(connection: Connection) -> str:
    tables = await (await connection.execute(_REWRITTEN)).fetchall()
    for schema, table in tables:
        await connection.execute(
            sql.SQL("vacuum (full, analyze) {}.{}").format(
                sql.Identifier(schema), sql.Identifier(table)
            )
        )
    # Statistics hold the commonest values of each column, in plain.
    await connection.execute("vacuum full pg_catalog.pg_statistic")
    return f"{len(tables)} tables rewritten"


async def _renew_log(connection: Connection) -> str:
    """Old segments are deleted, and those that wait to be used again are written over."""
    async with _without_recycling(connection):
        await connection.execute("checkpoint")
        row = await (await connection.execute(_WAITING_SEGMENTS)).fetchone()
        assert row is not None
        for _ in range(row[0] + 1):
            await _switch(connection)
        await connection.execute("checkpoint")
        await _switch(connection)
        await connection.execute("checkpoint")
    return f"old segments deleted, {row[0]} that waited written over"


@asynccontextmanager
async def _without_recycling(connection: Connection) -> AsyncIterator[None]:
    """A recycled segment keeps what was in it."""
    await connection.execute("alter system set wal_recycle = off")
    await connection.execute("select pg_reload_conf()")
    try:
        yield
    finally:
        await connection.execute("alter system reset wal_recycle")
        await connection.execute("select pg_reload_conf()")


async def _switch(connection: Connection) -> None:
    await connection.execute("select pg_logical_emit_message(false, 'crm', 'scrub')")
    await connection.execute("select pg_switch_wal()")
