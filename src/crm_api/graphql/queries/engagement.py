"""Asking for interactions and tasks. A customer's interactions hang on the customer."""

from __future__ import annotations

from typing import cast

import strawberry

from crm_api.graphql.arguments.task import TaskOrder, TaskWhere
from crm_api.graphql.as_of import AsOfArgument, EffectiveAt, MinPosition, as_of_from
from crm_api.graphql.connection import After, Before, Connection, First, Last, window_of
from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.filters import filter_of, order_of
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.links import listed
from crm_api.graphql.reading import Listed, One
from crm_api.graphql.types.interaction import INTERACTION, Interaction
from crm_api.graphql.types.task import TASK, Task
from crm_projections.reading import Order

__all__ = ["EngagementQueries"]

LISTED = Listed("task", Order("created_at", descending=True))


@strawberry.type
class EngagementQueries:
    @resolver("An interaction; null where there is none.")
    async def interaction(
        self,
        info: Info,
        id: strawberry.ID,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Interaction | None:
        context = await require(info, "interaction", min_position=min_position)
        interaction_id = required_uuid(id, "Interaction")
        past = as_of_from(as_of, effective_at)
        found = await context.loaders.record(INTERACTION, interaction_id, past)
        return cast("Interaction | None", found)

    @resolver("A task; null where there is none.", reads=One("task"))
    async def task(
        self,
        info: Info,
        id: strawberry.ID,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Task | None:
        context = await require(info, "task", min_position=min_position)
        task_id, past = required_uuid(id, "Task"), as_of_from(as_of, effective_at)
        return cast("Task | None", await context.loaders.record(TASK, task_id, past))

    @resolver("Tasks, the latest first unless ordered otherwise.", reads=LISTED)
    async def tasks(
        self,
        info: Info,
        where: TaskWhere | None = strawberry.UNSET,
        order_by: list[TaskOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Connection[Task] | None:
        await require(info, "task", min_position=min_position)
        window = window_of(first, after, last, before)
        order = order_of(order_by, LISTED.order)
        return await listed(info, TASK, window, filter_of(where), order)
