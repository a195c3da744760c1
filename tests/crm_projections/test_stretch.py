"""Several walk along what follows at their own pace, and each batch is read once for all."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from itertools import pairwise

import pytest

from crm_projections.batch import Batch
from crm_projections.stretch import Stretch, stretch

FULL = 10


class Ledger:
    """Has events up to `head`; knows what was read after which position."""

    def __init__(self, head: int) -> None:
        self.head = head
        self.read_after: list[int] = []

    async def read(self, after: int) -> Batch | None:
        self.read_after.append(after)
        await asyncio.sleep(0)
        return Batch((), min(after + FULL, self.head)) if after < self.head else None


async def walk(along: Stretch, name: str, work: Callable[[int], object] = lambda _: None) -> int:
    """How far somebody came; `work` is what is done with each batch, awaited where it can be."""
    number, reached = 0, 0
    try:
        while (batch := await along.batch(number)) is not None:
            working = work(number)
            if asyncio.isfuture(working) or asyncio.iscoroutine(working):
                await working
            reached = batch.scanned_to
            along.done(name, number)
            number += 1
    finally:
        along.left(name)
    return reached


async def test_all_come_to_the_end_and_each_batch_is_read_once() -> None:
    ledger = Ledger(64)
    async with stretch("abc", 0, ledger.read, full=FULL, until=math.inf) as along:
        assert await asyncio.gather(*(walk(along, name) for name in "abc")) == [64, 64, 64]
    assert ledger.read_after == [0, 10, 20, 30, 40, 50, 60, 64]


async def test_the_first_is_no_more_than_two_batches_before_the_last() -> None:
    ledger, held = Ledger(100), asyncio.Event()

    async def hold(_: int) -> None:
        await held.wait()

    async with stretch("ab", 0, ledger.read, full=FULL, until=math.inf) as along:
        first = asyncio.create_task(walk(along, "a"))
        last = asyncio.create_task(walk(along, "b", hold))
        await asyncio.sleep(0.05)
        assert ledger.read_after == [0, 10, 20]
        held.set()
        assert [await first, await last] == [100, 100]


async def test_at_the_head_a_batch_is_taken_together() -> None:
    ledger, held = Ledger(3), asyncio.Event()

    async def hold(_: int) -> None:
        await held.wait()

    async with stretch("ab", 0, ledger.read, full=FULL, until=math.inf) as along:
        walking = [
            asyncio.create_task(walk(along, "a")),
            asyncio.create_task(walk(along, "b", hold)),
        ]
        await asyncio.sleep(0.05)
        assert ledger.read_after == [0]
        ledger.head = 5  # what comes while the other one works goes together
        held.set()
        assert await asyncio.gather(*walking) == [5, 5]
    assert ledger.read_after == [0, 3, 5]


async def test_while_much_is_written_batches_are_apart() -> None:
    ledger, times = Ledger(4), []
    loop = asyncio.get_running_loop()

    async def read(after: int) -> Batch | None:
        times.append(loop.time())
        ledger.head = min(ledger.head + 4, 20)
        return await ledger.read(after)

    async with stretch("a", 0, read, full=FULL, until=math.inf) as along:
        assert await walk(along, "a") == 20
    apart = [after - before for before, after in pairwise(times[:4])]
    assert min(apart) >= 0.024


async def test_after_its_time_none_is_read_but_the_first() -> None:
    ledger = Ledger(100)
    async with stretch("ab", 0, ledger.read, full=FULL, until=-1.0) as along:
        assert await asyncio.gather(walk(along, "a"), walk(along, "b")) == [10, 10]
    assert ledger.read_after == [0]


async def test_nobody_waits_for_who_has_left() -> None:
    ledger = Ledger(100)

    def stumble(number: int) -> None:
        if number == 1:
            raise ValueError

    async with stretch("ab", 0, ledger.read, full=FULL, until=math.inf) as along:
        reached, lost = await asyncio.gather(
            walk(along, "a"), walk(along, "b", stumble), return_exceptions=True
        )
    assert (reached, type(lost)) == (100, ValueError)


async def test_all_hear_that_a_batch_cannot_be_read() -> None:
    async def read(after: int) -> Batch | None:
        if after == 20:
            raise OSError
        return Batch((), after + FULL)

    async with stretch("ab", 0, read, full=FULL, until=math.inf) as along:
        outcomes = await asyncio.gather(walk(along, "a"), walk(along, "b"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [OSError, OSError]


@pytest.mark.parametrize("walkers", ["a", "abcd"])
async def test_who_is_told_to_end_leaves_nothing_running(walkers: str) -> None:
    async def read(_: int) -> Batch | None:
        await asyncio.sleep(3600)
        return None

    before = asyncio.all_tasks()

    async def go() -> None:
        async with stretch(walkers, 0, read, full=FULL, until=math.inf) as along:
            await asyncio.gather(*(walk(along, name) for name in walkers))

    going = asyncio.create_task(go())
    await asyncio.sleep(0.01)
    going.cancel()
    await asyncio.wait([going])
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
