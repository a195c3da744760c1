"""The thing whose rules hold at once: what every aggregate has."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, Self, cast, get_type_hints
from uuid import UUID

from eventsourcing.domain import BaseAggregate

from crm_core.kernel.events import Created, Event

__all__ = ["AGGREGATE_CLASSES", "Aggregate", "HeldKey", "external_key", "state_parts"]


class HeldKey(NamedTuple):
    """A unique key that a record holds in its tenant, such as ("email", "ada@example.com")."""

    kind: str
    value: str


def external_key(record: str, system: str, external_id: str) -> HeldKey:
    """The key of an id in another system: unique for that system and kind of record."""
    return HeldKey(f"{record}.external:{system}", external_id)


AGGREGATE_CLASSES: dict[str, type[Aggregate]] = {}  # by topic, `context.aggregate`


class Aggregate(BaseAggregate[UUID]):
    """The `eventsourcing` library's aggregate, with one way to record and one way to apply.

    A public method decides: it raises `Rejected` or calls `record`. `when` changes the state
    and never refuses. The state is declared in the class body, each part with its type and default
    (docs/decisions/0012-a-snapshot-is-a-shortcut.md):

        status: TicketStatus = TicketStatus.NEW
        tags: set[str] = field(default_factory=set)
    """

    TOPIC: ClassVar[str]

    _at = cast("datetime | None", None)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        topic = cls.__dict__.get("TOPIC")
        if topic is not None:
            AGGREGATE_CLASSES[topic] = cls

    @classmethod
    def start(
        cls, event_class: type[Created], record_id: UUID, at: datetime | None, **fields: Any
    ) -> Self:
        """A new aggregate by its first event, which happened at `at` (now, if None)."""
        moment = at or datetime.now(UTC)
        created = cls._create(event_class, id=record_id, timestamp=moment, **fields)
        created.happening_at(moment)
        return created

    def happening_at(self, moment: datetime) -> None:
        """Says when the next decisions happen, on the effective clock."""
        self._at = moment

    @property
    def at(self) -> datetime:
        """The moment of the decision being taken, on the effective clock."""
        return self._at or datetime.now(UTC)

    def record(self, event_class: type[Event], **fields: Any) -> None:
        """Records a decision: the event is applied at once and stored with the command's others."""
        self.trigger_event(event_class, timestamp=self._at, **fields)

    @abstractmethod
    def when(self, event: Any) -> None:
        """Changes the state by an event of this aggregate."""

    @property
    def subject_id(self) -> UUID:
        """The person or organisation whose key seals the personal fields of new events."""
        return self.id

    def held_keys(self) -> frozenset[HeldKey]:
        """The unique keys this record holds in its present state; taken and released on append."""
        return frozenset()


def state_parts(aggregate_class: type[Aggregate]) -> Mapping[str, Any]:
    """The parts of the state that the class declares, with their types, marks included."""
    hints = get_type_hints(aggregate_class, include_extras=True)
    # The library makes a dataclass of every aggregate; the type checker cannot know.
    return {part.name: hints[part.name] for part in fields(aggregate_class)}  # type: ignore[arg-type]
