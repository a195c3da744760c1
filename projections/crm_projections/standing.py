"""What is true for as long as a read model stands still: made once, kept until it moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from crm_projections.checkpoints import Reached

__all__ = ["WhileStanding"]

T = TypeVar("T")

_KEPT_MAX = 200  # of one read model where it stands; the oldest one goes


class WhileStanding(Generic[T]):
    """For one tenant. Whoever asks for what is being made waits for it."""

    def __init__(self, keeps: Callable[[T], bool] = lambda _: True) -> None:
        self._keeps = keeps
        self._kept: dict[str, tuple[Reached, dict[Any, asyncio.Task[T]]]] = {}

    async def get(self, name: str, shown: Reached, key: Any, make: Callable[[], Awaitable[T]]) -> T:
        """What was made by this key where the read model of this name is `shown` to be, or is now.

        A failure is told to those who wait for it, and not kept.
        """
        known = self._kept.get(name)
        if known is None or _has_moved(known[0], shown):
            known = self._kept[name] = (shown, {})
        at, kept = known
        if shown.position < at.position:  # it has moved since it was looked at
            return await make()
        return await asyncio.shield(kept.get(key) or self._begun(kept, key, make))

    def _begun(
        self, kept: dict[Any, asyncio.Task[T]], key: Any, make: Callable[[], Awaitable[T]]
    ) -> asyncio.Task[T]:
        def forget(task: asyncio.Task[T]) -> None:
            failed = task.cancelled() or task.exception() is not None
            if (failed or not self._keeps(task.result())) and kept.get(key) is task:
                del kept[key]

        task = kept[key] = asyncio.ensure_future(_awaited(make))
        task.add_done_callback(forget)
        if len(kept) > _KEPT_MAX:
            del kept[next(iter(kept))]
        return task


def _has_moved(at: Reached, shown: Reached) -> bool:
    """Another generation has other rows, wherever it is: one that is rolled back to, perhaps."""
    return shown.generation != at.generation or shown.position > at.position


async def _awaited(make: Callable[[], Awaitable[T]]) -> T:
    return await make()
