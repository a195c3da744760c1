"""Keeps the trees up with the ledger, and signs them: within a second, in the background."""

from __future__ import annotations

import asyncio
from uuid import UUID

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from crm_core.audit.log import AuditLog
from crm_core.kernel.errors import CrmError

__all__ = ["Integrator"]

log = structlog.get_logger()

_TURN_SECONDS = 0.5


class Integrator:
    """Runs in every serving process; where there are several, the tree's row lets one add."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._done: dict[UUID, int] = {}
        self._refused: dict[UUID, str] = {}

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            try:
                await self.turn()
            except (OSError, psycopg.OperationalError, PoolTimeout) as error:
                log.warning("audit.database_away", error=type(error).__name__)
            await asyncio.sleep(_TURN_SECONDS)

    async def turn(self) -> None:
        """Brings every tenant's tree up to its ledger, and signs what is consistent.

        A tenant whose history was changed is never signed; the alert is in the log, once.
        """
        heads = await self._audit.ledger.heads()
        for tenant_id in heads.keys() | self._done.keys():
            if heads.get(tenant_id, 0) == self._done.get(tenant_id):
                continue
            try:
                size = await self._audit.integrate(tenant_id)
                if self._audit.signs:
                    size = (await self._audit.sign(tenant_id)).size
            except CrmError as refused:
                self._alert(tenant_id, refused)
            else:
                self._done[tenant_id] = size
                self._refused.pop(tenant_id, None)

    def _alert(self, tenant_id: UUID, refused: CrmError) -> None:
        if self._refused.get(tenant_id) != str(refused):
            self._refused[tenant_id] = str(refused)
            log.error(
                "audit.not_signed",
                tenant_id=str(tenant_id),
                code=refused.code,
                **refused.parameters,
            )
