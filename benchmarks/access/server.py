"""Ours, as `crm serve` serves it: `server.py URL PORT [--off]`.

With `--off` a compiled read is made without the access predicate, and nobody's rights are asked:
what rules are compared with. The product has no such setting.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvicorn

from crm_api.app import create_app
from crm_api.cli.serving import log_to_stderr
from crm_api.graphql.compiled.answers import CompiledReads
from crm_api.graphql.compiled.reader import Reader
from crm_api.http.allowance import Allowance
from crm_api.services import open_services
from crm_core.access.rights import ALL_RIGHTS
from crm_core.kernel.collecting import collector_relaxed

ROOT_KEY = bytes(range(32))
UNLIMITED = Allowance(10**12, 10**12)


async def main(url: str, port: int) -> None:
    log_to_stderr()
    collector_relaxed()
    async with open_services(url, ROOT_KEY, allowance=UNLIMITED) as services:
        if "--off" in sys.argv:
            everything = Reader.of(services.crm.tenant_id, ALL_RIGHTS, False)

            async def reader(*_: Any) -> Reader:
                return everything

            CompiledReads._reader = reader  # type: ignore[method-assign]
        config = uvicorn.Config(
            create_app(services), port=port, log_level="warning", access_log=False, ws="none"
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
