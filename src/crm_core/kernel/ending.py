"""Ending tasks that run until they are told to stop."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["end"]

_AGAIN_SECONDS = 0.5


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancels the tasks, and again those that go on, until all have ended. Raises what one of them
    has failed with.

    One cancellation may be lost: a timeout that runs out at the same moment takes it for its own,
    and a task that tries again after a timeout would go on for ever.
    """
    given = {task for task in tasks if task is not None}
    running = {task for task in given if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_AGAIN_SECONDS)
    for task in given:
        if not task.cancelled():
            task.result()
