"""Counts attempts, so that guessing passwords takes for ever."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from cachetools import LRUCache

__all__ = ["Attempts", "Limit", "hashed"]

_KEYS_MAX = 150_000


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many attempts for a key within a sliding window."""

    key: str
    attempts_max: int
    window_seconds: int = 60

    @property
    def window_ms(self) -> int:
        return self.window_seconds * 1_000


class Attempts:
    """In this process. Keys are kept as hashes; those that are long unused are forgotten."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._made: LRUCache[bytes, deque[float]] = LRUCache(_KEYS_MAX)

    async def take(self, limits: Sequence[Limit]) -> float:
        """Counts an attempt by all the limits, and returns 0; or, where one of them is reached,
        counts nothing and returns how many seconds it takes until another one is allowed.
        """
        wait = max(self._seconds_to_wait(limit) for limit in limits)
        if wait <= 0:
            for limit in limits:
                self._made.setdefault(hashed(limit.key), deque()).append(self._clock())
        return max(wait, 0.0)

    async def forget(self, key: str) -> None:
        """After an attempt that was right."""
        self._made.pop(hashed(key), None)

    async def close(self) -> None:
        """There is nothing to close here."""

    def _seconds_to_wait(self, limit: Limit) -> float:
        made = self._made.get(hashed(limit.key), deque())
        while made and made[0] <= self._clock() - limit.window_seconds:
            made.popleft()
        if len(made) < limit.attempts_max:
            return 0.0
        return made[0] + limit.window_seconds - self._clock()


def hashed(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
