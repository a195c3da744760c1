"""What is asked of every contender, and how a figure is made of what it saw."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

__all__ = ["WARM_UP_SECONDS", "Contender", "Figures", "Load", "Reading", "Samples", "figures"]

WARM_UP_SECONDS = 0.5

Samples: TypeAlias = list[tuple[float, float]]
"""Of each answer: when it came and how long it took, in seconds of one clock."""

Reading: TypeAlias = Callable[[], float]
"""Reads back all that the contender was filled with; events a second."""


@dataclass(frozen=True)
class Load:
    """Each writer appends one after the other, to streams of his own, to the tenants in turn."""

    writers: int
    events: int = 1  # an append
    tenants: int = 1

    def __str__(self) -> str:
        writers = "1 writer" if self.writers == 1 else f"{self.writers} writers"
        tenants = "" if self.tenants == 1 else f", {self.tenants} tenants"
        events = "" if self.events == 1 else f", {self.events} events an append"
        return writers + events + tenants


@dataclass(frozen=True, order=True)
class Figures:
    """Events a second; `p50` and `p99` of one append in milliseconds. The faster is greater."""

    per_second: float
    p50: float
    p99: float


class Contender(Protocol):
    name: str
    url: str  # of its database, which is tidied up before each of its turns

    def takes(self, load: Load) -> bool:
        """Whether it knows what the load asks for."""

    def append(self, load: Load, seconds: int) -> Samples:
        """What its writers saw in this time."""

    def readings(self) -> Mapping[str, Reading]:
        """Fills itself; what it can then read back, by kind."""


def figures(samples: Samples, events: int) -> Figures:
    """Of all answers after the warm-up, each to that many events."""
    begun = min(ended - taken for ended, taken in samples) + WARM_UP_SECONDS
    counted = [(ended, taken) for ended, taken in samples if ended > begun]
    seconds = max(ended for ended, _ in counted) - begun
    percent = statistics.quantiles([taken * 1000 for _, taken in counted], n=100)
    return Figures(len(counted) * events / seconds, percent[49], percent[98])
