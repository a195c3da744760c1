"""Recorded facts: the base of every event class, and the mark of personal fields.

An event class is a frozen dataclass (the `eventsourcing` library makes it one) with an explicit
TOPIC, `context.aggregate.fact`, that is stored and therefore never changes:

    class CustomerRenamed(Event):
        TOPIC = "customers.customer.renamed"
        name: PersonalText

Fields marked personal are stored encrypted under the key of the event's subject and read back as
REDACTED once that key is gone, so whatever folds an event must take REDACTED for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Annotated, Any, ClassVar, Final, TypeAlias, get_type_hints
from uuid import UUID

from eventsourcing.domain import AggregateCreated, AggregateEvent, TAggregate
from eventsourcing.utils import register_topic, resolve_topic

__all__ = [
    "EVENT_CLASSES",
    "PERSONAL",
    "REDACTED",
    "Created",
    "Event",
    "OptionalPersonalText",
    "Personal",
    "PersonalText",
    "Redacted",
    "own_fields",
    "personal_mark",
    "plain",
]


class Redacted(Enum):
    """Stands where personal data was, after its subject's key was destroyed. There is one."""

    REDACTED = 0  # a number, so that msgspec can tell it from any text or record in a union

    def __repr__(self) -> str:
        return "REDACTED"

    def __bool__(self) -> bool:
        return False


REDACTED: Final = Redacted.REDACTED


@dataclass(frozen=True)
class Personal:
    """The mark in `Annotated[...]` of a field that must be stored under its subject's key.

    `sealed_as`: the name under which it was sealed at first, once the field has another one.
    """

    sealed_as: str | None = None


PERSONAL: Final = Personal()
PersonalText: TypeAlias = Annotated[str | Redacted, PERSONAL]
OptionalPersonalText: TypeAlias = Annotated[str | Redacted | None, PERSONAL]


def personal_mark(of: Any) -> Personal | None:
    """The mark of a field's type, as `own_fields` gives it; None where it is not personal."""
    marks = (mark for mark in getattr(of, "__metadata__", ()) if isinstance(mark, Personal))
    return next(marks, None)


def plain(value: str | Redacted | None) -> str | None:
    """The value, or None where it was erased or never given: what a read model keeps."""
    return None if isinstance(value, Redacted) else value


EVENT_CLASSES: dict[str, type[Event]] = {}  # by topic; filled as the contexts are imported


class Event(AggregateEvent):
    """A fact about one aggregate. `class_version` is the schema version of its stored form."""

    TOPIC: ClassVar[str]
    class_version: ClassVar[int] = 1  # raised with an `upcast_vN_vM` (crm_core/ledger/codec.py)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        topic = cls.__dict__.get("TOPIC")
        if topic is not None:
            register_topic(topic, cls)
            EVENT_CLASSES[topic] = cls

    adopts: ClassVar[bool] = False
    """Gives the record, with all that was written about it while it was nobody's, to a subject:
    that of the event. What was nobody's is erased with them.
    """

    @property
    def also_about(self) -> tuple[UUID, ...]:
        """Subjects beside the aggregate's own: what is personal here is sealed under the keys of
        all of them, and goes with any.
        """
        return ()

    def apply(self, aggregate: Any) -> None:
        """Changes the aggregate's state. Never refuses: what was recorded has happened."""
        aggregate.when(self)


class Created(Event, AggregateCreated):
    """The first fact of a stream."""

    def mutate(self, aggregate: TAggregate | None) -> TAggregate | None:
        """A new aggregate, its state as its class declares it, changed by this fact.

        The library's own way would fill the state from fields of the event that happen to have
        the same names.
        """
        assert aggregate is None, "a stream begins once"
        kind: type[TAggregate] = resolve_topic(self.originator_topic)
        begun = kind.__new__(kind)
        begun.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        begun.__init__()  # type: ignore[misc]  # takes nothing, in every aggregate
        self.apply(begun)
        return begun


_ENVELOPE = frozenset({"originator_id", "originator_version", "timestamp", "originator_topic"})


def own_fields(event_class: type[Event]) -> Mapping[str, Any]:
    """The fields that are stored as the event's data, with their types, marks included."""
    hints = get_type_hints(event_class, include_extras=True)
    return {
        field.name: hints[field.name]
        for field in fields(event_class)
        if field.name not in _ENVELOPE
    }
