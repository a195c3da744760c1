"""Asking for bulk operations."""

from __future__ import annotations

from typing import cast

import strawberry

from crm_api.graphql.arguments.bulk import BulkOperationOrder, BulkOperationWhere
from crm_api.graphql.as_of import MinPosition
from crm_api.graphql.connection import After, Before, Connection, First, Last, window_of
from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.filters import filter_of, order_of
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.links import folded_list
from crm_api.graphql.types.bulk_operation import BULK_OPERATION, BulkOperation
from crm_projections.bulk_list.projection import BULK_OPERATIONS
from crm_projections.reading import Order

__all__ = ["BulkQueries"]


@strawberry.type
class BulkQueries:
    @resolver("A bulk operation, how far it is and how it ended; null where there is none.")
    async def bulk_operation(self, info: Info, id: strawberry.ID) -> BulkOperation | None:
        context = await require(info, "bulk_operation")
        operation_id = required_uuid(id, "BulkOperation")
        return cast(
            "BulkOperation | None", await context.loaders.record(BULK_OPERATION, operation_id)
        )

    @resolver("Bulk operations, the latest first unless ordered otherwise: your own, or all.")
    async def bulk_operations(
        self,
        info: Info,
        where: BulkOperationWhere | None = strawberry.UNSET,
        order_by: list[BulkOperationOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Connection[BulkOperation] | None:
        await require(info, "bulk_operation", min_position=min_position)
        window = window_of(first, after, last, before)
        order = order_of(order_by, Order("created_at", descending=True))
        return await folded_list(
            info, BULK_OPERATION, BULK_OPERATIONS, window, filter_of(where), order
        )
