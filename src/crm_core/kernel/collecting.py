"""Python's cyclic garbage collector, out of the way where it can find nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collector_paused", "collector_relaxed"]

_THRESHOLDS = (50_000, 20, 100)  # young objects, and how many times younger ones are looked at


def collector_relaxed() -> None:
    """For a process that makes rows or answers requests all day: once, when it has started.

    What is there stays for good and is not looked at again. Rows and events hold no cycles, and
    the default of 700 young objects looks for some in each of them, several times. It took a tenth
    of the time of keeping read models up (benchmarks/README.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


@contextmanager
def collector_paused() -> Iterator[None]:
    """For making many objects at once that all stay, without an await in between.

    A page of 2,000 events is some 25,000 objects, and the collector would look through them, and
    now and then through all that the process holds, dozens of times while they are made. That took
    up to half of the time of reading (benchmarks/README.md).
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
