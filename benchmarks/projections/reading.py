"""Pages of large read models, and how soon a commit is visible: `reading.py [customers]`.

The tables are filled in bulk with made-up rows: so many customers (1,000,000 unless told otherwise)
and five entries of the timeline for each, a tenth of all customers having half of them. Then pages
are asked for through `Reads`, as the API does, at random places. Last, commands are executed one
after the other, about twenty a second, with the projections running in the same process, and each
waits until all read models show it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import structlog

from crm_core import SYSTEM, Crm
from crm_core.customers import RegisterPerson
from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.migrate import migrate
from crm_projections.customer_directory.projection import CUSTOMERS
from crm_projections.generations import physical
from crm_projections.reading import Comparison, Operator, Order, Reads, Window, list_of
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner
from crm_projections.tables import Table
from crm_projections.timeline.projection import TIMELINE

N = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
ROUNDS = 200
VISIBLE_COMMANDS, PAUSE_SECONDS = 300, 0.05

_CUSTOMERS = """
insert into read_model.{table} (tenant_id, customer_id, kind, name, status, lifecycle, owner_id,
    email, source, tags, points, addresses, affiliations, consents, external_ids, merges, version,
    created_at, updated_at)
select '{tenant}', lpad(to_hex(i), 32, '0')::uuid, 'PERSON', md5(i::text) || ' ' || i, 'ACTIVE',
       (array['PROSPECT', 'ACTIVE', 'DORMANT', 'CHURNED'])[i % 4 + 1],
       lpad(to_hex(i % 500), 32, '0')::uuid, i || '@example.com', (array['web', 'fair'])[i % 2 + 1],
       '[]', '[]', '[]', '[]', '[]', '[]', '[]', 1,
       timestamptz '2024-01-01Z' + i * interval '1 minute', timestamptz '2025-01-01Z'
  from generate_series(1, {n}) as i
"""
_TIMELINE = """
insert into read_model.{table} (tenant_id, customer_id, position, happened_at, event_id, type,
    record_type, record_id, actor_kind, actor_id, text)
select '{tenant}', lpad(to_hex(of), 32, '0')::uuid, p,
       timestamptz '2024-01-01Z' + p * interval '1 s', lpad(to_hex(p), 32, '0')::uuid,
       'engagement.interaction.logged', 'engagement.interaction',
       lpad(to_hex(p), 32, '0')::uuid, 'USER', 'anna', 'Called about the offer number ' || p
  from (select p, case when p % 2 = 0 then p / 2 % greatest({n} / 10, 1) + 1
                       else p * 7919::bigint % {n} + 1 end as of
          from generate_series(1, {n}::bigint * 5) as p) as made
"""


def fill(url: str, tenant: UUID) -> None:
    """Without indexes first: they are made when the rows are there."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set maintenance_work_mem = '512MB'")
        connection.execute("set synchronous_commit = off")
        for table, statement in ((CUSTOMERS, _CUSTOMERS), (TIMELINE, _TIMELINE)):
            name = physical(table.name, 1)
            connection.execute(f"drop table read_model.{name} cascade")
            connection.execute("set role crm_projector")
            for creating in table.create_sql(name):
                connection.execute(creating)
            connection.execute(statement.format(table=name, tenant=tenant, n=N))
            for index in table.index_sql(name):
                connection.execute(index)
            connection.execute(f"create view read_model.{table.name} as table read_model.{name}")
            connection.execute("reset role")
            connection.execute(f"vacuum analyze read_model.{name}")


async def measure(what: str, ask: Callable[[random.Random], Awaitable[Any]]) -> None:
    chance = random.Random(7)
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await ask(chance)
        times.append(time.perf_counter() - started)
    show(what, times)


def show(what: str, times: list[float]) -> None:
    """By nearest rank, in milliseconds."""
    ranked = sorted(times)
    shown = (0.5, 0.95, 0.99)
    cells = [f"{ranked[math.ceil(share * len(ranked)) - 1] * 1000:.1f}" for share in shown]
    print(f"| {what} | {' | '.join(cells)} |", flush=True)


async def pages(reads: Reads) -> None:
    async def page(table: Table[Any], where: Any, order: Order) -> None:
        found = await reads.page(table, Window(first=50), where=where, order=(order,))
        assert found.rows
        if found.has_next:  # the page after it
            after = found.cursors[-1]
            await reads.page(table, Window(first=50, after=after), where=where, order=(order,))

    def any_customer(chance: random.Random) -> Any:
        of = UUID(int=chance.randint(1, max(N // 10, 1)))
        return page(TIMELINE, list_of("customer_id", of), Order("happened_at", True))

    def of_lifecycle(chance: random.Random) -> Any:
        state = chance.choice(["PROSPECT", "ACTIVE", "DORMANT", "CHURNED"])
        where = Comparison("lifecycle", Operator.EQ, state)
        return page(CUSTOMERS, where, Order("name", chance.random() < 0.5))

    def of_owner(chance: random.Random) -> Any:
        where = Comparison("owner_id", Operator.EQ, UUID(int=chance.randint(0, 499)))
        return page(CUSTOMERS, where, Order("created_at", True))

    await measure(f"timeline of a customer, two pages, of {N * 5:,} entries", any_customer)
    await measure(f"customers by lifecycle, by name, two pages, of {N:,}", of_lifecycle)
    await measure(f"customers of an owner, newest first, two pages, of {N:,}", of_owner)


async def visible(crm: Crm, runner: ProjectionRunner) -> None:
    keeping = asyncio.create_task(runner.run())
    times = []
    for number in range(VISIBLE_COMMANDS):
        receipt = await crm.execute(RegisterPerson(name=f"Person {number}"), SYSTEM)
        started = time.perf_counter()
        await runner.wait_for(crm.tenant_id, receipt.position, seconds=10)
        times.append(time.perf_counter() - started)
        await asyncio.sleep(PAUSE_SECONDS)
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping
    show("from the receipt until all read models show it", times)


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres.start(folder / "data") as server:
            url = server.url()
            await migrate(url)
            async with await Crm.open(url, root_key=bytes(32)) as crm:
                projector = await open_pool(url, "crm_projector")
                runner = ProjectionRunner(crm.store, projector, PROJECTIONS)
                await runner.prepare()
                begun = time.perf_counter()
                fill(url, crm.tenant_id)
                print(f"filled in {time.perf_counter() - begun:.0f} s\n")
                print("| what | p50, ms | p95, ms | p99, ms |\n|---|---|---|---|", flush=True)
                pool = await open_pool(url, "crm_app")
                await pages(Reads(pool, crm.tenant_id))
                await visible(crm, runner)
                await pool.close()
                await projector.close()
    finally:
        shutil.rmtree(folder)


asyncio.run(main())
