"""Runs the numbered SQL files that a database has not seen yet."""

from __future__ import annotations

import psycopg
from psycopg import errors
from psycopg.sql import SQL

from crm_core.kernel.errors import SetupError
from crm_core.ledger.postgres.connections import unreachable
from crm_core.ledger.postgres.migrations import Migration, all_migrations

__all__ = ["migrate", "pending", "script"]

_OLDEST_SERVER = 150000

_REGISTER = (
    "create table if not exists crm_migration (name text primary key,"
    " digest text not null, run_at timestamptz not null default now())"
)


def script() -> str:
    """Every migration as one SQL transaction that a person can run on an empty database.

    It registers what it ran, so that `migrate` goes on from there.
    """
    steps = [
        f"-- {migration.name}\n{migration.sql}\n"
        f"insert into crm_migration (name, digest)"
        f" values ('{migration.name}', '{migration.digest}');"
        for migration in all_migrations()
    ]
    return "\n\n".join(["begin;", f"{_REGISTER};", *steps, "commit;"])


async def migrate(url: str) -> list[str]:
    """Brings the database up to date in one transaction; the names of what was run.

    Two at once are safe: the second waits for the first and then has nothing to do. `url` must
    name a role that may create schemas and roles. Raises SetupError.
    """
    try:
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=10)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise unreachable(error) from error
    async with connection:
        _refuse_old_server(connection.info.server_version)
        await _create_register(connection)
        async with connection.transaction():
            await connection.execute("lock table crm_migration in share row exclusive mode")
            todo = await _pending(connection)
            for migration in todo:
                await connection.execute(SQL(migration.sql))
                await connection.execute(
                    "insert into crm_migration (name, digest) values (%s, %s)",
                    [migration.name, migration.digest],
                )
    return [migration.name for migration in todo]


async def pending(url: str) -> list[str]:
    """The names of the migrations that this database still lacks."""
    try:
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=10)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise unreachable(error) from error
    async with connection:
        known = await connection.execute("select to_regclass('crm_migration') is not null")
        if await known.fetchone() == (False,):
            return [migration.name for migration in all_migrations()]
        return [migration.name for migration in await _pending(connection)]


async def _create_register(connection: psycopg.AsyncConnection) -> None:
    try:
        await connection.execute(_REGISTER)
        await connection.commit()
    except (errors.UniqueViolation, errors.DuplicateObject, errors.DuplicateTable):
        await connection.rollback()  # another process created it at the same moment


async def _pending(connection: psycopg.AsyncConnection) -> list[Migration]:
    rows = await connection.execute("select name, digest from crm_migration")
    run: dict[str, str] = dict(await rows.fetchall())
    ours = all_migrations()
    unknown = sorted(set(run) - {migration.name for migration in ours})
    if unknown:
        raise SetupError(
            "database.newer",
            "this database was migrated by a newer release; install that release or a later one",
            migrations=unknown,
        )
    for migration in ours:
        if run.get(migration.name, migration.digest) != migration.digest:
            raise SetupError(
                "database.migration_changed",
                "a migration was edited after it had run here; restore its released text",
                migration=migration.name,
            )
    return [migration for migration in ours if migration.name not in run]


def _refuse_old_server(version: int) -> None:
    if version < _OLDEST_SERVER:
        raise SetupError(
            "database.too_old", "PostgreSQL 15 or newer is needed", server=version // 10000
        )
