"""How long reports as of the past take over many opportunities: `run.py [opportunities] [plans]`.

The temporal tables are filled in bulk with made-up opportunities, each opened, moved twice and, two
of three, closed; every change leaves the versions that the projection leaves. Then each report is
asked for at random pasts. With `plans` the plan of the pipeline report is printed as well.
"""

from __future__ import annotations

import asyncio
import math
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from crm_core import Crm
from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_core.ledger.postgres.migrate import migrate
from crm_projections.generations import physical
from crm_projections.reporting import Past, Report, answer
from crm_projections.runner import ProjectionRunner
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.reports import SALES_REPORTS

DEALS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
ROUNDS = 10
TENANT = UUID(int=7)
CHANGES = 4  # of an opportunity: opened, moved, moved again, closed
START = datetime(2024, 1, 1, tzinfo=UTC)
LAST = DEALS * CHANGES  # position

_PERIOD, _STEP = (physical(table, 1) for table in ("opportunity_period", "opportunity_step"))

# Change number n of deal i happens at position i + n * DEALS, a quarter of two years later each.
_MADE = f"""
create temp table made as
select i, n, i + n * {DEALS} as position,
       timestamptz '{START:%Y-%m-%d}Z'
           + interval '730 days' * ((i + n * {DEALS})::float8 / {LAST}) as at,
       case when n = 3 and i % 3 > 0 then (array['WON', 'LOST'])[i % 3] else 'OPEN' end as status,
       case when n = 3 and i % 3 > 0 then (array['won', 'lost'])[i % 3]
            else (array['a', 'b', 'c', 'c'])[n + 1] end as stage_id,
       (array[10, 33, 75, case i % 3 when 0 then 75 when 1 then 100 else 0 end])[n + 1] as chance
  from generate_series(1, {DEALS}) as i, generate_series(0, {CHANGES - 1}) as n
"""
# Version (n, m): the stretch that change n began, as it was believed from change m on.
_PERIODS = f"""
insert into read_model.{_PERIOD} (tenant_id, opportunity_id, recorded_from, recorded_to,
    effective_from, effective_to, facts, status, pipeline_id, stage_id, probability,
    forecast_category, amount, currency, owner_id, customer_id, product_id, source, close_date,
    lost_reason, stage_entered_at, opened_at, closed_at)
select '{TENANT}', lpad(to_hex(made.i), 32, '0')::uuid,
       made.position + version * {DEALS},
       case when version = 0 and made.n < {CHANGES - 1} then made.position + {DEALS} end,
       made.at, case when version = 1 then made.at + interval '730 days' / {CHANGES} end,
       '[]', made.status, lpad(to_hex(made.i % 3), 32, '0')::uuid, made.stage_id, made.chance,
       'PIPELINE', made.i % 9973 + 0.99, (array['EUR', 'USD'])[made.i % 2 + 1],
       lpad(to_hex(made.i % 50), 32, '0')::uuid, null, lpad(to_hex(made.i % 20), 32, '0')::uuid,
       (array['web', 'fair', 'call'])[made.i % 3 + 1],
       (made.at + interval '60 days')::date, case made.status when 'LOST' then 'price' end, made.at,
       made.at - made.n * interval '730 days' / {CHANGES},
       case when made.status <> 'OPEN' then made.at end
  from made, generate_series(0, 1) as version
 where version = 0 or made.n < {CHANGES - 1}
 order by 3
"""
_STEPS = f"""
insert into read_model.{_STEP} (tenant_id, position, opportunity_id, kind, happened_at,
    pipeline_id, stage_id, lost_reason)
select '{TENANT}', position, lpad(to_hex(i), 32, '0')::uuid,
       case when status <> 'OPEN' then status when n = 0 then 'OPENED' else 'MOVED' end,
       at, lpad(to_hex(i % 3), 32, '0')::uuid, stage_id, case status when 'LOST' then 'price' end
  from made where n < 3 or status <> 'OPEN'
 order by position
"""


