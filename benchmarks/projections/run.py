"""Read models a second: filled again, kept up, and the peer beside it.

    python benchmarks/projections/run.py [events] [peer's events]

A made-up ledger (made_up.py; 1,000,000 events unless told otherwise, which takes about half a
minute) on an embedded server with durable settings. Everything else is what an operator does.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import structlog
from made_up import make_ledger
from peer import peer_rate

from crm_core import Crm
from crm_core.embedded import EmbeddedPostgres
from crm_core.kernel.collecting import collector_relaxed
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_core.ledger.postgres.migrate import migrate
from crm_projections.projection import Projection
from crm_projections.rebuilding import Processes, Rebuild
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
PEER_EVENTS = int(sys.argv[2]) if len(sys.argv) > 2 else 5_000
CATCH_UP_SECONDS = 15.0
ROOT_KEY = bytes(32)


async def main() -> None:
    collector_relaxed()  # as `crm serve` does
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres.start(folder / "data") as server:
            url = server.url()
            await migrate(url)
            started = time.perf_counter()
            await make_ledger(url, EVENTS, root_key=ROOT_KEY)
            made = EVENTS / (time.perf_counter() - started)
            print(f"{EVENTS:,} events made, {made:,.0f} a second\n")
            async with await Crm.open(url, root_key=ROOT_KEY) as crm:
                pool = await open_pool(url, "crm_projector", size=6)
                await measure(crm, pool, url)
                await pool.close()
            theirs = await asyncio.to_thread(peer_rate, url, PEER_EVENTS)
            print(f"\npeer, catching up one read model ({PEER_EVENTS:,} events): {theirs:,.0f}/s")
            print(f"ours, catching up the like of it: {RATES['audit_trail']:,.0f}/s,"
                  f" {RATES['audit_trail'] / theirs:,.0f} times as fast")  # fmt: skip
    finally:
        shutil.rmtree(folder)


RATES: dict[str, float] = {}


async def measure(crm: Crm, pool: Pool, url: str) -> None:
    print("| what | events/s, loaded | events/s, until it serves | peak of a worker, MB |")
    print("|---|---|---|---|")
    await rebuilt("all read models, 1 worker", crm, pool, url, PROJECTIONS, 1)
    await rebuilt("all read models, 2 workers", crm, pool, url, PROJECTIONS, 2)
    for projection in PROJECTIONS:
        await rebuilt(f"{projection.name}, 1 worker", crm, pool, url, [projection], 1)
    print("\n| caught up in batches, 1 worker | events/s |\n|---|---|")
    await caught_up("all read models", crm, pool, PROJECTIONS)
    trail = [projection for projection in PROJECTIONS if projection.name == "audit_trail"]
    await caught_up("audit_trail", crm, pool, trail)


async def rebuilt(
    what: str, crm: Crm, pool: Pool, url: str, projections: Sequence[Projection], workers: int
) -> None:
    loaded: list[float] = []

    def progress(done: int, total: int) -> None:
        if done == total and not loaded:
            loaded.append(time.perf_counter())

    processes = Processes(url, ROOT_KEY, pool, workers)
    again = Rebuild(crm.store, pool, projections, load=processes.load, progress=progress)
    started = time.perf_counter()
    await again.run()
    whole = time.perf_counter() - started
    load = (loaded[0] if loaded else time.perf_counter()) - started
    peak = max(processes.peaks_bytes) / 2**20
    print(f"| {what} | {EVENTS / load:,.0f} | {EVENTS / whole:,.0f} | {peak:,.0f} |", flush=True)


async def caught_up(what: str, crm: Crm, pool: Pool, projections: Sequence[Projection]) -> None:
    """From position 1, for some seconds, as a worker that was away for long does."""
    async with pool.connection() as connection:
        await connection.execute(
            "update read_model.checkpoint set position = 0 where projection = any(%s)",
            [[projection.name for projection in projections]],
        )
        for projection in projections:
            for table in projection.tables:
                await connection.execute(f"delete from read_model.{table.name}")
    runner = ProjectionRunner(crm.store, pool, projections)
    started = time.perf_counter()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CATCH_UP_SECONDS):
            await runner.catch_up(crm.tenant_id)
    seconds = time.perf_counter() - started
    reached = min(at.position for at in await runner.status())
    RATES[what] = reached / seconds
    print(f"| {what} | {RATES[what]:,.0f} |", flush=True)


asyncio.run(main())
