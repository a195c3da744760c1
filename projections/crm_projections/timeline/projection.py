"""Keeps what happened about each customer, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from crm_core import ActorKind, RecordedEvent
from crm_core.engagement.interaction.events import InteractionRedacted
from crm_core.kernel.events import plain
from crm_projections.projection import Projection
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
    indexes=("customer_id, happened_at, position", "record_id"),
)

_TEXTS = ("subject", "name", "body", "summary", "title")
_CUSTOMER = "customers.customer"


class Timeline(Projection):
    name = "timeline"
    version = 1
    tables = (TIMELINE,)
    reads = ("customers.", "sales.opportunity.", "service.", "engagement.")

    def needs(self, event: RecordedEvent) -> Iterable[tuple[Table[Any], Any]]:
        if isinstance(event.data, InteractionRedacted):
            return [(TIMELINE, event.record_id)]
        return ()

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        customer_id = event.stored.subject_ids[0]
        if customer_id == event.record_id and event.record_type != _CUSTOMER:
            return  # a deal or a ticket that names no customer
        if isinstance(event.data, InteractionRedacted):
            for row in rows.group(TIMELINE, event.record_id):
                rows.put(TIMELINE, replace(row, text=None))
        texts = (getattr(event.data, name, None) for name in _TEXTS)
        rows.put(
            TIMELINE,
            TimelineRow(
                customer_id=customer_id,
                position=event.position,
                happened_at=event.happened_at,
                event_id=event.event_id,
                type=event.type,
                record_type=event.record_type,
                record_id=event.record_id,
                actor_kind=event.actor.kind,
                actor_id=event.actor.id,
                text=next((plain(text) for text in texts if text), None),
            ),
        )
