"""Whoever is told to end does so, though one cancellation is lost."""

from __future__ import annotations

import asyncio

import pytest

from crm_core.kernel.ending import end


async def deaf(times: int) -> None:
    """Goes on after so many cancellations, as one whose timeout takes them for its own."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            times -= 1
            if times < 0:
                raise


@pytest.mark.parametrize("times", [0, 1, 2])
async def test_a_task_that_misses_a_cancellation_ends(times: int) -> None:
    tasks = [asyncio.create_task(deaf(times)), asyncio.create_task(deaf(0))]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(*tasks, None)
    assert all(task.cancelled() for task in tasks)


async def test_what_a_task_failed_with_is_not_lost() -> None:
    async def fails() -> None:
        raise ValueError

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    with pytest.raises(ValueError):  # noqa: PT011 - it has no text
        await end(task)
