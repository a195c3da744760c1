"""Events as they are recorded: from a position on, without a gap, without a double."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from time import monotonic
from typing import Annotated

import strawberry
from prometheus_client import Gauge

from crm_api.graphql.context import Context, Info
from crm_api.graphql.fields import follower
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.queries.event import RecordIdArgument, selection_of
from crm_api.graphql.scalars import Position
from crm_api.graphql.types.bulk_operation import BULK_OPERATION, BulkOperation
from crm_api.graphql.types.event import EventRecord, sees_event
from crm_api.graphql.types.node import EventTypes
from crm_core import Denied, NotFound, Selection
from crm_core.exchange import BulkStatus

__all__ = ["Subscription"]

PAGE_EVENTS = 200  # what one subscriber holds in memory
# Then the token and the rights are looked at again. What another process has revoked is known here
# after a second: half a second more keeps well within the two seconds that are promised.
WAIT_SECONDS = 0.5

_OPEN = Gauge("crm_subscriptions_open", "Subscriptions that are being followed.")


@strawberry.type(description="What can be followed: graphql-transport-ws, graphql-sse, multipart.")
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
        if (await context.rights()).is_nothing:
            raise Denied("event.read")
        crm = context.services.crm
        start = await crm.position() if after is None or after is strawberry.UNSET else after
        following = crm.subscribe(
            selection_of(types, record_id), after=start, page_events=PAGE_EVENTS
        )
        with _OPEN.track_inprogress():
            while True:
                page = await following.next_page(seconds=WAIT_SECONDS)
                looked_at = await _look_at_rights(context)
                for event in page:
                    if monotonic() - looked_at > WAIT_SECONDS:  # a page can take a slow reader long
                        looked_at = await _look_at_rights(context)
                    if await sees_event(context, event.record_type, event.record_id):
                        yield EventRecord.of(event)

    @follower(
        "A bulk operation as it is, and again when it has moved on, until it has ended. Ends when"
        " the token does."
    )
    async def bulk_operation_progress(
        self, info: Info, id: strawberry.ID
    ) -> AsyncGenerator[BulkOperation, None]:
        context, operation_id = info.context, required_uuid(id, "BulkOperation")
        following = context.services.crm.subscribe(Selection(stream_id=operation_id))
        with _OPEN.track_inprogress():
            while True:
                page = await following.next_page(seconds=WAIT_SECONDS)
                await context.present_rights()  # raises once the token is over
                present = context.for_operation()  # with nothing that was read before
                shown = await present.loaders.folded(BULK_OPERATION, operation_id)
                if not isinstance(shown, BulkOperation):
                    raise NotFound("bulk_operation", operation_id)
                if page:
                    yield shown
                if shown.row.status is not BulkStatus.RUNNING:
                    return


async def _look_at_rights(context: Context) -> float:
    """When they were looked at. Raises Denied where nothing is left of them, and Refused
    `auth.required` once the token is over.
    """
    if (await context.present_rights()).is_nothing:
        raise Denied("event.read")
    return monotonic()
