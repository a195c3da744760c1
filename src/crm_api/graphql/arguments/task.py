"""How tasks are filtered and ordered."""

from __future__ import annotations

from enum import Enum

import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.filters import (
    DateTimeComparator,
    EnumComparator,
    IDComparator,
    OrderDirection,
    StringComparator,
    Where,
)
from crm_core.engagement.task.events import TaskStatus

__all__ = ["TaskOrder", "TaskWhere"]

graphql_enum(TaskStatus)


@strawberry.input(description="Which tasks; all that is given must hold.")
class TaskWhere(Where):
    title: StringComparator | None = strawberry.UNSET
    status: EnumComparator[TaskStatus] | None = strawberry.UNSET
    assignee_id: IDComparator | None = strawberry.UNSET
    customer_id: IDComparator | None = strawberry.UNSET
    due_at: DateTimeComparator | None = strawberry.UNSET
    deferred_until: DateTimeComparator | None = strawberry.UNSET
    created_at: DateTimeComparator | None = strawberry.UNSET
    updated_at: DateTimeComparator | None = strawberry.UNSET
    and_: list[TaskWhere] | None = strawberry.field(name="and", default=strawberry.UNSET)
    or_: list[TaskWhere] | None = strawberry.field(name="or", default=strawberry.UNSET)
    not_: TaskWhere | None = strawberry.field(name="not", default=strawberry.UNSET)


@strawberry.enum(description="What tasks can be ordered by.")
class TaskOrderField(Enum):
    DUE_AT = "due_at"
    STATUS = "status"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"


@strawberry.input(description="By what tasks are ordered.")
class TaskOrder:
    field: TaskOrderField
    direction: OrderDirection = OrderDirection.ASC
