"""Asking for customers."""

from __future__ import annotations

from typing import cast

import strawberry

from crm_api.graphql.arguments.customer import CustomerBy, CustomerOrder, CustomerWhere
from crm_api.graphql.as_of import AsOfArgument, EffectiveAt, MinPosition, as_of_from
from crm_api.graphql.connection import After, Before, Connection, First, Last, window_of
from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.filters import filter_of, order_of
from crm_api.graphql.links import listed
from crm_api.graphql.naming import named
from crm_api.graphql.reading import Listed, One
from crm_api.graphql.types.customer import CUSTOMER, Customer
from crm_projections.reading import Order

__all__ = ["CustomerQueries"]


LISTED = Listed("customer", Order("created_at", descending=True))


@strawberry.type
class CustomerQueries:
    @resolver(
        "A customer; null where there is none. A merged one says where to.", reads=One("customer")
    )
    async def customer(
        self,
        info: Info,
        by: CustomerBy,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Customer | None:
        context = await require(info, "customer", min_position=min_position)
        past = as_of_from(as_of, effective_at)
        customer_id = await named(context.services.crm, by, "Customer")
        if customer_id is None:
            return None
        found = await context.loaders.record(CUSTOMER, customer_id, past)
        return cast("Customer | None", found)

    @resolver("Customers of every status, the latest first unless ordered otherwise.", reads=LISTED)
    async def customers(
        self,
        info: Info,
        where: CustomerWhere | None = strawberry.UNSET,
        order_by: list[CustomerOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Connection[Customer] | None:
        await require(info, "customer", min_position=min_position)
        window = window_of(first, after, last, before)
        order = order_of(order_by, LISTED.order)
        return await listed(info, CUSTOMER, window, filter_of(where), order)
