"""Asking for opportunities."""

from __future__ import annotations

from typing import cast

import strawberry

from crm_api.graphql.arguments.opportunity import OpportunityBy, OpportunityOrder, OpportunityWhere
from crm_api.graphql.as_of import AsOfArgument, EffectiveAt, MinPosition, as_of_from
from crm_api.graphql.connection import After, Before, Connection, First, Last, window_of
from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.filters import filter_of, order_of
from crm_api.graphql.links import listed
from crm_api.graphql.naming import named
from crm_api.graphql.reading import Listed, One
from crm_api.graphql.types.opportunity import OPPORTUNITY, Opportunity
from crm_projections.reading import Order

__all__ = ["OpportunityQueries"]


LISTED = Listed("opportunity", Order("created_at", descending=True))


@strawberry.type
class OpportunityQueries:
    @resolver("An opportunity; null where there is none.", reads=One("opportunity"))
    async def opportunity(
        self,
        info: Info,
        by: OpportunityBy,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Opportunity | None:
        context = await require(info, "opportunity", min_position=min_position)
        past = as_of_from(as_of, effective_at)
        opportunity_id = await named(context.services.crm, by, "Opportunity")
        if opportunity_id is None:
            return None
        found = await context.loaders.record(OPPORTUNITY, opportunity_id, past)
        return cast("Opportunity | None", found)

    @resolver("Opportunities, the latest first unless ordered otherwise.", reads=LISTED)
    async def opportunities(
        self,
        info: Info,
        where: OpportunityWhere | None = strawberry.UNSET,
        order_by: list[OpportunityOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Connection[Opportunity] | None:
        await require(info, "opportunity", min_position=min_position)
        window = window_of(first, after, last, before)
        order = order_of(order_by, LISTED.order)
        return await listed(info, OPPORTUNITY, window, filter_of(where), order)
