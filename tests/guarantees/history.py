"""What is wrong with a recorded history: pure functions that say so, one sentence a fault.

A test records what was sent, what writers were told and what readers saw, and hands it over with
the ledger's final contents. No fault, no sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

from crm_core.kernel.messages import Receipt
from crm_core.ledger.records import Append, Appended, StoredEvent

__all__ = ["Reading", "faults_of_log", "faults_of_receipts", "faults_of_sending"]


def faults_of_log(log: Sequence[StoredEvent]) -> list[str]:
    """Of one tenant's whole ledger, whoever wrote it: gaps, doubles, disorder."""
    faults = [
        f"position {event.position} stands where {expected} belongs"
        for expected, event in enumerate(log, start=1)
        if event.position != expected
    ]
    versions: Counter[UUID] = Counter()
    for event in log:
        versions[event.stream_id] += 1
        if event.version != versions[event.stream_id]:
            faults.append(f"position {event.position} breaks the versions of its stream")
    faults += [
        f"position {later.position} was not recorded later than the one before it"
        for earlier, later in pairwise(log)
        if not earlier.recorded_at < later.recorded_at
    ]
    counted = Counter(event.event_id for event in log)
    faults += [f"event {event_id} is stored twice" for event_id, n in counted.items() if n > 1]
    return faults


def faults_of_sending(log: Sequence[StoredEvent], sent: Iterable[Append]) -> list[str]:
    """Of one tenant's ledger, given all that was sent: each is whole and once, or absent."""
    ids = {
        append.command_id: tuple(e.event_id for stream in append.streams for e in stream.events)
        for append in sent
    }
    faults = []
    for command_id, events in _by_command(log).items():
        if command_id not in ids:
            faults.append(f"command {command_id} was never sent")
        elif _ids(events) != ids[command_id]:
            faults.append(f"command {command_id} is stored in part or twice")
        elif events[-1].position - events[0].position != len(events) - 1:
            faults.append(f"command {command_id} was torn apart by another one")
    return faults


def faults_of_receipts(log: Sequence[StoredEvent], told: Iterable[Appended | Receipt]) -> list[str]:
    """Of one tenant's ledger, given what was acknowledged: it is there, as the receipt says."""
    stored = _by_command(log)
    faults = []
    for receipt in told:
        events = stored.get(receipt.command_id, [])
        position = receipt.position if isinstance(receipt, Receipt) else receipt.last_position
        if not events:
            faults.append(f"command {receipt.command_id} was acknowledged and is lost")
        elif (_ids(events), events[-1].position, events[-1].recorded_at) != (
            receipt.event_ids,
            position,
            receipt.recorded_at,
        ):
            faults.append(f"command {receipt.command_id} is not what its receipt says")
    return faults


@dataclass(slots=True)
class Reading:
    """What one reader saw, page by page; remembers what it read and does not forget a fault."""

    reader: str
    seen: dict[int, UUID] = field(default_factory=dict)
    last: int = 0
    faults: list[str] = field(default_factory=list)

    def take(self, page: Iterable[tuple[int, UUID]]) -> None:
        """A page of positions and event ids, in the order in which the reader got them."""
        for position, event_id in page:
            if position in self.seen:
                self.faults.append(f"{self.reader} got position {position} twice")
            elif position < self.last:
                self.faults.append(f"{self.reader} got position {position} after {self.last}")
            self.seen[position] = event_id
            self.last = max(self.last, position)

    def faults_against(self, log: Mapping[int, UUID]) -> list[str]:
        """All that is wrong with it once the reader is done: `log` is what it ought to have seen,
        event ids by position.
        """
        return [*self.faults, *self._differences(log)]

    def _differences(self, log: Mapping[int, UUID]) -> Iterator[str]:
        for position in sorted(log.keys() | self.seen.keys()):
            if position not in self.seen:
                yield f"{self.reader} skipped position {position}"
            elif position not in log:
                yield f"{self.reader} got position {position}, which the ledger does not have"
            elif self.seen[position] != log[position]:
                yield f"{self.reader} got another event at position {position}"


def _by_command(log: Iterable[StoredEvent]) -> dict[UUID, list[StoredEvent]]:
    stored: dict[UUID, list[StoredEvent]] = {}
    for event in log:
        stored.setdefault(event.command_id, []).append(event)
    return stored


def _ids(events: Iterable[StoredEvent]) -> tuple[UUID, ...]:
    return tuple(event.event_id for event in events)
