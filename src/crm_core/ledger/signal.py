"""Wakes the readers of this process when something was appended in this process.

A lost or late signal costs delay only: who waits also looks at the ledger again by itself.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from uuid import UUID

__all__ = ["Signal"]


class Signal:
    def __init__(self) -> None:
        self._reached: dict[UUID, int] = {}
        self._waiting: defaultdict[UUID, set[asyncio.Future[None]]] = defaultdict(set)

    def raise_to(self, tenant_id: UUID, position: int) -> None:
        """Says that the tenant's ledger reaches at least this position."""
        if position <= self._reached.get(tenant_id, 0):
            return
        self._reached[tenant_id] = position
        for waiting in self._waiting.pop(tenant_id, ()):
            if not waiting.done():
                waiting.set_result(None)

    async def wait(self, tenant_id: UUID, after: int, seconds: float) -> None:
        """Returns when the ledger is known to go beyond `after`, or when the time is over."""
        if self._reached.get(tenant_id, 0) > after:
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[tenant_id].add(waiting)
        try:
            async with asyncio.timeout(seconds):
                await waiting
        except TimeoutError:
            pass
        finally:
            self._waiting[tenant_id].discard(waiting)
