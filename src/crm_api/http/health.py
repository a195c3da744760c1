"""Is it well? For load balancers (the status) and for people (the rest)."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from crm_api.services import Services
from crm_core import SetupError

__all__ = ["Health"]

_SECONDS_MAX = 3.0


class Health:
    """`GET /health`: 200 `ok`, 200 `degraded` where a projection has stopped, 503 `down` where the
    database does not answer. A stopped projection does not take the server out of service.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, request: Request) -> Response:
        try:
            async with asyncio.timeout(_SECONDS_MAX):
                found = await self._found()
        except (OSError, psycopg.Error, PoolTimeout, PoolClosed, SetupError):  # OSError: timeout
            found = {"status": "down", "database": "unreachable"}
        status = 503 if found["status"] == "down" else 200
        return JSONResponse(found, status_code=status, headers={"cache-control": "no-store"})

    async def _found(self) -> dict[str, Any]:
        crm = self._services.crm
        head = await crm.position()
        projections = [
            {
                "name": at.projection,
                "version": at.version,
                "position": at.position,
                "lagEvents": at.lag_events,
                "lagSeconds": round(at.lag_seconds, 3),
                "stoppedAt": at.stopped_at,
                "stoppedBy": at.stopped_by,
                "skipped": len(at.skips),
            }
            for at in await self._services.runner.status()
            if at.tenant_id == crm.tenant_id
        ]
        stopped = any(at["stoppedAt"] is not None for at in projections)
        return {
            "status": "degraded" if stopped else "ok",
            "database": "reachable",
            "head": head,
            "projections": projections,
        }
