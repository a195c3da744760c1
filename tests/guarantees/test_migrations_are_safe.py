"""Migrations run once, whole or not at all, whoever else migrates; what is unknown is refused."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from uuid import uuid4

import psycopg
import pytest

from crm_core import SetupError
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.migrate import migrate, pending
from crm_core.ledger.postgres.migrations import Migration, all_migrations

from .server import Server, running_server

ALL = [migration.name for migration in all_migrations()]
AT_ONCE = 8


async def test_of_eight_who_migrate_at_once_one_does_it(server: Server) -> None:
    for _ in range(5):
        url = new_database(server)
        ran = await asyncio.gather(*(migrate(url) for _ in range(AT_ONCE)))
        assert sorted(ran) == [[]] * (AT_ONCE - 1) + [ALL]


async def test_eight_databases_of_a_new_cluster_are_migrated_at_once() -> None:
    """They share the roles, which only one of them can make."""
    with running_server() as server:
        urls = [new_database(server) for _ in range(AT_ONCE)]
        assert await asyncio.gather(*map(migrate, urls)) == [ALL] * AT_ONCE


async def test_the_printed_sql_makes_the_same_database(server: Server) -> None:
    by_hand, by_us = new_database(server), new_database(server)
    printed = crm("migrate", "--sql")
    server.run("psql", by_hand, "-q", "-v", "ON_ERROR_STOP=1", stdin=printed.stdout)
    await migrate(by_us)
    assert schema(server, by_hand) == schema(server, by_us)
    assert await pending(by_hand) == []
    assert await migrate(by_hand) == []


async def test_a_check_tells_by_its_exit_code_whether_something_is_to_run(server: Server) -> None:
    url = new_database(server)
    before = crm("migrate", "--check", CRM_DATABASE_URL=url)
    assert (before.returncode, before.stdout.split()) == (1, ALL)
    assert crm("migrate", CRM_DATABASE_URL=url).returncode == 0
    assert crm("migrate", "--check", CRM_DATABASE_URL=url).returncode == 0


@pytest.mark.parametrize("ask", [migrate, pending])
async def test_a_migration_that_was_edited_is_refused(
    server: Server, ask: Callable[[str], Awaitable[object]]
) -> None:
    url = await migrated(server)
    execute(url, "update crm_migration set digest = 'other' where name = %s", ALL[0])
    with pytest.raises(SetupError) as refused:
        await ask(url)
    assert refused.value.code == "database.migration_changed"
    assert refused.value.parameters == {"migration": ALL[0]}


@pytest.mark.parametrize("ask", [migrate, pending])
async def test_a_database_of_a_newer_release_is_refused(
    server: Server, ask: Callable[[str], Awaitable[object]]
) -> None:
    url = await migrated(server)
    execute(url, "insert into crm_migration values ('9999_future', 'digest')")
    with pytest.raises(SetupError) as refused:
        await ask(url)
    assert refused.value.code == "database.newer"
    assert refused.value.parameters == {"migrations": ["9999_future"]}


async def test_a_database_that_lacks_a_migration_is_not_worked_with(server: Server) -> None:
    url = await migrated(server)
    await (await open_pool(url, "crm_app")).close()
    execute(url, "delete from crm_migration where name = %s", ALL[-1])
    with pytest.raises(SetupError) as refused:
        await open_pool(url, "crm_app")
    assert refused.value.code == "database.not_migrated"
    assert refused.value.parameters == {"lacking": [ALL[-1]]}


async def test_a_server_that_is_too_old_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_core.ledger.postgres.migrate._OLDEST_SERVER", 990000)
    url = new_database(server)
    with pytest.raises(SetupError, match=r"database\.too_old"):
        await migrate(url)
    assert await pending(url) == ALL


async def test_a_migration_that_fails_leaves_nothing_behind(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database(server)
    before = schema(server, url)
    planted = [*all_migrations(), Migration("9998_made", "create table ledger.half ()"),
               Migration("9999_broken", "select no_such_function()")]  # fmt: skip
    monkeypatch.setattr("crm_core.ledger.postgres.migrate.all_migrations", lambda: planted)
    with pytest.raises(psycopg.errors.UndefinedFunction):
        await migrate(url)
    execute(url, "drop table crm_migration")
    assert schema(server, url) == before


# --- the workshop


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


def new_database(server: Server) -> str:
    name = f"made_{uuid4().hex}"
    execute(server.url(), f"create database {name}")
    return server.url(name)


async def migrated(server: Server) -> str:
    url = new_database(server)
    await migrate(url)
    return url


def execute(url: str, statement: str, *parameters: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement, parameters)


def schema(server: Server, url: str) -> list[str]:
    """Everything in the database but its rows, as pg_dump says it; and which migrations ran."""
    dumped = server.run("pg_dump", "--schema-only", url)
    with psycopg.connect(url) as connection:
        known = connection.execute("select to_regclass('crm_migration') is not null").fetchone()
        ran = "select name || ' ' || digest from crm_migration order by name"
        rows = connection.execute(ran).fetchall() if known == (True,) else []
    # Each dump has a key of its own, and the name of its database.
    said = [line for line in dumped.splitlines() if not line.startswith(("--", "\\"))]
    return said + [row for (row,) in rows]


def crm(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    return subprocess.run(
        [sys.executable, "-c", "from crm_api.cli.main import app; app()", *arguments],
        env=kept | environment,
        capture_output=True,
        text=True,
    )
