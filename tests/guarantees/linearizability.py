"""Whether one order explains what all clients of a log saw, and fits when they saw it.

The idea is that of Elle (Kingsbury and Alvaro, VLDB 2020): clients append unique values to lists
and read them, so that what a read saw tells which appends came before it and which after. Each such
fact is an edge of a graph, "comes before"; so is the order of the log, and an operation that had
ended when another one began. A cycle is a history that no order explains.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any, TypeAlias

__all__ = ["LOG", "Operation", "anomalies"]

Key: TypeAlias = Any  # hashable
Value: TypeAlias = Any  # hashable

_SHOWN_MAX = 6

LOG = "the whole log"  # the key of what was read of all lists together


@dataclass(slots=True)
class Operation:
    """What one client did. `began` and `ended` are moments of one clock.

    `wrote`: the values, in order, by list. `saw`: lists as they were read, from their beginning.
    `counted`: how long a list was found to be, for reads that did not fetch it.
    """

    client: str
    began: int
    wrote: Sequence[tuple[Key, Value]] = ()
    ended: int | None = None  # None: the client never got an answer
    was_refused: bool = False
    saw: Mapping[Key, Sequence[Value]] = field(default_factory=dict)
    counted: Mapping[Key, int] = field(default_factory=dict)

    def __str__(self) -> str:
        did = f"wrote {len(self.wrote)}" if self.wrote and not self.was_refused else "read"
        return f"{self.client} {did} ({self.began} to {self.ended})"


def anomalies(operations: Sequence[Operation], log: Sequence[tuple[Key, Value]]) -> list[str]:
    """What is wrong, given the log as it is in the end: lists and their values, in its order."""
    lists: dict[Key, list[Value]] = {LOG: [value for _, value in log]}
    for key, value in log:
        lists.setdefault(key, []).append(value)
    found = [*_wrong_writes(operations, log), *_wrong_reads(operations, lists)]
    return found or _no_order(operations, lists)


def _wrong_writes(
    operations: Sequence[Operation], log: Sequence[tuple[Key, Value]]
) -> Iterator[str]:
    place = {value: number for number, (_, value) in enumerate(log)}
    if len(place) < len(log):
        yield "a value is in the log twice"
    unknown = set(place)
    for operation in operations:
        unknown.difference_update(value for _, value in operation.wrote)
        places = [place[value] for _, value in operation.wrote if value in place]
        if operation.was_refused and places:
            yield f"what was refused is there: {operation}"
        elif operation.ended is not None and not operation.was_refused and not places:
            if operation.wrote:
                yield f"what was acknowledged is lost: {operation}"
        elif places and places != list(range(places[0], places[0] + len(operation.wrote))):
            yield f"what was written at once is not together: {operation}"
    if unknown:
        yield f"{len(unknown)} values are there that nobody wrote"


def _wrong_reads(
    operations: Sequence[Operation], lists: Mapping[Key, Sequence[Value]]
) -> Iterator[str]:
    for operation in operations:
        for key, seen in operation.saw.items():
            if list(seen) != list(lists.get(key, ())[: len(seen)]):
                yield f"a list was never as it was read: {operation}"
        for key, count in operation.counted.items():
            if count > len(lists.get(key, ())):
                yield f"a list was never as long as it was found: {operation}"


def _no_order(operations: Sequence[Operation], lists: Mapping[Key, Sequence[Value]]) -> list[str]:
    """A cycle of "comes before", if there is one."""
    graph: TopologicalSorter[int] = TopologicalSorter()
    for later, earlier in (*_by_the_log(operations, lists), *_by_the_clock(operations)):
        graph.add(later, earlier)
    try:
        graph.prepare()
    except CycleError as error:
        cycle = [str(operations[n]) for n in error.args[1] if n >= 0]  # the last is the first
        shown = ", then ".join(cycle[:_SHOWN_MAX])
        return [f"no order explains these {len(cycle) - 1}: {shown}"]
    return []


def _by_the_log(
    operations: Sequence[Operation], lists: Mapping[Key, Sequence[Value]]
) -> Iterator[tuple[int, int]]:
    """(later, earlier): each writer comes after the one before it in the log; a reader after whose
    values it saw, and before whose it did not see.
    """
    writer = {value: n for n, operation in enumerate(operations) for _, value in operation.wrote}
    writers = [writer[value] for value in lists[LOG]]
    for earlier, later in pairwise(writers):
        if earlier != later:
            yield later, earlier
    for n, operation in enumerate(operations):
        lengths = {key: len(seen) for key, seen in operation.saw.items()} | dict(operation.counted)
        for key, length in lengths.items():
            values = lists.get(key, ())
            if length > 0 and writer[values[length - 1]] != n:
                yield n, writer[values[length - 1]]
            if length < len(values) and writer[values[length]] != n:
                yield writer[values[length]], n


def _by_the_clock(operations: Collection[Operation]) -> Iterator[tuple[int, int]]:
    """(later, earlier): who began after others had ended comes after them.

    Not pair by pair: each end is a moment of its own, in a chain with the other ends, and who
    begins comes after the last end. Moments have negative numbers.
    """
    changes = [(operation.began, False, n) for n, operation in enumerate(operations)]
    changes += [(o.ended, True, n) for n, o in enumerate(operations) if o.ended is not None]
    moment = 0
    for _, ends, n in sorted(changes):
        if ends:
            yield moment - 1, n
            if moment:
                yield moment - 1, moment
            moment -= 1
        elif moment:
            yield n, moment
