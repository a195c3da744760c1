"""Keeps the envelope of every event, indexed for an auditor's questions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from crm_core import ActorKind, RecordedEvent
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.tables import Row, Table

__all__ = ["AUDIT", "AuditRow", "AuditTrail"]


class AuditRow(Row, frozen=True, kw_only=True):
    position: int
    event_id: UUID
    type: str
    record_type: str
    record_id: UUID
    version: int
    recorded_at: datetime
    happened_at: datetime
    actor_kind: ActorKind
    actor_id: str
    on_behalf_of: str | None
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
    reason: str | None


AUDIT = Table(
    "audit",
    AuditRow,
    key=("position",),
    indexes=(
        "record_id, position",
        "actor_id, position",
        "type, position",
        "correlation_id, position",
    ),
)


class AuditTrail(Projection):
    name = "audit_trail"
    version = 1
    tables = (AUDIT,)
    by_stream = True
    envelope_only = True

    def needs(self, event: RecordedEvent) -> Iterable[tuple[Table[Any], Any]]:
        return ()

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        stored = event.stored
        rows.put(
            AUDIT,
            AuditRow(
                position=stored.position,
                event_id=stored.event_id,
                type=stored.type,
                record_type=stored.stream_type,
                record_id=stored.stream_id,
                version=stored.version,
                recorded_at=stored.recorded_at,
                happened_at=stored.happened_at,
                actor_kind=stored.actor.kind,
                actor_id=stored.actor.id,
                on_behalf_of=stored.actor.on_behalf_of,
                command_id=stored.command_id,
                correlation_id=stored.correlation_id,
                causation_id=stored.causation_id,
                reason=stored.reason,
            ),
        )
