"""What differs in a record between two pasts: field by field, and which events made it so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from crm_core.as_of import AsOf
from crm_core.fields import FieldHistory
from crm_core.ledger.event_store import RecordedEvent

__all__ = ["FieldChange", "RecordDiff", "diff_of"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of the record before and after, and the events that made the difference.

    The values are the aggregate's own, typed; sets, lists and mappings are copies. None stands for
    nothing, also where the record was not there yet.
    """

    field: str
    before: Any
    after: Any
    events: tuple[RecordedEvent, ...]


@dataclass(frozen=True, slots=True)
class RecordDiff:
    """`from_version` and `to_version` are the last events that each past knows; None: no record.

    `changes` are in alphabetical order. `events` are those that one past knows and the other does
    not, whether they changed a field or not.
    """

    record_id: UUID
    record_type: str
    from_version: int | None
    to_version: int | None
    changes: tuple[FieldChange, ...]
    events: tuple[RecordedEvent, ...]


def diff_of(events: Iterable[RecordedEvent], before: AsOf, after: AsOf) -> RecordDiff | None:
    """The difference between two pasts of one stream; None where neither knows the record.

    The pasts may be in any order, and on either clock: by the effective clock an event may be in
    between that others were recorded after.
    """
    events = list(events)
    old, new = FieldHistory(events, before), FieldHistory(events, after)
    if not old.known and not new.known:
        return None
    apart = {event.version for event in old.known} ^ {event.version for event in new.known}
    changes = []
    for field in sorted({*old.fields, *new.fields}):
        was, now = old.fields.get(field), new.fields.get(field)
        if was != now:
            changes.append(FieldChange(field, was, now, _made_by(field, old, new, apart)))
    return RecordDiff(
        record_id=events[0].record_id,
        record_type=events[0].record_type,
        from_version=old.version,
        to_version=new.version,
        changes=tuple(changes),
        events=tuple(event for event in events if event.version in apart),
    )


def _made_by(
    field: str, old: FieldHistory, new: FieldHistory, apart: set[int]
) -> tuple[RecordedEvent, ...]:
    """The events that changed the field in one past and are not in the other.

    Where both know the same events, in another order, it is the one that had the last word.
    """
    touched = {event.version: event for event in (*old.changed_by[field], *new.changed_by[field])}
    made = [event for version, event in sorted(touched.items()) if version in apart]
    return tuple(made or (new.changed_by[field] or old.changed_by[field])[-1:])
