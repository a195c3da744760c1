"""What follows on a position, batch by batch, for several who walk along it at their own pace.

While there is much, nobody waits for the slowest: whoever is done with a batch takes the next one,
so that one folds while the database writes for another. At the head each batch is taken together.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import TypeAlias

from crm_core.kernel.ending import end
from crm_projections.batch import Batch

__all__ = ["Stretch", "stretch"]

Read: TypeAlias = Callable[[int], Awaitable[Batch | None]]
"""The batch after a position; None at the end."""

_AHEAD = 2  # batches that the first may be before the last; in memory each takes some 10 MB
_BUSY_EVENTS = 4  # in a batch at the head: then several write at once, and more come in a moment
_BUSY_SECONDS = 0.025  # from one such batch to the next: each costs about the same, few or many


@asynccontextmanager
async def stretch(
    walkers: Collection[str], after: int, read: Read, *, full: int, until: float
) -> AsyncIterator[Stretch]:
    """A batch is read once for all walkers. One of `full` events has more behind it. After `until`,
    on the clock of the event loop, none is read any more but the first.
    """
    made = Stretch(walkers)
    reading = asyncio.create_task(made.go(after, read, full, until))
    try:
        yield made
    finally:
        await end(reading)


class Stretch:
    def __init__(self, walkers: Collection[str]) -> None:
        self._places = dict.fromkeys(walkers, 0)  # the number of the batch that each is at
        loop = asyncio.get_running_loop()
        self._batches: defaultdict[int, asyncio.Future[Batch | None]]
        self._batches = defaultdict(loop.create_future)
        self._news = asyncio.Event()

    async def batch(self, number: int) -> Batch | None:
        """The batch of this number, from 0; None where there is none, or none for now."""
        return await asyncio.shield(self._batches[number])

    def done(self, walker: str, number: int) -> None:
        """Says that a walker has applied the batch."""
        self._places[walker] = number + 1
        if all(place > number for place in self._places.values()):
            del self._batches[number]
        self._news.set()

    def left(self, walker: str) -> None:
        """Says that a walker goes no further: nobody waits for him."""
        del self._places[walker]
        self._news.set()

    async def go(self, end: int, read: Read, full: int, until: float) -> None:
        """Reads as far ahead as it may, until there is nothing left."""
        loop = asyncio.get_running_loop()
        number, taken, next_at = 0, full, -math.inf
        while True:
            await self._all_at(number - _AHEAD if taken >= full else number)
            if _BUSY_EVENTS <= taken < full:
                next_at += _BUSY_SECONDS
            now = loop.time()
            if number > 0 and max(now, next_at) > until:
                self._batches[number].set_result(None)
                return
            await asyncio.sleep(max(0.0, next_at - now))
            try:
                batch = await read(end)
            except Exception as error:  # noqa: BLE001 - whoever waits for the batch hears it
                self._batches[number].set_exception(error)
                self._batches[number].exception()  # and if nobody does, it is no news
                return
            self._batches[number].set_result(batch)
            if batch is None:
                return
            number, taken, end = number + 1, batch.scanned_to - end, batch.scanned_to
            next_at = loop.time()

    async def _all_at(self, number: int) -> None:
        while min(self._places.values(), default=number) < number:
            self._news.clear()
            await self._news.wait()
