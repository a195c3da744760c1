"""Imports a second: real files through the whole write path into the embedded PostgreSQL.

Every row becomes commands, is decided by the rules, sealed and stored; then the read models are
caught up and built again. Needs the public data sets (CRM_SHARED_DATA, or ../shared/data).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path

from crm_core import Crm
from crm_core.embedded import EmbeddedPostgres
from crm_core.importing.helpdesk import plan_helpdesk
from crm_core.importing.run import run_plan
from crm_core.importing.sales import plan_sales
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.migrate import migrate
from crm_projections.rebuilding import Rebuild
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CRM_SHARED_DATA", ROOT.parent / "shared" / "data"))


async def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres.start(folder / "data") as server:
            await migrate(server.url())
            async with await Crm.open(server.url(), root_key=bytes(32)) as crm:
                await measure(crm, server.url())
    finally:
        shutil.rmtree(folder)


async def measure(crm: Crm, url: str) -> None:
    print("| what | events | seconds | events/s |\n|---|---|---|---|")
    for plan in (
        plan_sales(DATA / "sales", crm.tenant_id),
        plan_helpdesk(DATA / "helpdesk" / "helpdesk.csv", crm.tenant_id),
    ):
        result = await run_plan(crm, plan)
        show(f"import {plan.name}", result.events, result.seconds)
    pool = await open_pool(url, "crm_projector", size=4)
    runner = ProjectionRunner(crm.store, pool, PROJECTIONS)
    await runner.prepare()
    head = await crm.position()
    started = time.perf_counter()
    await runner.catch_up(crm.tenant_id)
    show(f"catch up {len(PROJECTIONS)} read models", head, time.perf_counter() - started)
    for projection in PROJECTIONS:
        started = time.perf_counter()
        await Rebuild(crm.store, pool, [projection]).run()
        show(f"rebuild {projection.name}", head, time.perf_counter() - started)
    await pool.close()


def show(what: str, events: int, seconds: float) -> None:
    print(f"| {what} | {events:,} | {seconds:.1f} | {events / seconds:,.0f} |", flush=True)


asyncio.run(main())
