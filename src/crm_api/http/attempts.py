"""Counts attempts in this process, so that guessing passwords takes for ever."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from time import monotonic

from cachetools import TTLCache

__all__ = ["Attempts"]

_KEYS_MAX = 50_000


class Attempts:
    """At most so many attempts for a key within a sliding window. Keys are kept as hashes."""

    def __init__(
        self, attempts_max: int, window_seconds: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._max = attempts_max
        self._window = window_seconds
        self._clock = clock
        self._made: TTLCache[bytes, deque[float]] = TTLCache(_KEYS_MAX, window_seconds, clock)

    def seconds_to_wait(self, key: str) -> float:
        """How long until another attempt is allowed; 0 for now."""
        made = self._recent(key)
        return 0.0 if len(made) < self._max else made[0] + self._window - self._clock()

    def count(self, key: str) -> None:
        made = self._recent(key)
        made.append(self._clock())
        self._made[self._hashed(key)] = made

    def forget(self, key: str) -> None:
        """After an attempt that was right."""
        self._made.pop(self._hashed(key), None)

    def _recent(self, key: str) -> deque[float]:
        made = self._made.get(self._hashed(key), deque(maxlen=self._max))
        while made and made[0] <= self._clock() - self._window:
            made.popleft()
        return made

    def _hashed(self, key: str) -> bytes:
        return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
