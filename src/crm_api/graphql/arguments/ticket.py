"""How tickets are found, filtered and ordered."""

from __future__ import annotations

from enum import Enum

import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.filters import (
    DateTimeComparator,
    EnumComparator,
    IDComparator,
    IntComparator,
    OrderDirection,
    StringComparator,
    Where,
)
from crm_api.graphql.types.external_id import ExternalIdInput
from crm_core.kernel.aggregate import HeldKey
from crm_core.service.ticket.events import TicketChannel, TicketPriority, TicketStatus, TicketType

__all__ = ["TicketBy", "TicketOrder", "TicketWhere"]

for _enum in (TicketChannel, TicketPriority, TicketStatus, TicketType):
    graphql_enum(_enum)


@strawberry.input(one_of=True, description="Which ticket.")
class TicketBy:
    id: strawberry.ID | None = strawberry.UNSET
    external_id: ExternalIdInput | None = strawberry.UNSET

    def unique_key(self) -> HeldKey | None:
        return self.external_id.key_of("ticket") if self.external_id else None


@strawberry.input(description="Which tickets; all that is given must hold.")
class TicketWhere(Where):
    subject: StringComparator | None = strawberry.UNSET
    status: EnumComparator[TicketStatus] | None = strawberry.UNSET
    type: EnumComparator[TicketType] | None = strawberry.UNSET
    priority: EnumComparator[TicketPriority] | None = strawberry.UNSET
    channel: EnumComparator[TicketChannel] | None = strawberry.UNSET
    customer_id: IDComparator | None = strawberry.UNSET
    assignee_id: IDComparator | None = strawberry.UNSET
    queue: StringComparator | None = strawberry.UNSET
    product: StringComparator | None = strawberry.UNSET
    root_cause: StringComparator | None = strawberry.UNSET
    escalation_level: IntComparator | None = strawberry.UNSET
    csat_score: IntComparator | None = strawberry.UNSET
    opened_at: DateTimeComparator | None = strawberry.UNSET
    first_reply_at: DateTimeComparator | None = strawberry.UNSET
    resolved_at: DateTimeComparator | None = strawberry.UNSET
    closed_at: DateTimeComparator | None = strawberry.UNSET
    last_activity_at: DateTimeComparator | None = strawberry.UNSET
    and_: list[TicketWhere] | None = strawberry.field(name="and", default=strawberry.UNSET)
    or_: list[TicketWhere] | None = strawberry.field(name="or", default=strawberry.UNSET)
    not_: TicketWhere | None = strawberry.field(name="not", default=strawberry.UNSET)


@strawberry.enum(description="What tickets can be ordered by.")
class TicketOrderField(Enum):
    STATUS = "status"
    QUEUE = "queue"
    OPENED_AT = "opened_at"
    RESOLVED_AT = "resolved_at"
    CLOSED_AT = "closed_at"
    LAST_ACTIVITY_AT = "last_activity_at"
    ESCALATION_LEVEL = "escalation_level"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"


@strawberry.input(description="By what tickets are ordered.")
class TicketOrder:
    field: TicketOrderField
    direction: OrderDirection = OrderDirection.ASC
