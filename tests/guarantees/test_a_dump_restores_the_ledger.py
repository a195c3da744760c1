"""G16: a dump, restored into a fresh cluster of the same or a newer PostgreSQL, is the ledger.

Positions, heads, unique keys, command results, wrapped keys and read models are there as they were;
readers go on where they were, and appends without a gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from crm_core import SYSTEM, Crm, Request
from crm_core.customers import RegisterPerson, RenameCustomer
from crm_core.customers.customer.customer import Customer
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.migrate import migrate, pending
from crm_projections.digest import digest_of
from crm_projections.projection import project
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner

from .history import Reading, faults_of_log
from .reading import by_position
from .server import Server, running_server
from .writing import Record, keep_writing, ledgers, whole_log

PEOPLE = [RegisterPerson(name=f"Person {n}", email=f"{n}@example.com") for n in range(100)]
NAMED = [Request(command=person, actor=SYSTEM, command_id=uuid4()) for person in PEOPLE]


@pytest.fixture(scope="module", params=[(15, 18), (18, 18)], ids=["15 to 18", "18 to 18"])
def clusters(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Server]]:
    """The one that is dumped, and a fresh one to restore into."""
    source, target = request.param
    with running_server(source) as old, running_server(target) as new:
        asyncio.run(migrate(old.url()))
        yield old, new


async def test_everything_is_there_and_goes_on(clusters: tuple[Server, Server]) -> None:
    old, new = clusters
    reading = Reading("the reader")
    async with opened(old.url()) as (crm, runner):
        receipts = await crm.execute_many(NAMED)
        await runner.catch_up(crm.tenant_id)
        half = await crm.store.ledger.page(crm.tenant_id, after=0, limit=len(PEOPLE))
        reading.take((event.position, event.event_id) for event in half)
        log, digests = (
            await whole_log(crm.store.ledger, crm.tenant_id),
            await runner.digests(crm.tenant_id),
        )
    url = restored(old, new)
    assert rows(url) == rows(old.url())
    assert await pending(url) == []

    async with opened(url) as (crm, runner):
        assert await whole_log(crm.store.ledger, crm.tenant_id) == log
        assert {status.lag_events for status in await runner.status()} == {0}
        assert await runner.digests(crm.tenant_id) == digests

        again = await crm.execute_many(NAMED)  # they are remembered, and their keys open
        assert [(r.event_ids, r.replayed) for r in again] == [(r.event_ids, True) for r in receipts]
        person = PEOPLE[0].customer_id
        assert (await crm.get(Customer, person)).name == "Person 0"
        assert await crm.holder("email", "0@example.com") == person

        renamed = await crm.execute(RenameCustomer(customer_id=person, name="Ada"), actor=SYSTEM)
        assert renamed.position == len(log) + 1
        rest = await crm.store.ledger.page(crm.tenant_id, after=reading.last, limit=1_000)
        reading.take((event.position, event.event_id) for event in rest)
        log = await whole_log(crm.store.ledger, crm.tenant_id)
        assert faults_of_log(log) + reading.faults_against(by_position(log)) == []

        await runner.catch_up(crm.tenant_id)
        events = [event async for page in crm.events() for event in page]
        folded = {p.name: digest_of(p, project(p, events)) for p in PROJECTIONS}
        assert await runner.digests(crm.tenant_id) == folded


async def test_a_dump_in_the_middle_of_writing_is_a_whole_past(
    clusters: tuple[Server, Server],
) -> None:
    old, new = clusters
    tenant_id, record, done = uuid4(), Record(), asyncio.Event()
    async with ledgers(old.url(), 1) as (ledger,):
        async with asyncio.TaskGroup() as writers:
            for seed in range(4):
                writers.create_task(keep_writing(ledger, tenant_id, record, done.is_set, seed))
            await record.reach(50)
            url = await asyncio.to_thread(restored, old, new)
            done.set()
        whole = await whole_log(ledger, tenant_id)
    async with ledgers(url, 1) as (copy,):
        past = await whole_log(copy, tenant_id)
        assert len(past) >= 50
        assert past == whole[: len(past)]
        assert (await copy.head(tenant_id)).position == len(past)


async def test_nobody_changes_a_restored_event(clusters: tuple[Server, Server]) -> None:
    url = restored(*clusters)
    with (
        psycopg.connect(url, autocommit=True) as owner,
        pytest.raises(psycopg.errors.RestrictViolation),
    ):
        owner.execute("delete from ledger.event")
    with psycopg.connect(url, autocommit=True, options="-c role=crm_app") as application:
        for forbidden in ("delete from ledger.event", "create table ledger.mine ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute(forbidden)


# --- planted bugs: the same comparison must show them


@pytest.mark.parametrize("table", ["ledger.head", "ledger.command", "vault.subject_key"])
async def test_a_dump_without_a_table_is_caught(
    clusters: tuple[Server, Server], table: str
) -> None:
    old, _ = clusters
    url = restored(*clusters, f"--exclude-table-data={table}")
    assert [name for name, found in rows(old.url()).items() if rows(url)[name] != found] == [table]


_MANY_TRANSACTIONS = """
do $$ begin
    for n in 1..10000 loop
        perform pg_current_xact_id();
        commit;
    end loop;
end $$
"""


def test_a_reader_of_transaction_ids_reads_nothing_after_a_restore(
    clusters: tuple[Server, Server],
) -> None:
    """Why positions are numbers of the ledger's own: those of a cluster mean nothing in another."""
    old, _ = clusters
    visible = "select id from naive where xid < pg_snapshot_xmin(pg_current_snapshot())"
    with psycopg.connect(old.url(), autocommit=True) as source:
        source.execute("create table naive (id int, xid xid8 default pg_current_xact_id())")
        source.execute(_MANY_TRANSACTIONS)
        source.execute("insert into naive (id) values (1), (2)")
        assert len(source.execute(visible).fetchall()) == 2
        with psycopg.connect(restored(*clusters)) as target:
            assert target.execute("select count(*) from naive").fetchone() == (2,)
            assert target.execute(visible).fetchall() == []
        source.execute("drop table naive")


# --- the workshop


def restored(old: Server, new: Server, *options: str) -> str:
    """The address of a copy, made as an operator makes it: roles first, then the database."""
    name = f"copy_{uuid4().hex}"
    roles = new.run("pg_dumpall", "--roles-only", "-d", old.url())
    new.run("psql", new.url(), "-q", stdin=roles)  # those that are there already complain
    new.run("createdb", "--maintenance-db", new.url(), name)
    dump = new.folder / name
    new.run("pg_dump", "--format=custom", "--file", dump, *options, old.url())
    new.run("pg_restore", "--exit-on-error", "--dbname", new.url(name), dump)
    return new.url(name)


def rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables of ours, by table."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select schemaname || '.' || tablename from pg_tables"
            " where schemaname in ('ledger', 'vault', 'audit', 'read_model')"
            " or tablename = 'crm_migration'"
        ).fetchall()
        return {
            table: connection.execute(f"select t::text from {table} as t order by 1").fetchall()
            for (table,) in sorted(tables)
        }


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[Crm, ProjectionRunner]]:
    async with await Crm.open(url, root_key=bytes(32)) as crm:
        pool = await open_pool(url, "crm_projector", size=4)
        runner = ProjectionRunner(crm.store, pool, PROJECTIONS)
        await runner.prepare()
        yield crm, runner
        await pool.close()
