"""The task in answers."""

from __future__ import annotations

from datetime import datetime
from typing import cast

import strawberry

from crm_api.graphql.context import Info
from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.links import linked
from crm_api.graphql.reading import Link
from crm_api.graphql.records import RecordKind
from crm_api.graphql.types.customer import CUSTOMER, Customer
from crm_api.graphql.types.node import Record
from crm_api.graphql.types.user import USER, User
from crm_core.engagement.task.events import TaskStatus
from crm_core.engagement.task.task import Task as TaskAggregate
from crm_projections.task_list.projection import TASKS, TaskList

__all__ = ["TASK", "Task"]

graphql_enum(TaskStatus)


@strawberry.type(description="Something that somebody has to do by a moment.")
class Task(Record):
    KEY = "task_id"

    title: str | None = strawberry.field(description="Null once it was erased.")
    status: TaskStatus
    due_at: datetime
    deferred_until: datetime | None = strawberry.field(description="Out of sight until then.")

    @resolver("Who has to do it.", reads=Link("user", "assignee_id"))
    async def assignee(self, info: Info) -> User | None:
        return cast("User | None", await linked(info, USER, self.row.assignee_id, self.as_of))

    @resolver("Whom it is about.", reads=Link("customer", "customer_id"))
    async def customer(self, info: Info) -> Customer | None:
        found = await linked(info, CUSTOMER, self.row.customer_id, self.as_of)
        return cast("Customer | None", found)


TASK = RecordKind(Task, TaskAggregate, TaskList(), TASKS)
