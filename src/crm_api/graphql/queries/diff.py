"""Asking what changed in a record."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from crm_api.graphql.as_of import PastInput
from crm_api.graphql.context import Info
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.registry import kind_of_topic
from crm_api.graphql.types.diff import RecordDifference
from crm_api.graphql.types.interaction import INTERACTION, words_are_hidden
from crm_api.withheld import SECRETS
from crm_core import NOW, NotFound
from crm_core.access.records import kind_of
from crm_core.kernel.aggregate import AGGREGATE_CLASSES, state_parts

__all__ = ["DiffQueries", "hidden_fields"]


@strawberry.type
class DiffQueries:
    @resolver(
        "What differs in a record between two pasts, field by field, with the events that made it"
        " so; null where there is no record in either, or none that you may see."
    )
    async def diff(
        self,
        info: Info,
        id: strawberry.ID,
        from_: Annotated[PastInput, strawberry.argument(name="from", description="One past.")],
        to: Annotated[
            PastInput | None,
            strawberry.argument(description="The other; the present, if none is given."),
        ] = strawberry.UNSET,
    ) -> RecordDifference | None:
        record_id = required_uuid(id)
        before, after = from_.as_of_past(), to.as_of_past() if to else NOW
        try:
            found = await info.context.services.crm.diff(record_id, before, after)
        except NotFound:
            return None
        kind = kind_of_topic(found.record_type)
        loaders = info.context.loaders
        if kind is None or not await loaders.sees(kind.name, record_id):
            return None
        return RecordDifference.of(found, await hidden_fields(info, found.record_type, record_id))


async def hidden_fields(info: Info, record_type: str, record_id: UUID) -> frozenset[str]:
    """The fields that the reader may not see; all of them, where some are withheld."""
    if not await info.context.loaders.sees_all_of(kind_of(record_type), record_id):
        return frozenset(state_parts(AGGREGATE_CLASSES[record_type]))
    is_interaction = record_type == INTERACTION.aggregate.TOPIC
    if is_interaction and await words_are_hidden(info, record_id):
        return SECRETS | {"content", "original"}
    return SECRETS
