"""How bulk operations are filtered and ordered."""

from __future__ import annotations

from enum import Enum

import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.filters import (
    DateTimeComparator,
    EnumComparator,
    OrderDirection,
    Where,
)
from crm_core.exchange import BulkKind, BulkStatus

__all__ = ["BulkOperationOrder", "BulkOperationWhere"]

graphql_enum(BulkKind)
graphql_enum(BulkStatus)


@strawberry.input(description="Which bulk operations; all that is given must hold.")
class BulkOperationWhere(Where):
    kind: EnumComparator[BulkKind] | None = strawberry.UNSET
    status: EnumComparator[BulkStatus] | None = strawberry.UNSET
    created_at: DateTimeComparator | None = strawberry.UNSET
    ended_at: DateTimeComparator | None = strawberry.UNSET
    and_: list[BulkOperationWhere] | None = strawberry.field(name="and", default=strawberry.UNSET)
    or_: list[BulkOperationWhere] | None = strawberry.field(name="or", default=strawberry.UNSET)
    not_: BulkOperationWhere | None = strawberry.field(name="not", default=strawberry.UNSET)


@strawberry.enum(description="What bulk operations can be ordered by.")
class BulkOperationOrderField(Enum):
    CREATED_AT = "created_at"
    ENDED_AT = "ended_at"


@strawberry.input(description="By what bulk operations are ordered.")
class BulkOperationOrder:
    field: BulkOperationOrderField
    direction: OrderDirection = OrderDirection.ASC
