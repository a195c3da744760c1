"""The ledger in PostgreSQL keeps the contract, and what only a database can promise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest

from crm_core.kernel.clock import ManualClock
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.records import Expected

from .contract import TENANT, LedgerContract, command, stream


class TestPostgresLedger(LedgerContract):
    @pytest.fixture
    async def ledger(self, database_url: str, clock: ManualClock) -> AsyncIterator[PostgresLedger]:
        ledger = PostgresLedger(await open_pool(database_url, "crm_app"), clock)
        yield ledger
        await ledger.close()

    @pytest.mark.parametrize(
        "statement",
        [
            "update ledger.event set type = 'other'",
            "delete from ledger.event",
            "truncate ledger.event",
        ],
    )
    async def test_nobody_changes_a_stored_event(
        self, ledger: PostgresLedger, database_url: str, statement: str
    ) -> None:
        await self.one(ledger, command(stream(uuid4(), Expected.NONE)))
        async with await psycopg.AsyncConnection.connect(database_url) as owner:
            with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
                await owner.execute(statement)
        async with await psycopg.AsyncConnection.connect(database_url) as application:
            await application.execute("set role crm_app")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await application.execute(statement)

    async def test_the_application_owns_nothing(self, ledger: PostgresLedger) -> None:
        async with ledger._pool.connection() as connection:
            found = await connection.execute(
                "select count(*) from pg_class where pg_get_userbyid(relowner) = 'crm_app'"
            )
            assert await found.fetchone() == (0,)

    async def test_people_read_the_data_as_json(
        self, ledger: PostgresLedger, database_url: str
    ) -> None:
        await self.one(ledger, command(stream(uuid4(), Expected.NONE)))
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            found = await connection.execute(
                "select position, data from ledger.event_as_json where tenant_id = %s", [TENANT]
            )
            assert await found.fetchall() == [(1, {})]
