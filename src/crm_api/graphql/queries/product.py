"""Asking for products."""

from __future__ import annotations

from typing import cast

import strawberry

from crm_api.graphql.arguments.product import ProductOrder, ProductWhere
from crm_api.graphql.as_of import AsOfArgument, EffectiveAt, MinPosition, as_of_from
from crm_api.graphql.connection import After, Before, Connection, First, Last, window_of
from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.filters import filter_of, order_of
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.links import listed
from crm_api.graphql.reading import Listed, One
from crm_api.graphql.types.product import PRODUCT, Product
from crm_projections.reading import Order

__all__ = ["ProductQueries"]


LISTED = Listed("product", Order("code"))


@strawberry.type
class ProductQueries:
    @resolver("A product; null where there is none.", reads=One("product"))
    async def product(
        self,
        info: Info,
        id: strawberry.ID,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Product | None:
        context = await require(info, "product", min_position=min_position)
        product_id, past = required_uuid(id, "Product"), as_of_from(as_of, effective_at)
        return cast("Product | None", await context.loaders.record(PRODUCT, product_id, past))

    @resolver("Products, by their codes unless ordered otherwise.", reads=LISTED)
    async def products(
        self,
        info: Info,
        where: ProductWhere | None = strawberry.UNSET,
        order_by: list[ProductOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Connection[Product] | None:
        await require(info, "product", min_position=min_position)
        window = window_of(first, after, last, before)
        order = order_of(order_by, LISTED.order)
        return await listed(info, PRODUCT, window, filter_of(where), order)
