"""Looks where ledgers end for all who wait in this process, while somebody waits.

Who waits is woken by an append of this process at once, by one of another process through the relay
(Redis) if there is one, and within the pause between two looks whatever becomes of the relay.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from crm_core.ledger.signal import Closed, Signal

__all__ = ["Pauses", "Relay", "Watch", "relay_by"]

_LOOKS_APART_SECONDS = 0.005  # however often it is asked to look

Look = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, int]]]
Heard = Callable[[UUID, int], None]


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between two looks: the shortest after somebody was woken, then twice as long."""

    shortest: float = 0.02
    longest: float = 0.25


class Relay(Protocol):
    """Carries between processes that a ledger has grown. May lose it, be late, or be wrong."""

    def publish(self, tenant_id: UUID, position: int) -> None:
        """Tells the other processes, some time soon. Never raises, never waits."""

    def listen(self, heard: Heard) -> None:
        """Calls `heard` with what other processes publish from now on."""

    async def close(self) -> None: ...


def relay_by(redis_url: str | None) -> Relay | None:
    """A relay by this Redis; none where there is none. Raises SetupError `redis.bad_url`."""
    if redis_url is None:
        return None
    from crm_core.ledger.redis_signal import RedisSignal  # only who has a Redis loads its client

    return RedisSignal(redis_url)


class Watch:
    """`look` gives the last positions of these tenants' ledgers, as the database has them."""

    def __init__(self, look: Look, *, pauses: Pauses, relay: Relay | None) -> None:
        self._look = look
        self._pauses = pauses
        self._relay = relay
        self._signal = Signal()
        self._asked = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    def raise_to(self, tenant_id: UUID, position: int) -> None:
        """Says that this process has committed events up to the position. Not a moment earlier:
        who is woken reads at once, and would wait again beside an event that is not there yet.
        """
        self._signal.raise_to(tenant_id, position)
        if self._relay is not None:
            self._relay.publish(tenant_id, position)

    async def wait(self, tenant_id: UUID, after: int, seconds: float | None) -> int:
        """See `Ledger.wait`. Raises what `look` raises."""
        if self._signal.is_closed:
            raise Closed
        if self._looking is None and self._relay is not None:
            self._relay.listen(self._heard)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._keep_looking(), name="ledger watch")
        if not self._signal.is_watched(tenant_id):
            self._asked.set()
        return await self._signal.wait(tenant_id, after, seconds)

    async def close(self) -> None:
        self._signal.close()
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        if self._relay is not None:
            await self._relay.close()

    def _heard(self, tenant_id: UUID, position: int) -> None:
        """The relay may be wrong (it may serve another database too): see for ourselves."""
        if self._signal.is_news(tenant_id, position):
            self._asked.set()

    async def _keep_looking(self) -> None:
        pause = self._pauses.shortest
        while tenants := self._signal.tenants:
            self._asked.clear()
            try:
                heads = await self._look(tenants)
            except Exception as error:  # noqa: BLE001 - belongs to those who wait, not to the watch
                self._signal.fail(error)
                return
            woken = [self._signal.raise_to(*head) for head in heads.items()]
            pause = self._pauses.shortest if any(woken) else min(2 * pause, self._pauses.longest)
            await self._until_asked(pause)

    async def _until_asked(self, pause: float) -> None:
        await asyncio.sleep(_LOOKS_APART_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause - _LOOKS_APART_SECONDS):
                await self._asked.wait()