def fill(url: str) -> None:
    """Without indexes first: they are made when the rows are there."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = (_PERIOD, _STEP)
        keys = connection.execute(
            "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint"
            " where contype = 'p' and conrelid::regclass::text = any(%s)",
            [[f"read_model.{table}" for table in tables]],
        ).fetchall()
        for table, name, _ in keys:
            connection.execute(f"alter table {table} drop constraint {name}")
        indexes = connection.execute(
            "select indexname, indexdef from pg_indexes where tablename = any(%s)", [list(tables)]
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"drop index read_model.{name}")
        connection.execute("set maintenance_work_mem = '512MB'")
        connection.execute("set synchronous_commit = off")
        for statement in (_MADE, _PERIODS, _STEPS):
            connection.execute(statement)
        for table, name, definition in keys:
            connection.execute(f"alter table {table} add constraint {name} {definition}")
        for _, definition in indexes:
            connection.execute(definition)
        for table in tables:
            connection.execute(f"vacuum analyze read_model.{table}")


def pasts(rounds: random.Random) -> list[tuple[str, Past]]:
    def at(position: int, moment: datetime | None = None) -> Past:
        return Past(position, moment, moment or _at(position))

    positions = [rounds.randint(LAST // 10, LAST) for _ in range(ROUNDS)]
    return [
        *(("present", at(LAST)) for _ in range(ROUNDS)),
        *(("as of a position", at(position)) for position in positions),
        *(("about a moment", at(LAST, _at(position))) for position in positions),
        *(("both", at(position, _at(position * 3 // 4))) for position in positions),
    ]


def _at(position: int) -> datetime:
    return START + timedelta(days=730 * (position / LAST))


async def measure(pool: Pool, report: Report[Any, Any]) -> None:
    taken: dict[str, list[float]] = {}
    for kind, past in pasts(random.Random(7)):
        since = Past(max(past.position - LAST // 20, 0), past.moment) if report.compares else None
        started = time.perf_counter()
        await answer(report, pool, TENANT, past, since=since)
        taken.setdefault(kind, []).append(time.perf_counter() - started)
    cells = [
        f"{statistics.median(times) * 1000:,.0f} / {_p95(times) * 1000:,.0f}"
        for times in taken.values()
    ]
    print(f"| {report.name} | {' | '.join(cells)} |", flush=True)


def _p95(times: list[float]) -> float:
    """By nearest rank: of ten, the slowest."""
    return sorted(times)[math.ceil(0.95 * len(times)) - 1]


async def plans(pool: Pool) -> None:
    (report, *_) = SALES_REPORTS
    for kind, past in pasts(random.Random(7))[::ROUNDS]:
        asked = report.question()
        parameters = {"tenant": TENANT, **asked.parameters, **past.parameters}
        async with pool.connection() as connection:
            found = await connection.execute(
                "explain (analyze, buffers, costs off) " + report.sql(asked), parameters
            )
            print(f"\n{kind}:", *(line for (line,) in await found.fetchall()), sep="\n  ")


@contextmanager
def server() -> Iterator[EmbeddedPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres.start(folder / "data") as started:
            yield started
    finally:
        shutil.rmtree(folder)


async def main() -> None:
    with server() as started:
        url = started.url()
        await migrate(url)
        projector = await open_pool(url, "crm_projector")
        runner = ProjectionRunner(Crm.in_memory().store, projector, [SalesPipeline()])
        await runner.prepare()
        await projector.close()
        begun = time.perf_counter()
        fill(url)
        print(f"{DEALS:,} opportunities filled in {time.perf_counter() - begun:.0f} s\n")
        pool = await open_pool(url, "crm_app")
        print(f"p50 / p95 of {ROUNDS}, in milliseconds.\n")
        print("| report | present | as of a position | about a moment | both |")
        print("|---|---|---|---|---|", flush=True)
        for report in SALES_REPORTS if DEALS <= 200_000 else SALES_REPORTS[:1]:
            await measure(pool, report)
        if "plans" in sys.argv:
            await plans(pool)
        await pool.close()


asyncio.run(main())
