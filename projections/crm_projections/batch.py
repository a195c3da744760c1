"""A stretch of a ledger: decoded once for all projections, and only what one of them wants."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg

from crm_core import CrmError, RecordedEvent
from crm_core.kernel.events import Event
from crm_core.ledger.event_store import EventStore
from crm_core.ledger.records import APPLICATION, StoredEvent
from crm_projections.projection import Projection

__all__ = ["Batch", "Poison", "is_passing", "poison", "read_batch"]

_UNREAD: Final = object.__new__(Event)  # stands for data that only projections of envelopes want


@dataclass(frozen=True, slots=True)
class Poison:
    """An event that cannot be applied, and the error's name; never its text, which could hold
    personal data of the event.
    """

    position: int
    event_type: str
    error: str

    def stops(self, projection: Projection) -> bool:
        """Whether it does where the event cannot even be read."""
        return projection.reads_type(self.event_type)


@dataclass(frozen=True, slots=True)
class Batch:
    """The events up to `scanned_to` that some projection wants; `undecoded` cannot be read."""

    events: Sequence[RecordedEvent]
    scanned_to: int
    undecoded: Sequence[Poison] = ()

    def share_of(
        self, projection: Projection, skipped: Collection[int]
    ) -> tuple[list[RecordedEvent], Poison | None]:
        """What this projection applies, without what is skipped, and what it has to stop before."""
        wants = {of: projection.wants_type(of) for of in {event.type for event in self.events}}
        events = [e for e in self.events if wants[e.type] and e.position not in skipped]
        for bad in self.undecoded:
            if bad.stops(projection) and bad.position not in skipped:
                return [e for e in events if e.position < bad.position], bad
        return events, None


async def read_batch(
    store: EventStore, stored: Sequence[StoredEvent], projections: Collection[Projection]
) -> Batch:
    """The events of one tenant as these projections want them; none of other applications."""
    scanned_to = max(event.position for event in stored)
    stored = [event for event in stored if not event.stream_type.startswith(APPLICATION)]
    types = {event.type for event in stored}
    read = {of for of in types if any(projection.reads_type(of) for projection in projections)}
    wanted = {of for of in types if any(projection.wants_type(of) for projection in projections)}
    decoded, undecoded = await _decode(store, [event for event in stored if event.type in read])
    if read == wanted and not undecoded:
        events = decoded
    else:
        by_position = {event.position: event for event in decoded}
        events = [
            by_position.get(event.position) or RecordedEvent(_UNREAD, event)
            for event in stored
            if event.type in wanted
        ]
    return Batch(events, scanned_to, undecoded)


async def _decode(
    store: EventStore, stored: Sequence[StoredEvent]
) -> tuple[list[RecordedEvent], list[Poison]]:
    try:
        return await store.decode_to_keep(stored), []
    except Exception as error:
        if is_passing(error):
            raise
    decoded, undecoded = [], []
    for event in stored:  # one of them is at fault; destroyed keys were noticed above
        try:
            decoded += await store.decode([event])
        except Exception as error:
            if is_passing(error):
                raise
            undecoded.append(poison(event, error))
    return decoded, undecoded


def poison(event: StoredEvent, error: Exception) -> Poison:
    if isinstance(error, CrmError):
        return Poison(event.position, event.type, error.code)
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return Poison(event.position, event.type, module + kind.__qualname__)


def is_passing(error: Exception) -> bool:
    """Whether the error says nothing about an event: the database is away, or was asked to stop."""
    return isinstance(error, (OSError, psycopg.OperationalError)) and not isinstance(
        error, psycopg.errors.ProgramLimitExceeded
    )
