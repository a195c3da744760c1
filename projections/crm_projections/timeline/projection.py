"""Keeps what happened about each customer, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache, cached_property
from uuid import UUID

from msgspec.structs import replace

from crm_core import ActorKind, RecordedEvent
from crm_core.engagement.interaction.events import InteractionRedacted
from crm_core.kernel.events import EVENT_CLASSES, Event, Redacted, own_fields, plain
from crm_core.ledger.records import StoredEvent
from crm_core.privacy.erasure.events import SubjectKeyDestroyed
from crm_projections.envelopes import EnvelopeProjection, Words
from crm_projections.rows import Rows
from crm_projections.tables import Row, Table

__all__ = ["TIMELINE", "Timeline", "TimelineRow"]


class TimelineRow(Row, frozen=True, kw_only=True):
    """`text` is what a person typed about it: a subject, a name, a body; None where nothing was."""

    customer_id: UUID
    position: int
    happened_at: datetime
    event_id: UUID
    type: str
    record_type: str
    record_id: UUID
    actor_kind: ActorKind
    actor_id: str
    text: str | None


TIMELINE = Table(
    "timeline",
    TimelineRow,
    key=("customer_id", "position"),
    fetch_by="record_id",
    about=("customer_id",),
    erased=lambda row, _: replace(row, text=None),
    indexes=("customer_id, happened_at, position", "record_id"),
)

_TEXTS = ("subject", "name", "body", "summary", "title")
_CUSTOMER = "customers.customer"


class Timeline(EnvelopeProjection):
    name = "timeline"
    version = 1
    tables = (TIMELINE,)
    reads = ("customers.", "sales.opportunity.", "service.", "engagement.")
    envelope_only = False
    # As `_is_of_customer` says; the first subject is the record itself where it names no customer.
    taken_sql = f"(stream_type = '{_CUSTOMER}' or coalesce(subject_ids[1], stream_id) <> stream_id)"

    @cached_property
    def word_types(self) -> frozenset[str]:
        kinds = {InteractionRedacted, SubjectKeyDestroyed}
        return frozenset(
            topic
            for topic, kind in EVENT_CLASSES.items()
            if self.wants_type(topic) and (kind in kinds or _texts_of(kind))
        )

    def words(self, events: Iterable[RecordedEvent]) -> Words:
        words = Words()
        for event in events:
            stored, fact = event.stored, event.data
            text = _text_of(fact)
            if text is not None:
                if _is_of_customer(stored):
                    words.texts[stored.position] = text
            elif isinstance(fact, InteractionRedacted):
                words.gone["record_id"].append((stored.stream_id, stored.position))
            elif isinstance(fact, SubjectKeyDestroyed):
                words.gone["customer_id"] += [(of, stored.position) for of in fact.subject_ids]
        return words

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        stored, fact = event.stored, event.data
        if not _is_of_customer(stored):
            return
        if isinstance(fact, InteractionRedacted):
            for row in rows.group(TIMELINE, stored.stream_id):
                rows.put(TIMELINE, replace(row, text=None))
        rows.put(
            TIMELINE,
            TimelineRow(
                customer_id=stored.subject_id,
                position=stored.position,
                happened_at=stored.happened_at,
                event_id=stored.event_id,
                type=stored.type,
                record_type=stored.stream_type,
                record_id=stored.stream_id,
                actor_kind=stored.actor.kind,
                actor_id=stored.actor.id,
                text=_text_of(fact),
            ),
        )


def _is_of_customer(stored: StoredEvent) -> bool:
    """Not: a deal or a ticket that names no customer."""
    return stored.stream_type == _CUSTOMER or stored.subject_id != stored.stream_id


def _text_of(fact: Event) -> str | None:
    for name in _texts_of(type(fact)):
        text: str | Redacted | None = getattr(fact, name)
        if text:
            return plain(text)
    return None


@cache
def _texts_of(kind: type[Event]) -> tuple[str, ...]:
    """The fields of such an event that a person typed, the one that says most first."""
    fields = own_fields(kind)
    return tuple(name for name in _TEXTS if name in fields)
