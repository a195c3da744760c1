"""Asking for erasures."""

from __future__ import annotations

from typing import cast

import strawberry

from crm_api.graphql.as_of import AsOfArgument, EffectiveAt, MinPosition, as_of_from
from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.types.erasure import ERASURE, Erasure

__all__ = ["ErasureQueries"]


@strawberry.type
class ErasureQueries:
    @resolver("An erasure; null where there is none.")
    async def erasure(
        self,
        info: Info,
        id: strawberry.ID,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Erasure | None:
        context = await require(info, "erasure", min_position=min_position)
        erasure_id, past = required_uuid(id, "Erasure"), as_of_from(as_of, effective_at)
        return cast("Erasure | None", await context.loaders.record(ERASURE, erasure_id, past))
