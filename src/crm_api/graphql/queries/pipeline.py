"""Asking for pipelines."""

from __future__ import annotations

from typing import cast

import strawberry

from crm_api.graphql.as_of import AsOfArgument, EffectiveAt, MinPosition, as_of_from
from crm_api.graphql.connection import After, Before, Connection, First, Last, window_of
from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.links import listed
from crm_api.graphql.reading import Listed, One
from crm_api.graphql.types.pipeline import PIPELINE, Pipeline
from crm_projections.reading import All, Order

__all__ = ["PipelineQueries"]


LISTED = Listed("pipeline", Order("created_at"))


@strawberry.type
class PipelineQueries:
    @resolver("A pipeline; null where there is none.", reads=One("pipeline"))
    async def pipeline(
        self,
        info: Info,
        id: strawberry.ID,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Pipeline | None:
        context = await require(info, "pipeline", min_position=min_position)
        pipeline_id, past = required_uuid(id, "Pipeline"), as_of_from(as_of, effective_at)
        return cast("Pipeline | None", await context.loaders.record(PIPELINE, pipeline_id, past))

    @resolver("All pipelines, in the order in which they were defined.", reads=LISTED)
    async def pipelines(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Connection[Pipeline] | None:
        await require(info, "pipeline", min_position=min_position)
        window = window_of(first, after, last, before)
        return await listed(info, PIPELINE, window, All(), (LISTED.order,))
