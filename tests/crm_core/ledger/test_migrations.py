"""Migrations run once each, under many at once too; what is not as released is refused."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from crm_core import SetupError
from crm_core.embedded import EmbeddedPostgres, server_binaries
from crm_core.ledger.postgres.migrate import Migration, all_migrations, migrate, pending

MIGRATE = "crm_core.ledger.postgres.migrate"


@pytest.fixture
def empty_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    name = f"empty_{uuid4().hex}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"create database {name}")
        yield postgres.url(name)
        connection.execute(f"drop database {name} with (force)")


async def test_of_many_at_once_each_migration_is_run_by_one(empty_url: str) -> None:
    runs = await asyncio.gather(*(migrate(empty_url) for _ in range(8)))
    names = [migration.name for migration in all_migrations()]
    assert sorted(name for run in runs for name in run) == names
    assert await pending(empty_url) == []


async def test_what_was_run_is_known(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [migration.name for migration in all_migrations()]
    assert await pending(empty_url) == names
    released = all_migrations()[:-1]
    with monkeypatch.context() as older:
        older.setattr(f"{MIGRATE}.all_migrations", lambda: released)
        assert await migrate(empty_url) == names[:-1]
    assert await pending(empty_url) == names[-1:]
    assert await migrate(empty_url) == names[-1:]


async def test_one_that_fails_leaves_nothing_behind(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [*all_migrations(), Migration("9999_broken", "create table half (); select 1 / 0")]
    monkeypatch.setattr(f"{MIGRATE}.all_migrations", lambda: broken)
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(empty_url)
    assert await pending(empty_url) == [migration.name for migration in broken]
    with psycopg.connect(empty_url) as connection:
        found = connection.execute("select to_regclass('half'), to_regnamespace('ledger')")
        assert found.fetchone() == (None, None)


async def test_one_that_was_edited_after_it_ran_is_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = all_migrations()
    edited = [Migration(first.name, first.sql + "-- a word more"), *others]
    monkeypatch.setattr(f"{MIGRATE}.all_migrations", lambda: edited)
    with pytest.raises(SetupError, match=r"database\.migration_changed") as refused:
        await migrate(database_url)
    assert refused.value.parameters == {"migration": first.name}


async def test_a_database_of_a_newer_release_is_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    *older, last = all_migrations()
    monkeypatch.setattr(f"{MIGRATE}.all_migrations", lambda: older)
    with pytest.raises(SetupError, match=r"database\.newer") as refused:
        await migrate(database_url)
    assert refused.value.parameters == {"migrations": [last.name]}


def test_what_is_printed_makes_the_same_schema(empty_url: str, database_url: str) -> None:
    printed = "\n".join(migration.sql for migration in all_migrations())
    _program("psql", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", empty_url,
             given=printed)  # fmt: skip
    by_hand, by_us = (
        _program("pg_dump", "--schema-only", "--restrict-key=any", "--exclude-table=crm_migration",
                 url)
        for url in (empty_url, database_url)
    )  # fmt: skip
    assert by_hand == by_us
    assert "create table ledger.event" in by_hand.lower()


def _program(name: str, *arguments: str, given: str | None = None) -> str:
    done = subprocess.run(
        [server_binaries() / name, *arguments], input=given, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
