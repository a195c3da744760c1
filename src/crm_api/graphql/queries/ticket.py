"""Asking for tickets."""

from __future__ import annotations

from typing import cast

import strawberry

from crm_api.graphql.arguments.ticket import TicketBy, TicketOrder, TicketWhere
from crm_api.graphql.as_of import AsOfArgument, EffectiveAt, MinPosition, as_of_from
from crm_api.graphql.connection import After, Before, Connection, First, Last, window_of
from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.filters import filter_of, order_of
from crm_api.graphql.links import listed
from crm_api.graphql.naming import named
from crm_api.graphql.reading import Listed, One
from crm_api.graphql.types.ticket import TICKET, Ticket
from crm_projections.reading import Order

__all__ = ["TicketQueries"]


LISTED = Listed("ticket", Order("created_at", descending=True))


@strawberry.type
class TicketQueries:
    @resolver("A ticket; null where there is none.", reads=One("ticket"))
    async def ticket(
        self,
        info: Info,
        by: TicketBy,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Ticket | None:
        context = await require(info, "ticket", min_position=min_position)
        past = as_of_from(as_of, effective_at)
        ticket_id = await named(context.services.crm, by, "Ticket")
        if ticket_id is None:
            return None
        found = await context.loaders.record(TICKET, ticket_id, past)
        return cast("Ticket | None", found)

    @resolver("Tickets, the latest first unless ordered otherwise.", reads=LISTED)
    async def tickets(
        self,
        info: Info,
        where: TicketWhere | None = strawberry.UNSET,
        order_by: list[TicketOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Connection[Ticket] | None:
        await require(info, "ticket", min_position=min_position)
        window = window_of(first, after, last, before)
        order = order_of(order_by, LISTED.order)
        return await listed(info, TICKET, window, filter_of(where), order)
