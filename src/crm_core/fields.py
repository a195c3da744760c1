"""The fields of a record in a past, and which events changed each: folded step by step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from crm_core.as_of import AsOf, folding
from crm_core.kernel.aggregate import Aggregate
from crm_core.ledger.event_store import RecordedEvent

__all__ = ["FieldHistory"]


class FieldHistory:
    """`fields` are those that have a value in the end; `changed_by` the events, in this past's
    order, after which a field had another value than before. `known` are all its events.
    """

    def __init__(self, events: Iterable[RecordedEvent], as_of: AsOf) -> None:
        self.known: list[RecordedEvent] = []
        self.fields: Mapping[str, Any] = {}
        self.changed_by: defaultdict[str, list[RecordedEvent]] = defaultdict(list)
        for event, aggregate in folding(events, as_of):
            fields = _fields(aggregate)
            for field in {*self.fields, *fields}:
                if self.fields.get(field) != fields.get(field):
                    self.changed_by[field].append(event)
            self.known.append(event)
            self.fields = fields

    @property
    def version(self) -> int | None:
        return max((event.version for event in self.known), default=None)


def _fields(aggregate: Aggregate) -> dict[str, Any]:
    """The public state, copied as far as it can change; what is empty is left out."""
    return {
        name: _copy(value)
        for name, value in vars(aggregate).items()
        if not name.startswith("_") and value is not None and value not in _EMPTY
    }


_EMPTY: tuple[Any, ...] = (set(), {}, [], (), "")


def _copy(value: Any) -> Any:
    match value:
        case dict():
            return dict(value)
        case set():
            return frozenset(value)
        case list():
            return tuple(value)
        case _:
            return value
