"""PostgreSQL 15, 16 and 17 keep the contracts that 18, which we ship, is held to elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from tests.crm_core.ledger.contract import LedgerContract
from tests.crm_core.ledger.reading_contract import ReadingContract

from crm_core import SYSTEM, Crm, ManualClock, Request
from crm_core.customers import RegisterPerson
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.postgres.migrate import migrate, pending
from crm_projections.digest import digest_of
from crm_projections.projection import project
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner

from .server import Server, running_server


@pytest.fixture(scope="module", params=[15, 16, 17])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running_server(request.param) as server:
        asyncio.run(migrate(server.url()))
        yield server


@pytest.fixture
def url(server: Server) -> str:
    """An empty ledger. Emptied and not made anew, which would take ten times as long."""
    with psycopg.connect(server.url(), autocommit=True) as owner:
        owner.execute("set session_replication_role = replica")  # or the ledger would refuse it
        found = owner.execute(
            "select schemaname || '.' || tablename from pg_tables"
            " where schemaname in ('ledger', 'vault')"
        )
        owner.execute(f"truncate {', '.join(name for (name,) in found)}")
    return server.url()


class TestEverySupportedPostgres(LedgerContract, ReadingContract):
    @pytest.fixture(autouse=True)
    def far(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Small ledgers are read both ways: as they come, and by the indexes."""
        monkeypatch.setattr("crm_core.ledger.postgres.reading._NEAR_POSITIONS", 20)

    @pytest.fixture
    async def ledger(self, url: str, clock: ManualClock) -> AsyncIterator[PostgresLedger]:
        ledger = PostgresLedger(await open_pool(url, "crm_app"), clock)
        yield ledger
        await ledger.close()


async def test_every_migration_runs_and_runs_once(url: str) -> None:
    assert await pending(url) == []
    assert await migrate(url) == []


async def test_the_read_models_are_the_fold_of_the_ledger(url: str) -> None:
    async with await Crm.open(url, root_key=bytes(32)) as crm:
        people = [RegisterPerson(name=f"Person {n}", email=f"{n}@example.com") for n in range(50)]
        await crm.execute_many([Request(command=c, actor=SYSTEM) for c in people])
        events = [event async for page in crm.events() for event in page]
        pool = await open_pool(url, "crm_projector", size=4)
        runner = ProjectionRunner(crm.store, pool, PROJECTIONS)
        await runner.prepare()
        assert await runner.catch_up(crm.tenant_id) == len(events)
        folded = {p.name: digest_of(p, project(p, events)) for p in PROJECTIONS}
        assert await runner.digests(crm.tenant_id) == folded
        await pool.close()
