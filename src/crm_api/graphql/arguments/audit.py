"""How the audit trail is filtered and ordered."""

from __future__ import annotations

from enum import Enum

import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.filters import (
    Comparator,
    DateTimeComparator,
    EnumComparator,
    IDComparator,
    OrderDirection,
    StringComparator,
    Where,
)
from crm_api.graphql.scalars import Position
from crm_core import ActorKind

__all__ = ["AuditOrder", "AuditWhere"]

graphql_enum(ActorKind)


@strawberry.input(description="Which stretch of the ledger.")
class PositionComparator(Comparator):
    eq: Position | None = strawberry.UNSET
    lt: Position | None = strawberry.UNSET
    lte: Position | None = strawberry.UNSET
    gt: Position | None = strawberry.UNSET
    gte: Position | None = strawberry.UNSET


@strawberry.input(description="Which entries; all that is given must hold.")
class AuditWhere(Where):
    type: StringComparator | None = strawberry.UNSET
    record_type: StringComparator | None = strawberry.UNSET
    record_id: IDComparator | None = strawberry.UNSET
    subject_id: IDComparator | None = strawberry.UNSET
    actor_kind: EnumComparator[ActorKind] | None = strawberry.UNSET
    actor_id: StringComparator | None = strawberry.UNSET
    command_id: IDComparator | None = strawberry.UNSET
    correlation_id: IDComparator | None = strawberry.UNSET
    causation_id: IDComparator | None = strawberry.UNSET
    event_id: IDComparator | None = strawberry.UNSET
    reason: StringComparator | None = strawberry.UNSET
    source: StringComparator | None = strawberry.UNSET
    position: PositionComparator | None = strawberry.UNSET
    recorded_at: DateTimeComparator | None = strawberry.UNSET
    happened_at: DateTimeComparator | None = strawberry.UNSET
    and_: list[AuditWhere] | None = strawberry.field(name="and", default=strawberry.UNSET)
    or_: list[AuditWhere] | None = strawberry.field(name="or", default=strawberry.UNSET)
    not_: AuditWhere | None = strawberry.field(name="not", default=strawberry.UNSET)


@strawberry.enum(description="What entries of the audit trail can be ordered by.")
class AuditOrderField(Enum):
    POSITION = "position"
    HAPPENED_AT = "happened_at"


@strawberry.input(description="By what the audit trail is ordered.")
class AuditOrder:
    field: AuditOrderField
    direction: OrderDirection = OrderDirection.ASC
