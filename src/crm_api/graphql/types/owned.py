"""What a user has to hand over, and to whom it goes, in answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry

from crm_api.graphql.connection import After, Before, Connection, First, Last, window_of
from crm_api.graphql.context import Info
from crm_api.graphql.fields import resolver
from crm_api.graphql.links import linked, linked_list
from crm_api.graphql.reading import LinkedList
from crm_api.graphql.types.node import Record
from crm_core.access.records import OPEN_STATUSES, OWNER_FIELDS
from crm_projections.reading import Comparison, Operator, Order, Window

if TYPE_CHECKING:
    from crm_api.graphql.types.customer import Customer
    from crm_api.graphql.types.opportunity import Opportunity
    from crm_api.graphql.types.task import Task
    from crm_api.graphql.types.ticket import Ticket
    from crm_api.graphql.types.user import User

__all__ = ["HandOver", "OwnedRecords"]


@strawberry.type(
    description="The open records of a user, of each kind that is given to users, as far as you may"
    " see them: what has to be handed over before the user is deactivated. Null where you may not"
    " see any of the kind, and on a user as of the past."
)
class OwnedRecords:
    of: strawberry.Private[Record]

    @resolver("Customers that are active.")
    async def customers(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Annotated[Customer, strawberry.lazy("crm_api.graphql.types.customer")]] | None:
        window = window_of(first, after, last, before)
        return await _open(info, "customer", self.of, window)

    @resolver("Opportunities that are open or on hold.")
    async def opportunities(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> (
        Connection[Annotated[Opportunity, strawberry.lazy("crm_api.graphql.types.opportunity")]]
        | None
    ):
        window = window_of(first, after, last, before)
        return await _open(info, "opportunity", self.of, window)

    @resolver("Tickets that are neither resolved nor over in another way.")
    async def tickets(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Annotated[Ticket, strawberry.lazy("crm_api.graphql.types.ticket")]] | None:
        window = window_of(first, after, last, before)
        return await _open(info, "ticket", self.of, window)

    @resolver("Tasks that are neither done nor cancelled.")
    async def tasks(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Annotated[Task, strawberry.lazy("crm_api.graphql.types.task")]] | None:
        window = window_of(first, after, last, before)
        return await _open(info, "task", self.of, window)


@strawberry.type(
    description="Where the open records of a user who left go. How far that is, `ownedRecords` of"
    " the user tells: its counts go down to 0."
)
class HandOver:
    of: strawberry.Private[Record]
    ticket_queue: str | None = strawberry.field(
        description="The queue that tickets wait in; null where they go to the successor."
    )
    is_completed: bool = strawberry.field(
        description="Whether all has been handed over. What is opened again later still follows."
    )

    @resolver("Who was named to follow; null where all that was owned were tickets.")
    async def successor(
        self, info: Info
    ) -> Annotated[User, strawberry.lazy("crm_api.graphql.types.user")] | None:
        from crm_api.graphql.types.user import USER

        successor_id = self.of.row.successor_id
        return cast("User | None", await linked(info, USER, successor_id, self.of.as_of))


async def _open(info: Info, kind: str, user: Record, window: Window) -> Connection[Any] | None:
    reads = LinkedList(kind, OWNER_FIELDS[kind], Order("created_at"))
    is_open = Comparison("status", Operator.IN, OPEN_STATUSES[kind])
    return await linked_list(info, reads, user, window, is_open, None)
