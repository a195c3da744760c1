"""The audit trail: the envelope of every event, without what it says."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry

from crm_api.graphql.context import Info
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import global_id
from crm_api.graphql.links import linked
from crm_api.graphql.scalars import Position
from crm_api.graphql.types.event import ActorInfo
from crm_api.graphql.types.node import Record
from crm_core import Actor
from crm_projections.audit_trail.projection import AuditRow

__all__ = ["AuditEntry"]


@strawberry.type(description="Who did what, when, and because of what.")
class AuditEntry:
    event_id: strawberry.ID = strawberry.field(description="`node(id)` gives the event as a whole.")
    event_uuid: UUID
    position: Position
    type: str = strawberry.field(description="Such as `sales.opportunity.won`.")
    record_type: str
    record_uuid: UUID
    subject_uuid: UUID = strawberry.field(
        description="The person, organisation or record it is about; of several, the first."
    )
    version: int
    recorded_at: datetime
    happened_at: datetime
    actor: ActorInfo
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
    reason: str | None
    source: str | None = strawberry.field(
        description="The reason without the number at its end: that of all lines of an import."
    )
    row: strawberry.Private[Any]

    @classmethod
    def of(cls, row: AuditRow) -> Self:
        return cls(
            event_id=global_id("EventRecord", row.position),
            event_uuid=row.event_id,
            position=Position(row.position),
            type=row.type,
            record_type=row.record_type,
            record_uuid=row.record_id,
            subject_uuid=row.subject_id,
            version=row.version,
            recorded_at=row.recorded_at,
            happened_at=row.happened_at,
            actor=ActorInfo.of(Actor(row.actor_kind, row.actor_id, row.on_behalf_of)),
            command_id=row.command_id,
            correlation_id=row.correlation_id,
            causation_id=row.causation_id,
            reason=row.reason,
            source=row.source,
            row=row,
        )

    @resolver("The record as it is now.")
    async def record(self, info: Info) -> Record | None:
        from crm_api.graphql.registry import kind_of_topic

        kind = kind_of_topic(self.row.record_type)
        return None if kind is None else await linked(info, kind, self.row.record_id)
