"""What the API stands on: the CRM, its read models, and the projector that keeps them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from crm_api.tokens import Tokens
from crm_core import Crm
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_projections.reading import Reads
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner

__all__ = ["Services", "open_services"]

log = structlog.get_logger()

_RESTART_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Services:
    """`pool` is that of `reads`, for the reports; it acts as `crm_app`."""

    crm: Crm
    reads: Reads
    pool: Pool
    runner: ProjectionRunner
    tokens: Tokens


@asynccontextmanager
async def open_services(
    url: str, root_key: bytes, tenant: str = "main", redis_url: str | None = None
) -> AsyncIterator[Services]:
    """Opens all of it over a migrated database, and projects in the background until the end.

    Raises SetupError as `Crm.open` does.
    """
    async with AsyncExitStack() as opened:
        crm = await opened.enter_async_context(
            await Crm.open(url, root_key=root_key, tenant=tenant, redis_url=redis_url)
        )
        pool = await open_pool(url, "crm_app")
        opened.push_async_callback(pool.close)
        projector_pool = await open_pool(url, "crm_projector", size=4)
        opened.push_async_callback(projector_pool.close)
        runner = ProjectionRunner(crm.store, projector_pool, PROJECTIONS)
        await runner.prepare()
        projecting = asyncio.create_task(_keep_projecting(runner))
        opened.push_async_callback(_end, projecting)
        yield Services(
            crm=crm,
            reads=Reads(pool, crm.tenant_id),
            pool=pool,
            runner=runner,
            tokens=Tokens(root_key, crm.tenant_id, crm.store.ledger.clock),
        )


async def _keep_projecting(runner: ProjectionRunner) -> None:
    while True:
        try:
            await runner.run()
        except Exception as error:  # noqa: BLE001 - the server goes on; /health shows the lag
            log.error("projector.failed", error=type(error).__name__)
            await asyncio.sleep(_RESTART_SECONDS)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
