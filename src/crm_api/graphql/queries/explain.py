"""Asking why a field has its value."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import strawberry
from graphql.pyutils import camel_to_snake

from crm_api.graphql.as_of import AsOfArgument, EffectiveAt, as_of_from
from crm_api.graphql.context import Info
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.queries.diff import hidden_fields
from crm_api.graphql.types.event import sees_event
from crm_api.graphql.types.explain import ExplanationTree
from crm_core import Step

__all__ = ["ExplainQueries"]


@strawberry.type
class ExplainQueries:
    @resolver(
        "Why a field has its value: the event that set it, the command and the user or rule behind"
        " it, and what led to that; null where there is no record, or none that you may see."
    )
    async def explain(
        self,
        info: Info,
        id: strawberry.ID,
        field: Annotated[
            str, strawberry.argument(description="As `diff` and `provenance` name it: camel case.")
        ],
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
    ) -> ExplanationTree | None:
        record_id, past = required_uuid(id), as_of_from(as_of, effective_at)
        context = info.context
        # Whose record it is comes first: a wrong field must not tell that there is a record.
        events = await context.loaders.history(record_id, past)
        if not events:
            return None
        found = await context.services.crm.explain(record_id, camel_to_snake(field), past)
        hidden = await hidden_fields(info, found.record_type, record_id)
        step = None if found.step is None else await _in_sight(info, found.step)
        return ExplanationTree.of(replace(found, step=step), withheld=found.field in hidden)


async def _in_sight(info: Info, step: Step) -> Step:
    """The chain up to the first event that the reader may not see."""
    cause = step.cause
    if cause is None or not await sees_event(
        info.context, cause.event.record_type, cause.event.record_id
    ):
        return Step(step.event, None)
    return Step(step.event, await _in_sight(info, cause))
