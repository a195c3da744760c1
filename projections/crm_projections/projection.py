"""What a projection is: a name, a version, its tables, and a pure function from event to rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from crm_core import AsOf, RecordedEvent
from crm_core.as_of import past_of
from crm_core.privacy.erasure.events import SubjectKeyDestroyed
from crm_projections.rows import Rows
from crm_projections.tables import Table

__all__ = ["Projection", "project", "project_past", "wanted_prefixes"]


class Projection(ABC):
    """Keeps the tables that answer one question.

    `apply` must be pure: what it writes depends on the event and on the rows it asked for by
    `needs`, never on a clock, a random number or the outside. So the same code fills Postgres in
    batches, a test in memory, and the answer to "what was it then".

    A table that holds something personal says whom its rows are `about` and what an `erased` one
    looks like; see `on_erased`.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    """Raised when the rows change; the new version fills beside the old one and takes over."""
    tables: ClassVar[tuple[Table[Any], ...]]
    reads: ClassVar[tuple[str, ...]] = ()
    """Prefixes of event types; () stands for all."""
    by_stream: ClassVar[bool] = False
    """Each row depends on the events of one stream only: a rebuild may share out the streams."""
    envelope_only: ClassVar[bool] = False
    """`apply` looks at no event's `data`: for this projection nothing is decrypted or decoded."""

    def wants(self, event: RecordedEvent) -> bool:
        return self.wants_type(event.type)

    def wants_type(self, event_type: str) -> bool:
        return not self.reads or event_type.startswith(self.prefixes)

    def reads_type(self, event_type: str) -> bool:
        """Whether it looks at the data of these events, which is decrypted and decoded for it."""
        return not self.envelope_only and self.wants_type(event_type)

    @cached_property
    def prefixes(self) -> tuple[str, ...]:
        """What its events' types begin with; () stands for all of them."""
        if self.reads and self.is_personal:
            return (*self.reads, SubjectKeyDestroyed.TOPIC)
        return self.reads

    @cached_property
    def is_personal(self) -> bool:
        """Whether it keeps personal data, and so must hear of every key that is destroyed."""
        return any(table.about for table in self.tables)

    def needs(self, event: RecordedEvent) -> Iterable[tuple[Table[Any], Any]]:
        """The rows to have at hand: pairs of a table and a value of its `fetch_by` column.

        Those of the event's record, unless overridden; () where `apply` reads none.
        """
        return [(table, event.record_id) for table in self.tables]

    @abstractmethod
    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        """Writes what the event changes."""

    def on_erased(self, subject_id: UUID, rows: Rows) -> None:
        """Blanks what the tables keep of the subject, whose rows are at hand.

        What is left must be what the same events make once their personal fields are REDACTED, for
        that is what a rebuild finds. Counts and sums stay.
        """
        for table in self.tables:
            for row in rows.about(table, subject_id):
                rows.put(table, table.erased(row, subject_id))

    def taking(self, event_type: str) -> Callable[[RecordedEvent, Rows], None]:
        """How it takes the events of a type that it wants; found once for many."""
        if event_type == SubjectKeyDestroyed.TOPIC:
            return self.take
        return self.apply

    def take(self, event: RecordedEvent, rows: Rows) -> None:
        """Applies an event that it wants; that of a destroyed key blanks the subjects as well."""
        fact = event.data
        if isinstance(fact, SubjectKeyDestroyed):
            for subject_id in fact.subject_ids:
                self.on_erased(subject_id, rows)
        if not self.reads or event.type.startswith(self.reads):
            self.apply(event, rows)


def wanted_prefixes(projections: Iterable[Projection]) -> list[str]:
    """The beginnings of the types that one of them reads; the empty one where one reads all."""
    return sorted({prefix for p in projections for prefix in p.prefixes or ("",)})


def project(
    projection: Projection, events: Iterable[RecordedEvent], rows: Rows | None = None
) -> Rows:
    """The rows that these events make, in memory: given events, then rows."""
    rows = rows if rows is not None else Rows()
    for event in events:
        if projection.wants(event):
            projection.take(event, rows)
    return rows


def project_past(projection: Projection, events: Iterable[RecordedEvent], as_of: AsOf) -> Rows:
    """The rows that one stream makes as of then: the answer to "what was it"."""
    rows = Rows()
    for event in past_of(events, as_of):
        try:
            projection.apply(event, rows)
        except LookupError:
            continue  # dated before what it is about, which is not there yet in this past
    return rows
