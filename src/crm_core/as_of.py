"""Which past: by what was recorded until then, or by what had happened until then."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Invalid
from crm_core.ledger.event_store import RecordedEvent, fold

__all__ = ["NOW", "AsOf", "fold_as_of", "folding", "past_of"]


@dataclass(frozen=True, slots=True)
class AsOf:
    """A point in the past; at most one of the first three, with `effective_at` or without.

    `position` and `time` say what was known then (recorded until and including it), `version` the
    record after that many events. `effective_at` says what had happened by then. The two clocks
    differ for imported history: "what did we know on 1 March about February" names both.
    """

    position: int | None = None
    time: datetime | None = None
    version: int | None = None
    effective_at: datetime | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.position, self.time, self.version)) > 1:
            raise Invalid("as_of", "takes one of position, time and version")
        if self.position is not None and self.position < 0:
            raise Invalid("as_of.position", "starts at 0")
        if self.version is not None and self.version < 1:
            raise Invalid("as_of.version", "starts at 1")
        for moment in (self.time, self.effective_at):
            if moment is not None and moment.tzinfo is None:
                raise Invalid("as_of", "takes moments with a time zone")

    @property
    def is_position(self) -> bool:
        """Whether it is a place in the ledger and nothing else: one that was named, or its end."""
        return self.time is None and self.version is None and self.effective_at is None

    def includes(self, event: RecordedEvent) -> bool:
        return (
            (self.position is None or event.position <= self.position)
            and (self.time is None or event.recorded_at <= self.time)
            and (self.version is None or event.version <= self.version)
            and (self.effective_at is None or event.happened_at <= self.effective_at)
        )


NOW = AsOf()


def past_of(events: Iterable[RecordedEvent], as_of: AsOf) -> list[RecordedEvent]:
    """The events of one stream that this past knows, in its order; none where it had not begun.

    By the effective clock that is the order in which they happened; those that happened at one
    moment, in the order of their recording.
    """
    included = [event for event in events if as_of.includes(event)]
    if as_of.effective_at is not None:
        included.sort(key=lambda event: (event.happened_at, event.version))
    return included if included and included[0].version == 1 else []


def fold_as_of(events: Iterable[RecordedEvent], as_of: AsOf) -> Aggregate | None:
    """The record as it was, or None where it did not exist yet. `events` are all of its stream."""
    last = deque(folding(events, as_of), maxlen=1)
    return last[0][1] if last else None


def folding(
    events: Iterable[RecordedEvent], as_of: AsOf
) -> Iterator[tuple[RecordedEvent, Aggregate]]:
    """The events of this past one by one, with the record after each: one object, changing."""
    aggregate: Aggregate | None = None
    for event in past_of(events, as_of):
        if aggregate is None:
            aggregate = fold([event.data])
            assert aggregate is not None
        else:
            try:
                # Not mutate: by the effective clock, versions may be missing or in another order.
                event.data.apply(aggregate)
            except LookupError:
                continue  # dated before what it is about, which is not there yet in this past
            aggregate.version = event.version
            aggregate.modified_on = event.happened_at
        yield event, aggregate
