"""Asking for bulk operations."""

from __future__ import annotations

from typing import cast

import strawberry

from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.types.bulk_operation import BULK_OPERATION, BulkOperation

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
