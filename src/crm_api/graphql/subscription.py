"""Events as they are recorded: from a position on, without a gap, without a double."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from crm_api.graphql.context import Context, Info
from crm_api.graphql.fields import follower
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.queries.event import RecordIdArgument
from crm_api.graphql.registry import kind_of_topic
from crm_api.graphql.scalars import Position
from crm_api.graphql.types.event import EventRecord
from crm_api.graphql.types.node import EventTypes
from crm_core import Denied, RecordedEvent
from crm_core.access.rights import Rights

__all__ = ["Subscription"]

PAGE_EVENTS = 200  # what one subscriber holds in memory
WAIT_SECONDS = 10.0  # then the token and the rights are looked at again


@strawberry.type(description="What can be followed, over graphql-transport-ws.")
class Subscription:
    @follower(
        "Every event that you may see, in the order of the ledger: what was recorded"
        " after the position, then what is being recorded. To go on after a broken connection, give"
        " the position of the last event you have. Ends when the token does."
    )
    async def events(
        self,
        info: Info,
        after: Annotated[
            Position | None,
            strawberry.argument(description="Where to start; from now on, if nothing is given."),
        ] = strawberry.UNSET,
        types: EventTypes = strawberry.UNSET,
        record_id: RecordIdArgument = strawberry.UNSET,
    ) -> AsyncGenerator[EventRecord, None]:
        context = info.context
        if not (await context.rights()).actions:
            raise Denied("event.read")
        crm = context.services.crm
        record = required_uuid(record_id) if record_id else None
        start = await crm.position() if after is None or after is strawberry.UNSET else after
        async for event in _followed(context, start, tuple(types) if types else None, record):
            yield EventRecord.of(event)


async def _followed(
    context: Context, position: int, types: Sequence[str] | None, record_id: UUID | None
) -> AsyncIterator[RecordedEvent]:
    """The events after a position, for ever. Raises Refused once the token is over."""
    crm = context.services.crm
    while True:
        # Positions become visible in order, so all that lies up to the head is there to be read.
        head = await crm.position()
        if head > position:
            async for page in _pages(context, position, head, types, record_id):
                rights = await context.present_rights()
                for event in page:
                    if _is_visible(event, rights):
                        yield event
            position = head
        await context.present_rights()
        await crm.store.ledger.wait(crm.tenant_id, after=position, seconds=WAIT_SECONDS)


async def _pages(
    context: Context, after: int, head: int, types: Sequence[str] | None, record_id: UUID | None
) -> AsyncIterator[list[RecordedEvent]]:
    crm = context.services.crm
    if record_id is None:
        async for page in crm.store.pages(
            crm.tenant_id, after=after, up_to=head, types=types, page_events=PAGE_EVENTS
        ):
            yield page
        return
    stored = await crm.store.ledger.stream(crm.tenant_id, [record_id], up_to=head)
    yield await crm.store.decode(
        [
            event
            for event in stored
            if event.position > after and (types is None or event.type in types)
        ]
    )


def _is_visible(event: RecordedEvent, rights: Rights) -> bool:
    """An event may be seen by whoever may see its record, and by who may read all events."""
    if rights.allow("event", "read"):
        return True
    kind = kind_of_topic(event.record_type)
    return kind is not None and rights.allow(kind.name, "read")
