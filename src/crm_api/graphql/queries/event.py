"""The feed of events, for consumers and for auditors."""

from __future__ import annotations

from typing import Annotated

import strawberry

from crm_api.graphql.connection import Connection, Edge, First, connected, window_of
from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.types.event import EventRecord
from crm_api.graphql.types.node import EventTypes
from crm_core import Rejected, Selection

__all__ = ["EventQueries", "RecordIdArgument", "position_of", "selection_of"]

RecordIdArgument = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only events of this record.")
]


@strawberry.type
class EventQueries:
    @resolver(
        "The feed of all events, in the order of the ledger: consumers read it from a"
        " position on, and miss nothing. For those who may read events: auditors, administrators."
    )
    async def events(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: Annotated[
            str | None,
            strawberry.argument(description="A cursor of this feed, or simply a position."),
        ] = strawberry.UNSET,
        types: EventTypes = strawberry.UNSET,
        record_id: RecordIdArgument = strawberry.UNSET,
    ) -> Connection[EventRecord] | None:
        context = await require(info, "event")
        context.matters()
        window = window_of(first, after, None, None)
        start = position_of(window.after)
        crm = context.services.crm
        stored = await crm.store.ledger.page(
            crm.tenant_id,
            after=start,
            limit=window.size + 1,
            selection=selection_of(types, record_id),
        )
        found = await crm.store.decode(stored)
        edges = [
            Edge(cursor=str(event.position), node=EventRecord.of(event))
            for event in found[: window.size]
        ]
        return connected(edges, len(found) > window.size, start > 0, None)


def selection_of(types: list[str] | None, record_id: str | None) -> Selection:
    """What the arguments of a feed select; an empty list of types counts as none given."""
    return Selection(types=types or None, stream_id=required_uuid(record_id) if record_id else None)


def position_of(cursor: str | None) -> int:
    """The position after which a page begins. Raises Rejected `paging.bad_cursor`."""
    if cursor is None:
        return 0
    if cursor.isascii() and cursor.isdigit() and len(cursor) < 19:
        return int(cursor)
    raise Rejected("paging.bad_cursor")
