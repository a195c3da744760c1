"""Keeps the envelope of every event, indexed for an auditor's questions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from crm_core import ActorKind
from crm_projections.envelopes import EnvelopeProjection
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


class AuditTrail(EnvelopeProjection):
    name = "audit_trail"
    version = 1
    tables = (AUDIT,)
