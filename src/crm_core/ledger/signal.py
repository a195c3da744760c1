"""Who waits in this process for a ledger to grow, and how far each ledger is known to reach."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

__all__ = ["Closed", "Signal"]


class Closed(Exception):
    """The ledger was closed while somebody waited for its events."""


@dataclass(slots=True)
class _Waiting:
    """Those who wait for one tenant's ledger, each with the position it wants to go beyond."""

    reached: int = 0
    error: Exception | None = None
    after: dict[asyncio.Future[None], int] = field(default_factory=dict)


class Signal:
    """Wakes those who wait. Forgets a tenant for whom nobody waits, and what was said of it."""

    def __init__(self) -> None:
        self._tenants: dict[UUID, _Waiting] = {}
        self._is_closed = False

    @property
    def tenants(self) -> list[UUID]:
        """Those whose ledgers somebody waits for."""
        return list(self._tenants)

    def is_watched(self, tenant_id: UUID) -> bool:
        return tenant_id in self._tenants

    def is_news(self, tenant_id: UUID, position: int) -> bool:
        """Whether somebody waits who does not know that the tenant's ledger reaches this far."""
        waiting = self._tenants.get(tenant_id)
        return waiting is not None and position > waiting.reached

    def raise_to(self, tenant_id: UUID, position: int) -> bool:
        """Says that events up to this position can be read; whether anybody was woken by it."""
        if not self.is_news(tenant_id, position):
            return False
        waiting = self._tenants[tenant_id]
        waiting.reached = position
        woken = [one for one, after in waiting.after.items() if after < position and not one.done()]
        for one in woken:
            one.set_result(None)
        return bool(woken)

    async def wait(self, tenant_id: UUID, after: int, seconds: float | None) -> int:
        """How far the ledger is known to reach once that is beyond `after`; `after`, if time is up.

        Raises Closed, or what `fail` was given.
        """
        if self._is_closed:
            raise Closed
        waiting = self._tenants.setdefault(tenant_id, _Waiting())
        one = asyncio.get_running_loop().create_future()
        waiting.after[one] = after
        try:
            if waiting.reached <= after:
                async with asyncio.timeout(seconds):
                    await one
        except TimeoutError:
            return after
        finally:
            del waiting.after[one]
            if not waiting.after and self._tenants.get(tenant_id) is waiting:
                del self._tenants[tenant_id]
        if waiting.error is not None:
            raise waiting.error
        return waiting.reached

    def fail(self, error: Exception) -> None:
        """Tells all who wait that nobody can say how far their ledgers reach."""
        for waiting in self._tenants.values():
            waiting.error = error
            for one in waiting.after:
                if not one.done():
                    one.set_result(None)
        self._tenants.clear()

    def close(self) -> None:
        self._is_closed = True
        self.fail(Closed())
