"""The ledger in PostgreSQL keeps the contract, and what only a database can promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest

from crm_core.kernel.clock import ManualClock
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.records import Appended, Expected
from crm_core.ledger.signal import Closed
from crm_core.ledger.watch import Pauses

from .contract import OTHER, TENANT, LedgerContract, command, event, stream
from .reading_contract import ReadingContract


class TestPostgresLedger(LedgerContract, ReadingContract):
    @pytest.fixture(autouse=True)
    def far(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Small ledgers are read both ways: as they come, and by the indexes."""
        monkeypatch.setattr("crm_core.ledger.postgres.reading._NEAR_POSITIONS", 3)

    @pytest.fixture
    async def ledger(self, database_url: str, clock: ManualClock) -> AsyncIterator[PostgresLedger]:
        ledger = PostgresLedger(await open_pool(database_url, "crm_app"), clock)
        yield ledger
        await ledger.close()

    async def test_two_processes_on_one_tenant_take_turns(
        self, ledger: PostgresLedger, database_url: str
    ) -> None:
        other = PostgresLedger(await open_pool(database_url, "crm_app"))
        shared, raced = uuid4(), uuid4()
        await self.one(ledger, command(stream(raced, Expected.NONE)))
        try:
            outcomes = await asyncio.gather(
                *(
                    store.append(TENANT, [append])
                    for _ in range(20)
                    for store in (ledger, other)
                    for append in (command(stream(shared, Expected.ANY)), command(stream(raced, 1)))
                )
            )
        finally:
            await other.close()
        assert sum(isinstance(outcome, Appended) for (outcome,) in outcomes) == 40 + 1
        page = await ledger.page(TENANT, after=0, limit=100)
        assert [event.position for event in page] == list(range(1, 43))
        versions = [event.version for event in await ledger.stream(TENANT, [shared])]
        assert versions == list(range(1, 41))

    async def test_what_the_database_refuses_fails_alone(self, ledger: PostgresLedger) -> None:
        taken = event()
        await self.one(ledger, command(stream(uuid4(), Expected.NONE, taken)))
        outcomes = await asyncio.gather(
            ledger.append(TENANT, [command(stream(uuid4(), Expected.NONE, taken))]),
            *(ledger.append(TENANT, [command(stream(uuid4(), Expected.NONE))]) for _ in range(5)),
            return_exceptions=True,
        )
        assert isinstance(outcomes[0], psycopg.errors.UniqueViolation)
        assert not [outcome for outcome in outcomes[1:] if isinstance(outcome, Exception)]
        assert (await ledger.head(TENANT)).position == 6

    async def test_a_caller_that_gives_up_harms_nobody(self, ledger: PostgresLedger) -> None:
        appends = [
            asyncio.create_task(ledger.append(TENANT, [command(stream(uuid4(), Expected.NONE))]))
            for _ in range(20)
        ]
        await asyncio.sleep(0)
        for append in appends[::2]:
            append.cancel()
        outcomes = await asyncio.gather(*appends, return_exceptions=True)
        assert all(isinstance(outcome, list) for outcome in outcomes[1::2])
        page = await ledger.page(TENANT, after=0, limit=100)
        assert [event.position for event in page] == list(range(1, len(page) + 1))
        await self.one(ledger, command(stream(uuid4(), Expected.NONE)))

    async def test_who_starts_to_wait_is_told_at_once_what_is_there(
        self, ledger: PostgresLedger, database_url: str
    ) -> None:
        """Others may wait already, for other tenants, and the next look may be far away."""
        pool = await open_pool(database_url, "crm_app")
        other = PostgresLedger(pool, pauses=Pauses(3600, 3600))
        waiting = asyncio.create_task(other.wait(OTHER, after=0, seconds=None))
        await asyncio.sleep(0.1)
        await self.one(ledger, command(stream(uuid4(), Expected.NONE)))
        try:
            assert await other.wait(TENANT, after=0, seconds=20) == 1
        finally:
            await other.close()
        with pytest.raises(Closed):
            await waiting

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
