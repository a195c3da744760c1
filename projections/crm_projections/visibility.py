"""Waiting until a read model shows a position: one look at the checkpoints for all who wait.

However many wait in a process, one of its tasks looks: at once when somebody begins to wait and
when a worker of this process has moved a checkpoint, and again by itself, because workers of other
processes move them too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import TypeAlias
from uuid import UUID

from crm_core import Lagging
from crm_projections.checkpoints import Reached

__all__ = ["Visibility"]

_GAP_SECONDS = 0.005  # between two looks, whatever the news
_LOOK_SECONDS_MIN = 0.005  # soon at first, then less and less often
_LOOK_SECONDS_MAX = 0.1
_NOTHING = Reached(0, False)

Look: TypeAlias = Callable[[set[UUID]], Awaitable[dict[UUID, dict[str, Reached]]]]


class Visibility:
    """`look` says how far the read models of these tenants are."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._waiting: set[_Wait] = set()
        self._news = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    def moved(self) -> None:
        """Says that a checkpoint was moved in this process."""
        self._news.set()

    async def wait(
        self, tenant_id: UUID, position: int, names: Collection[str], *, seconds: float
    ) -> None:
        """Waits until each of these projections has seen the position.

        Raises Lagging after that time, and at once where one of them has stopped before it.
        """
        wait = _Wait(tenant_id, position, names)
        self._waiting.add(wait)
        self._news.set()
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        try:
            async with asyncio.timeout(seconds):
                await wait.seen
        except TimeoutError:
            raise wait.lagging() from None
        finally:
            self._waiting.discard(wait)

    async def _watch(self) -> None:
        pause = _LOOK_SECONDS_MIN
        while self._waiting:
            self._news.clear()
            await self._tell(list(self._waiting))
            await asyncio.sleep(_GAP_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._news.wait()
            pause = _LOOK_SECONDS_MIN if self._news.is_set() else min(pause * 2, _LOOK_SECONDS_MAX)

    async def _tell(self, waiting: Collection[_Wait]) -> None:
        try:
            found = await self._look({wait.tenant_id for wait in waiting})
        except Exception as error:  # noqa: BLE001 - whoever waits is told why nobody can say
            for wait in waiting:
                wait.fail(error)
        else:
            for wait in waiting:
                wait.tell(found[wait.tenant_id])


class _Wait:
    def __init__(self, tenant_id: UUID, position: int, names: Collection[str]) -> None:
        self.tenant_id = tenant_id
        self.seen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._position = position
        self._behind = dict.fromkeys(names, 0)

    def tell(self, reached: dict[str, Reached]) -> None:
        now = {name: reached.get(name, _NOTHING) for name in self._behind}
        self._behind = {
            name: at.position for name, at in now.items() if at.position < self._position
        }
        if self.seen.done():
            return
        if not self._behind:
            self.seen.set_result(None)
        elif any(now[name].is_stopped for name in self._behind):
            self._behind = {n: p for n, p in self._behind.items() if now[n].is_stopped}
            self.seen.set_exception(self.lagging())

    def fail(self, error: Exception) -> None:
        if not self.seen.done():
            self.seen.set_exception(error)

    def lagging(self) -> Lagging:
        name = min(self._behind, key=self._behind.__getitem__)
        return Lagging(name, self._position, self._behind[name])
