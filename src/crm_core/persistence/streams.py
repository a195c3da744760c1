"""An originator's events as a stream of the ledger, and back.

The ledger names streams by UUIDs and counts their versions from 1. An application may name its
originators by texts and count from 0: such events carry a tag that says so, and come back as they
were given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TypeAlias
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent

from crm_core.kernel.errors import VersionConflict
from crm_core.kernel.ids import derived_id, new_id
from crm_core.ledger import records
from crm_core.ledger.records import Expected, NewEvent, StreamAppend

__all__ = ["OriginatorId", "as_notification", "as_stored_event", "shift_of", "stream_appends",
           "stream_id_of"]  # fmt: skip

OriginatorId: TypeAlias = UUID | str

_FROM_ZERO = "versions:from-0"
_NAMED = "originator:"


def stream_id_of(tenant_id: UUID, originator_id: OriginatorId) -> UUID:
    """The originator's id where that is a UUID, else one derived from the text."""
    if isinstance(originator_id, UUID):
        return originator_id
    return derived_id(tenant_id, "originator", originator_id)


def stream_appends(
    tenant_id: UUID,
    stream_type: str,
    events: Sequence[StoredEvent],
    shifts: Mapping[UUID, int],
) -> tuple[StreamAppend, ...]:
    """The events in their order; each run of one originator's is a part of the append.

    `shifts` has what is known of streams: 1 where they count from 0. Of others the first event here
    tells. Raises VersionConflict where an originator's versions do not follow on each other.
    """
    appends = []
    known = dict(shifts)
    ends: dict[UUID, int] = {}
    for originator_id, run in groupby(events, key=lambda event: event.originator_id):
        together = list(run)
        stream_id = stream_id_of(tenant_id, originator_id)
        shift = known.setdefault(stream_id, int(together[0].originator_version == 0))
        before = ends.get(stream_id, together[0].originator_version + shift - 1)
        # Only the first run is checked by the ledger: the others follow on it, in one append.
        expected = Expected.ANY if stream_id in ends else before
        new = tuple(_new_event(event, shift) for event in together)
        append = StreamAppend(stream_type, stream_id, expected, new)
        for end, event in enumerate(together, start=before):
            if event.originator_version + shift != end + 1:
                raise VersionConflict(append.name, event.originator_version + shift - 1, end)
        appends.append(append)
        ends[stream_id] = before + len(together)
    return tuple(appends)


def shift_of(stored: records.StoredEvent) -> int:
    """How much further the stream's version is than the originator's: 1 where it counts from 0."""
    return int(_FROM_ZERO in stored.tags)


def as_stored_event(stored: records.StoredEvent) -> StoredEvent:
    """The event as the application gave it."""
    return StoredEvent(
        originator_id=_originator_id(stored),
        originator_version=stored.version - shift_of(stored),
        topic=stored.type,
        state=stored.data,
    )


def as_notification(stored: records.StoredEvent) -> Notification:
    """The event with its position: the notification id."""
    return Notification(**vars(as_stored_event(stored)), id=stored.position)


def _new_event(event: StoredEvent, shift: int) -> NewEvent:
    tags = (_FROM_ZERO,) if shift else ()
    if isinstance(event.originator_id, str):
        tags = (*tags, _NAMED + event.originator_id)
    return NewEvent(
        event_id=new_id(),
        type=event.topic,
        # The library keeps the version of the event's class in the state, encrypted perhaps.
        schema_version=1,
        data=event.state,
        tags=tags,
    )


def _originator_id(stored: records.StoredEvent) -> OriginatorId:
    named = (tag.removeprefix(_NAMED) for tag in stored.tags if tag.startswith(_NAMED))
    return next(named, stored.stream_id)
