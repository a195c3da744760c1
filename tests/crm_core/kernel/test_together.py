"""Many callers, few questions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from crm_core.kernel.together import Together


class TooFar(Exception):
    pass


async def test_what_comes_while_others_are_answered_is_asked_in_one_go() -> None:
    asked: list[list[int]] = []
    may_answer = asyncio.Event()

    async def answer(questions: Sequence[int]) -> list[int]:
        asked.append(list(questions))
        await may_answer.wait()
        return [question * 10 for question in questions]

    together = Together(answer)
    callers = [asyncio.create_task(together.ask(number)) for number in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    late = [asyncio.create_task(together.ask(number)) for number in range(5, 9)]
    await asyncio.sleep(0)
    may_answer.set()
    assert await asyncio.gather(*callers, *late) == [number * 10 for number in range(9)]
    assert asked == [[0, 1, 2, 3, 4], [5, 6, 7, 8]]


async def test_a_failure_is_that_of_its_questions_only() -> None:
    async def answer(questions: Sequence[int]) -> list[int]:
        await asyncio.sleep(0)
        if 1 in questions:
            raise TooFar
        return list(questions)

    together = Together(answer)
    with pytest.raises(TooFar):
        await together.ask(1)
    assert await together.ask(2) == 2


async def test_who_gives_up_keeps_nobody_from_an_answer() -> None:
    async def answer(questions: Sequence[int]) -> list[int]:
        await asyncio.sleep(0.01)
        return list(questions)

    together = Together(answer)
    first, second = (asyncio.create_task(together.ask(number)) for number in (1, 2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 2
    assert await together.ask(3) == 3
