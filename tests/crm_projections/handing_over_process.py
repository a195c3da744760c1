"""A server's hand-over as a process of its own: URL and root key come by standard input."""

from __future__ import annotations

import asyncio
import sys

from crm_core import Crm, handing_over
from crm_core.ledger.postgres.connections import open_pool
from crm_projections.owned import ReadModelOwned
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner

handing_over.BATCH_RECORDS = 7  # type: ignore[misc]  # so that there is a middle to be killed in


async def main(url: str, root_key: bytes) -> None:
    async with await Crm.open(url, root_key=root_key, every_tenant=True) as crm:
        pool = await open_pool(url, "crm_projector")
        runner = ProjectionRunner(crm.store, pool, PROJECTIONS)
        crm.owned = ReadModelOwned(crm, pool)
        print("ready", flush=True)
        await asyncio.gather(runner.run(), crm.handing_over.run())


if __name__ == "__main__":
    asyncio.run(main(sys.stdin.readline().strip(), bytes.fromhex(sys.stdin.readline().strip())))
