"""Questions of many callers asked in one go: what comes while others are answered goes next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

__all__ = ["Together"]

Q = TypeVar("Q")
A = TypeVar("A")


class Together(Generic[Q, A]):
    """A caller who is alone is not kept waiting; nobody gets an answer from before the question."""

    def __init__(
        self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], at_most: int = 1_000
    ) -> None:
        """`answer` gives the answers in the order of the questions, `at_most` so many at once, or
        fails for all of them.
        """
        self._answer = answer
        self._at_most = at_most
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._answering: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        waiting: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, waiting))
        if self._answering is None or self._answering.done():
            self._answering = asyncio.create_task(self._answer_all())
        return await waiting

    async def _answer_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._at_most], self._waiting[self._at_most :]
            try:
                answers = await self._answer([question for question, _ in batch])
            except BaseException as error:
                for _, waiting in batch:
                    if not waiting.done():
                        waiting.set_exception(error)
                if not isinstance(error, Exception):
                    raise
            else:
                for (_, waiting), answer in zip(batch, answers, strict=True):
                    if not waiting.done():  # its caller has given up
                        waiting.set_result(answer)
