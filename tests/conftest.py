"""Fixtures that every folder of tests shares."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from crm_core import Crm
from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.migrate import migrate
from crm_core.testing import Scenario

ROOT_KEY = bytes(range(32))


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    made = Scenario()
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One server for the whole run, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="crm-tests-"))
    folder.chmod(0o755)  # as root, the server runs as another user
    with EmbeddedPostgres.start(folder / "data") as server:
        yield server
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated(postgres: EmbeddedPostgres) -> str:
    """The name of a migrated database that others are copied from."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("create database migrated")
    asyncio.run(migrate(postgres.url("migrated")))
    return "migrated"


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, migrated: str) -> Iterator[str]:
    """A migrated database for one test."""
    with new_database(postgres, migrated) as url:
        yield url


@pytest.fixture(scope="module")
def shared_database_url(postgres: EmbeddedPostgres, migrated: str) -> Iterator[str]:
    """A migrated database for a module's tests, each of which takes a tenant of its own."""
    with new_database(postgres, migrated) as url:
        yield url


@contextmanager
def new_database(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The address of a copy, which is dropped in the end."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
        yield postgres.url(name)
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
async def crm(database_url: str) -> AsyncIterator[Crm]:
    """A CRM over a database of its own."""
    async with await Crm.open(database_url, root_key=ROOT_KEY, every_tenant=True) as opened:
        yield opened


# Property tests run as often in CI as on a desk, without a clock: a slow machine is no bug.
settings.register_profile("crm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("release", settings.get_profile("crm"), max_examples=1_200)
settings.load_profile("release" if os.environ.get("CRM_SOAK") else "crm")
