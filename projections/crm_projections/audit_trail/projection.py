"""Keeps the envelope of every event, indexed for an auditor's questions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from crm_core import ActorKind
from crm_projections.envelopes import EnvelopeProjection
from crm_projections.tables import Row, Table

__all__ = ["AUDIT", "AuditRow", "AuditTrail"]


class AuditRow(Row, frozen=True, kw_only=True):
    """`subject_id`: whom it is about; of several, the first. `source`: the reason without the
    number of a line at its end.
    """

    position: int
    event_id: UUID
    type: str
    record_type: str
    record_id: UUID
    subject_id: UUID
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
    source: str | None


AUDIT = Table(
    "audit",
    AuditRow,
    key=("position",),
    indexes=(
        "record_id, position",
        "actor_id, position",
        "type, position",
        "correlation_id, position",
        "subject_id, position",
        "command_id, position",
        "recorded_at, position",
        # Nearly all entries have neither.
        "on_behalf_of, position where on_behalf_of is not null",
        "source, reason where source is not null",
    ),
)


class AuditTrail(EnvelopeProjection):
    name = "audit_trail"
    version = 2
    tables = (AUDIT,)
