"""Pools of connections, each opened as the one role that it needs."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias, TypeVar
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from crm_core.kernel.errors import SetupError
from crm_core.ledger.postgres.arrays import register_arrays
from crm_core.ledger.postgres.failures import is_lost
from crm_core.ledger.postgres.migrations import all_migrations
from crm_core.ledger.signal import Closed

__all__ = [
    "Connection",
    "Pool",
    "Role",
    "asking_again",
    "connect_beside",
    "open_pool",
    "unreachable",
]

T = TypeVar("T")

Role: TypeAlias = Literal["crm_app", "crm_projector", "crm_tenant"]
"""Who a session acts as: crm_tenant sees one tenant's rows, the others those of all."""
Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]
Pool: TypeAlias = AsyncConnectionPool[Connection]

_RAN = "select name from crm_migration"
_MIGRATE = "run `crm migrate` on this database first"

_CONNECT_SECONDS_MAX = 10.0
# While the database is away, tries go on at this pace for ever. The pool's own pauses double, up to
# minutes, and end after five: whoever waits would go on waiting when the database is long back.
_RECONNECT_SECONDS = 1.0


async def open_pool(url: str, role: Role, *, tenant_id: UUID | None = None, size: int = 8) -> Pool:
    """A pool whose sessions act as `role`, in UTC, and commit each statement by itself.

    The tenant is given to crm_tenant, and to nobody else.

    Raises SetupError `database.unreachable`, `database.not_migrated` or `database.unsafe`.
    """
    assert (role == "crm_tenant") == (tenant_id is not None), "one tenant, or all of them"
    await _check(url, role)
    pool: Pool = AsyncConnectionPool(
        url,
        kwargs={"autocommit": True, "options": _options(role, tenant_id)},
        min_size=1,
        max_size=size,
        open=False,
        name=role,
        configure=_configure,
        reconnect_timeout=_RECONNECT_SECONDS,
        reconnect_failed=AsyncConnectionPool.check,  # starts over
    )
    try:
        await pool.open(wait=True, timeout=_CONNECT_SECONDS_MAX)
    except PoolTimeout as error:
        await pool.close()
        raise unreachable(error) from error
    return pool


async def connect_beside(pool: Pool, settings: str = "") -> Connection:
    """One more connection like those of the pool, for one owner who keeps it.

    `settings` are further ones of its session, as `-c name=value`.
    """
    assert isinstance(pool.conninfo, str), "as open_pool made it"
    assert isinstance(pool.kwargs, dict), "as open_pool made it"
    connect = {**pool.kwargs, "options": f"{pool.kwargs['options']} {settings}"}
    connection = await AsyncConnection.connect(
        pool.conninfo, connect_timeout=int(_CONNECT_SECONDS_MAX), **connect
    )
    await _configure(connection)
    return connection


async def asking_again(pool: Pool, ask: Callable[[Connection], Awaitable[T]]) -> T:
    """What `ask` gives; asked once more where its connection was lost. For what changes nothing.

    Raises Closed where the pool was closed.
    """
    try:
        try:
            async with pool.connection() as connection:
                return await ask(connection)
        except psycopg.OperationalError as error:
            if isinstance(error, PoolTimeout) or not is_lost(error):
                raise
        await pool.check()  # the others may have been lost as well
        async with pool.connection() as connection:
            return await ask(connection)
    except PoolClosed:
        raise Closed from None


async def _configure(connection: AsyncConnection[Any]) -> None:
    register_arrays(connection.adapters)


def _options(role: Role, tenant_id: UUID | None) -> str:
    tenant = f" -c crm.tenant={tenant_id}" if tenant_id is not None else ""
    return f"-c role={role}{tenant} -c timezone=UTC -c client_encoding=UTF8"


async def _check(url: str, role: Role) -> None:
    try:
        connection = await psycopg.AsyncConnection.connect(
            url, connect_timeout=int(_CONNECT_SECONDS_MAX), autocommit=True
        )
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise unreachable(error) from error
    async with connection:
        known = await connection.execute(
            "select to_regclass('ledger.event') is not null"
            " and to_regclass('ledger.snapshot') is not null,"
            " exists (select from pg_roles where rolname = %s)",
            [role],
        )
        if (await known.fetchone()) != (True, True):
            raise SetupError("database.not_migrated", _MIGRATE)
        await _refuse_half_migrated(connection)
        await _refuse_unsafe(connection)


async def _refuse_half_migrated(connection: AsyncConnection[Any]) -> None:
    """An older schema would fail somewhere in the middle of the work. Newer ones may do."""
    readable = await connection.execute(
        "select coalesce(has_table_privilege(to_regclass('crm_migration'), 'select'), false)"
    )
    if await readable.fetchone() != (True,):
        return  # somebody else migrates, and keeps the register to himself
    ran = {name for (name,) in await (await connection.execute(_RAN)).fetchall()}
    lacking = [migration.name for migration in all_migrations() if migration.name not in ran]
    if lacking:
        raise SetupError("database.not_migrated", _MIGRATE, lacking=lacking)


async def _refuse_unsafe(connection: AsyncConnection[Any]) -> None:
    """With one of these off, a crash of the server can lose what was acknowledged."""
    found = await connection.execute(
        "select name from pg_settings where setting = 'off'"
        " and name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name"
    )
    off = [name for (name,) in await found.fetchall()]
    if off and not os.environ.get("CRM_ALLOW_UNSAFE_DATABASE"):
        raise SetupError(
            "database.unsafe",
            "switch these on, or set CRM_ALLOW_UNSAFE_DATABASE=1 for data that may be lost",
            off=off,
        )


def unreachable(error: Exception) -> SetupError:
    """The driver's complaint without the connection string, which may hold a password."""
    cause = " ".join(str(error).split())
    return SetupError(
        "database.unreachable",
        "check that PostgreSQL runs and that CRM_DATABASE_URL names it",
        cause=cause[:300],
    )
