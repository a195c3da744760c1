"""How much a user or a program may ask for: a bucket of points that fills up again by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from time import monotonic
from typing import Any

from cachetools import LRUCache

__all__ = ["STANDARD", "Allowance", "Buckets", "Charge", "Throttled"]

_BUCKETS_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """`maximum` points at once, and `restored` more a second; for each principal."""

    maximum: int = 100_000
    restored: int = 10_000


STANDARD = Allowance()


class Throttled(Exception):
    """The bucket is too empty; `seconds` from now it will do, or never where it is None."""

    def __init__(self, seconds: int | None) -> None:
        super().__init__()
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Charge:
    """What an operation was charged, and what is left."""

    requested: int
    actual: int
    left: int
    allowance: Allowance

    @property
    def full_at(self) -> datetime:
        missing = self.allowance.maximum - self.left
        return datetime.now(UTC) + timedelta(seconds=ceil(missing / self.allowance.restored))

    def shown(self) -> dict[str, Any]:
        """As Shopify shows it in `extensions.cost`."""
        return {
            "requestedQueryCost": self.requested,
            "actualQueryCost": self.actual,
            "throttleStatus": {
                "maximumAvailable": self.allowance.maximum,
                "currentlyAvailable": self.left,
                "restoreRate": self.allowance.restored,
            },
        }


class Buckets:
    """One for each principal, in this process; one that is long unused is forgotten: it is full."""

    def __init__(
        self, allowance: Allowance = STANDARD, clock: Callable[[], float] = monotonic
    ) -> None:
        self._allowance = allowance
        self._clock = clock
        self._levels: LRUCache[str, tuple[float, float]] = LRUCache(_BUCKETS_MAX)

    async def charge(self, principal: str, cost: int) -> Charge:
        """Takes the points out. Raises Throttled where there are not as many."""
        return self.charge_here(principal, cost)

    def charge_here(self, principal: str, cost: int) -> Charge:
        """The same, by what this process knows."""
        left = self._left(principal) - cost
        if left < 0:
            reachable = cost <= self._allowance.maximum
            raise Throttled(ceil(-left / self._allowance.restored) if reachable else None)
        self._levels[principal] = (left, self._clock())
        return Charge(cost, cost, int(left), self._allowance)

    def price(self, principal: str, cost: int) -> Charge:
        """What would be charged; nothing is."""
        return Charge(cost, 0, int(self._left(principal)), self._allowance)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _left(self, principal: str) -> float:
        level, at = self._levels.get(principal, (float(self._allowance.maximum), self._clock()))
        restored = (self._clock() - at) * self._allowance.restored
        return min(level + restored, float(self._allowance.maximum))
