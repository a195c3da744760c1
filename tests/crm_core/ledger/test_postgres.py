"""The ledger in PostgreSQL keeps the contract, and what only a database can promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import psycopg
import pytest
from msgspec.structs import replace

from crm_core.kernel.clock import ManualClock
from crm_core.kernel.errors import Rejected, Unavailable
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.records import Appended, Expected, TrackingMark
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

    async def test_processes_with_many_tenants_never_lock_each_other_out(
        self, ledger: PostgresLedger, database_url: str
    ) -> None:
        """Both have one head, wait for the next, and would then want each other's."""
        other = PostgresLedger(await open_pool(database_url, "crm_app"))
        tenants = sorted(uuid4() for _ in range(4))

        async def write(store: PostgresLedger, order: list[UUID]) -> None:
            appends = [
                store.append(tenant, [command(stream(uuid4(), Expected.NONE))]) for tenant in order
            ]
            for (outcome,) in await asyncio.gather(*appends):
                assert isinstance(outcome, Appended)

        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as owner:
            # A plan that looks the heads up one by one, as given: a scan would come in their order.
            for join in ("hashjoin", "mergejoin"):
                await owner.execute(f"alter database {owner.info.dbname} set enable_{join} = off")
            await owner.execute(
                "insert into ledger.head select gen_random_uuid(), 0 from generate_series(1, 5000)"
            )
            await owner.execute("analyze ledger.head")
        await write(ledger, tenants)
        await write(other, tenants)  # from now on both know the heads and use one statement
        async with await psycopg.AsyncConnection.connect(database_url) as holder:
            await holder.execute(
                "select from ledger.head where tenant_id = any(%s) for update", [tenants[1:3]]
            )
            both = asyncio.gather(write(ledger, tenants), write(other, tenants[::-1]))
            async with asyncio.timeout(10):
                while await self._waiting_for_locks(ledger) < 2:  # noqa: ASYNC110 - no event tells
                    await asyncio.sleep(0.01)
        await both
        for ended in (ledger, other):
            await ended.close()  # and so their sessions report what they have counted
        async with await psycopg.AsyncConnection.connect(database_url) as server:
            found = await server.execute(
                "select deadlocks from pg_stat_database where datname = current_database()"
            )
            assert await found.fetchone() == (0,)

    async def _waiting_for_locks(self, ledger: PostgresLedger) -> int:
        async with ledger._pool.connection() as connection:
            found = await connection.execute("select count(*) from pg_locks where not granted")
            return int((await found.fetchone() or (0,))[0])

    async def test_what_the_database_refuses_fails_alone(self, ledger: PostgresLedger) -> None:
        taken = event()
        await self.one(ledger, command(stream(uuid4(), Expected.NONE, taken)))
        outcomes = await asyncio.gather(
            ledger.append(TENANT, [command(stream(uuid4(), Expected.NONE, taken))]),
            *(ledger.append(TENANT, [command(stream(uuid4(), Expected.NONE))]) for _ in range(5)),
            return_exceptions=True,
        )
        (refused,) = outcomes[0]
        assert isinstance(refused, Rejected)
        assert refused.code == "ledger.event_exists"
        assert not [outcome for outcome in outcomes[1:] if isinstance(outcome, Exception)]
        assert (await ledger.head(TENANT)).position == 6

    @pytest.mark.parametrize(
        "unfit",
        [{"tags": ("half a pair: \ud800",)}, {"tags": ("\x00",)}, {"schema_version": 2**20}],
    )
    async def test_what_no_column_takes_is_refused_by_name(
        self, ledger: PostgresLedger, unfit: dict[str, object]
    ) -> None:
        first = event()
        await self.one(ledger, command(stream(uuid4(), Expected.NONE, first)))  # the head is known
        strange = replace(event(), **unfit)
        (refused,) = await ledger.append(TENANT, [command(stream(uuid4(), Expected.NONE, strange))])
        assert isinstance(refused, Rejected)
        assert refused.code == "ledger.unstorable"
        await self.one(ledger, command(stream(uuid4(), Expected.NONE)))

    async def test_who_finds_the_queue_full_waits_and_loses_nothing(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("crm_core.ledger.postgres.group_commit._QUEUED_MAX", 5)
        ledger = PostgresLedger(await open_pool(database_url, "crm_app"))
        longest = 0

        async def append() -> None:
            nonlocal longest
            longest = max(longest, ledger._commits._queue.qsize())
            await self.one(ledger, command(stream(uuid4(), Expected.NONE)))

        await asyncio.gather(*(append() for _ in range(200)))
        head = await ledger.head(TENANT)
        await ledger.close()
        assert (longest, head.position) == (5, 200)

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

    async def test_a_lost_connection_delays_appends_and_doubles_none(
        self, ledger: PostgresLedger, database_url: str
    ) -> None:
        """The server ends the writers' sessions again and again, in the middle of what they do."""
        told = asyncio.Semaphore(0)  # one for each append that was acknowledged

        async def write(writer: int) -> list[Appended]:
            record = uuid4()
            expected: list[int | Expected] = [Expected.NONE, *range(1, 60)]
            if writer % 2:  # these ask for no version, so that nothing but the event ids tells
                expected = [Expected.ANY] * 60
            outcomes = []
            for one in expected:
                outcomes.append(await self.one(ledger, command(stream(record, one))))
                told.release()
            return outcomes

        async def cut() -> None:
            async with await psycopg.AsyncConnection.connect(
                database_url, autocommit=True
            ) as server:
                while True:
                    for _ in range(20):
                        await told.acquire()
                    await server.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity"
                        " where datname = current_database() and pid <> pg_backend_pid()"
                    )

        cutting = asyncio.create_task(cut())
        try:
            written = await asyncio.gather(*(write(writer) for writer in range(8)))
        finally:
            cutting.cancel()
        acknowledged = sorted(outcome.last_position for one in written for outcome in one)
        assert acknowledged == list(range(1, 8 * 60 + 1))
        async with await psycopg.AsyncConnection.connect(database_url) as server:
            found = await server.execute("select count(*), max(position) from ledger.event")
            assert await found.fetchone() == (480, 480)

    async def test_an_append_says_so_when_the_database_stays_away(self, database_url: str) -> None:
        ledger = PostgresLedger(await open_pool(database_url, "crm_app"), recovery_seconds=0.2)
        await self.one(ledger, command(stream(uuid4(), Expected.NONE)))
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as server:
            name = server.info.dbname
        other = database_url.replace(name, "postgres")
        async with await psycopg.AsyncConnection.connect(other, autocommit=True) as server:
            await server.execute(f"alter database {name} allow_connections false")
            await server.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
            )
            (outcome,) = await ledger.append(TENANT, [command(stream(uuid4(), Expected.NONE))])
            assert isinstance(outcome, Unavailable)
            assert outcome.code == "database.gone"
            await server.execute(f"alter database {name} allow_connections true")
        await self.one(ledger, command(stream(uuid4(), Expected.NONE)))
        await ledger.close()

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

    async def test_a_mark_is_stored_in_the_transaction_of_its_events(
        self, ledger: PostgresLedger, database_url: str
    ) -> None:
        mark = TrackingMark("orders", 7)
        await self.one(ledger, command(stream(uuid4(), Expected.NONE), tracking=mark))
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            found = await connection.execute(
                "select e.xmin = t.xmin from ledger.event as e, ledger.tracking as t"
            )
            assert await found.fetchall() == [(True,)]

    async def test_an_event_that_is_no_json_hides_no_other(
        self, ledger: PostgresLedger, database_url: str
    ) -> None:
        others = [event(data) for data in (b"x\x9c", b"plain text", b'"\\u0000"', b'{"a":1}')]
        await self.one(ledger, command(stream(uuid4(), Expected.NONE, *others)))
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            found = await connection.execute(
                "select data from ledger.event_as_json order by position"
            )
            assert await found.fetchall() == [(None,), (None,), (None,), ({"a": 1},)]
