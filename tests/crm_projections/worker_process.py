"""A worker as a process of its own: its database's URL and root key come by standard input."""

from __future__ import annotations

import asyncio
import sys

from crm_core import Crm
from crm_core.ledger.postgres.connections import open_pool
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner


async def main(url: str, root_key: bytes) -> None:
    async with await Crm.open(url, root_key=root_key, every_tenant=True) as crm:
        runner = ProjectionRunner(crm.store, await open_pool(url, "crm_projector"), PROJECTIONS)
        print("ready", flush=True)
        await runner.run()


if __name__ == "__main__":
    asyncio.run(main(sys.stdin.readline().strip(), bytes.fromhex(sys.stdin.readline().strip())))
