"""What a reader of the ledger asks for, and the pages it gets."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from crm_core.kernel.errors import Invalid
from crm_core.kernel.messages import is_storable
from crm_core.ledger.records import StoredEvent

__all__ = ["EVERYTHING", "Page", "Selection"]

E = TypeVar("E")


class Page(list[E]):
    """Events by position, and how far the ledger was looked through for them.

    A reader goes on after `scanned_to`: what it asked for up to and including that position is in
    this page or in those before. It may lie beyond the last event, for few events may be selected.
    """

    __slots__ = ("scanned_to",)

    def __init__(self, events: Iterable[E], scanned_to: int) -> None:
        super().__init__(events)
        self.scanned_to = scanned_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which events a reader wants: those of which all holds that is given here.

    `categories`: of one of these; `sales` is every event whose type begins with `sales.`, and
    `sales.opportunity` those of its opportunities. `types`: of one of these. `tags`: with each of
    these. `subject_id`: about this person or organisation. `correlation_id`: of this journey.

    Raises Invalid for an empty collection: it would select nothing, or hide a mistake.
    """

    categories: Collection[str] | None = None
    types: Collection[str] | None = None
    tags: Collection[str] | None = None
    stream_id: UUID | None = None
    subject_id: UUID | None = None
    correlation_id: UUID | None = None

    def __post_init__(self) -> None:
        for name in ("categories", "types", "tags"):
            given = getattr(self, name)
            if given is None:
                continue
            if isinstance(given, str):
                raise Invalid(f"selection.{name}", "is a collection of texts, not one text")
            if not given:
                raise Invalid(f"selection.{name}", "names at least one, or is left out")
            if not is_storable(list(given)):
                raise Invalid(f"selection.{name}", "has a character that no database keeps")
            object.__setattr__(self, name, tuple(dict.fromkeys(given)))

    @property
    def prefixes(self) -> tuple[str, ...] | None:
        """What the types of the events of the categories begin with."""
        return None if self.categories is None else tuple(f"{name}." for name in self.categories)

    def selects(self, event: StoredEvent) -> bool:
        prefixes = self.prefixes
        return (
            (prefixes is None or event.type.startswith(prefixes))
            and (self.types is None or event.type in self.types)
            and (self.tags is None or set(self.tags) <= set(event.tags))
            and (self.stream_id is None or event.stream_id == self.stream_id)
            and (self.subject_id is None or self.subject_id in event.subject_ids)
            and (self.correlation_id is None or event.correlation_id == self.correlation_id)
        )

    def page_of(
        self, events: Iterable[StoredEvent], *, after: int, limit: int
    ) -> Page[StoredEvent]:
        """The page that the ledger's next events make: all those right after the position."""
        found: list[StoredEvent] = []
        scanned_to = after
        for event in events:
            scanned_to = event.position
            if self.selects(event):
                found.append(event)
                if len(found) == limit:
                    break
        return Page(found, scanned_to)


EVERYTHING = Selection()
