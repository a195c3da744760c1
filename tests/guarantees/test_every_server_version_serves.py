"""PostgreSQL 15 to 18: migrations run on each, and the ledger keeps its contract on each.

18 is the one that all other tests run on; a version that is not at hand is skipped by name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest
from tests.crm_core.ledger.contract import LedgerContract

from crm_core import SYSTEM, Crm
from crm_core.customers import Customer, RegisterPerson, TagCustomer
from crm_core.kernel.clock import ManualClock
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.postgres.migrate import migrate
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner

from .server import SUPPORTED, Server, running_server


@pytest.fixture(scope="module", params=[major for major in SUPPORTED if major != 18])
def old_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running_server(request.param) as server:
        yield server


@pytest.fixture(scope="module")
async def template(old_server: Server) -> str:
    with psycopg.connect(old_server.url(), autocommit=True) as connection:
        connection.execute("create database template_of_tests")
    await migrate(old_server.url("template_of_tests"))
    return "template_of_tests"


@pytest.fixture
def old_url(old_server: Server, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    with psycopg.connect(old_server.url(), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
        yield old_server.url(name)
        connection.execute(f"drop database {name} with (force)")


class TestOldServer(LedgerContract):
    @pytest.fixture
    async def ledger(self, old_url: str, clock: ManualClock) -> AsyncIterator[PostgresLedger]:
        ledger = PostgresLedger(await open_pool(old_url, "crm_app"), clock)
        yield ledger
        await ledger.close()


async def test_the_whole_way_works(old_url: str) -> None:
    """A command, its read models, and a second migration that has nothing to do."""
    assert await migrate(old_url) == []
    async with await Crm.open(old_url, root_key=bytes(32)) as crm:
        ada = RegisterPerson(name="Ada", email="ada@example.com")
        await crm.execute(ada, actor=SYSTEM)
        await crm.execute(TagCustomer(customer_id=ada.customer_id, tag="vip"), actor=SYSTEM)
        assert (await crm.get(Customer, ada.customer_id)).tags == {"vip"}
        pool = await open_pool(old_url, "crm_projector")
        runner = ProjectionRunner(crm.store, pool, PROJECTIONS)
        await runner.prepare()
        assert await runner.catch_up(crm.tenant_id) == 3
        await pool.close()
