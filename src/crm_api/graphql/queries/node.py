"""Fetching anything again by its id, as Relay does."""

from __future__ import annotations

import asyncio
from typing import cast

import strawberry

from crm_api.graphql.as_of import AsOfArgument, EffectiveAt, MinPosition, as_of_from
from crm_api.graphql.context import Info
from crm_api.graphql.errors import ErrorCode, Refused
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import parsed, required_uuid
from crm_api.graphql.reading import AnyNode
from crm_api.graphql.registry import kind_of_type
from crm_api.graphql.types.event import EventRecord, sees_event
from crm_api.graphql.types.node import Node
from crm_core import NOW, AsOf, CrmError, Rejected

__all__ = ["NodeQueries"]

IDS_MAX = 100


@strawberry.type
class NodeQueries:
    @resolver(
        "Whatever has this id; null where there is nothing, or nothing you may see.",
        reads=AnyNode(),
    )
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        # Relay's compiler takes no further arguments here; `nodes` has them.
        return await _node(info, id, NOW)

    @resolver("Several at once, at most 100, in the order of the ids; now or as of a past.")
    async def nodes(
        self,
        info: Info,
        ids: list[strawberry.ID],
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> list[Node | None]:
        if len(ids) > IDS_MAX:
            raise Rejected("paging.size_too_large", limit=IDS_MAX)
        await info.context.wait_for(min_position)
        past = as_of_from(as_of, effective_at)
        found = await asyncio.gather(*(_node(info, id, past) for id in ids), return_exceptions=True)
        for outcome in found:
            if isinstance(outcome, BaseException) and not isinstance(outcome, CrmError):
                raise outcome
        # An error in its place in the list is that item's error.
        return cast("list[Node | None]", found)


async def _node(info: Info, text: str, past: AsOf) -> Node | None:
    found = parsed(text)
    if found is not None and found.type_name == "EventRecord":
        return await _event(info, found.key, past)
    kind = None if found is None else kind_of_type(found.type_name)
    if found is None or kind is None:
        raise Refused(ErrorCode.BAD_ID, "id.malformed")
    record_id = required_uuid(text)
    if not (await info.context.rights()).allow(kind.name, "read"):
        return None
    return await info.context.loaders.record(kind, record_id, past)


async def _event(info: Info, position: str, past: AsOf) -> EventRecord | None:
    """The event, which never changes; None in a past that does not know it."""
    if not (position.isascii() and position.isdigit() and len(position) < 19 and int(position)):
        raise Refused(ErrorCode.BAD_ID, "id.malformed")
    crm = info.context.services.crm
    stored = await crm.store.ledger.page(
        crm.tenant_id, after=int(position) - 1, up_to=int(position), limit=1
    )
    if not stored:
        return None
    if not await sees_event(info.context, stored[0].stream_type, stored[0].stream_id):
        return None
    (event,) = await crm.store.decode(stored)
    return EventRecord.of(event) if past.includes(event) else None
