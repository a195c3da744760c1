"""Asking what was done, and how far the read models are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from crm_api.graphql.arguments.audit import AuditOrder, AuditWhere
from crm_api.graphql.as_of import MinPosition
from crm_api.graphql.connection import After, Before, Connection, First, Last, page_of, window_of
from crm_api.graphql.context import Context, Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.filters import filter_of, order_of
from crm_api.graphql.scalars import Position
from crm_api.graphql.types.audit import AuditEntry
from crm_core import Denied
from crm_projections import status
from crm_projections.audit_trail.projection import AUDIT
from crm_projections.audit_trail.search import NAMED_KINDS, names_of_users, search_filter
from crm_projections.reading import All, Count, Order
from crm_projections.status import Skip, Status

__all__ = ["AuditQueries"]


@strawberry.type(description="An event that an operator decided to leave out of a projection.")
class ProjectionSkip:
    position: Position
    event_type: str
    error: str = strawberry.field(description="The kind of error that stopped the projection.")
    reason: str
    decided_by: str
    decided_at: datetime

    @classmethod
    def of(cls, skip: Skip) -> ProjectionSkip:
        return cls(
            position=Position(skip.position),
            event_type=skip.event_type,
            error=skip.error,
            reason=skip.reason,
            decided_by=skip.decided_by,
            decided_at=skip.decided_at,
        )


@strawberry.type(description="How far new tables are filled that will take over.")
class RebuildProgress:
    version: int = strawberry.field(description="Of the projection that fills them.")
    position: Position = strawberry.field(description="About how many events are done.")
    head: Position
    events_per_second: float
    seconds_left: float | None = strawberry.field(description="At the rate so far.")

    @classmethod
    def of(cls, progress: status.RebuildProgress) -> RebuildProgress:
        return cls(
            version=progress.version,
            position=Position(progress.position),
            head=Position(progress.head),
            events_per_second=progress.events_per_second,
            seconds_left=progress.seconds_left,
        )


@strawberry.type(description="How far a projection is behind the ledger.")
class ProjectionStatus:
    name: str
    version: int
    position: Position = strawberry.field(description="The last place it has looked at.")
    lag_events: int
    lag_seconds: float = strawberry.field(
        description="The age of the first event that it does not show yet; 0 if it shows all."
    )
    stopped_at: Position | None = strawberry.field(
        description="The event that it could not apply; it waits there for an operator."
    )
    stopped_type: str | None = strawberry.field(description="The type of that event.")
    stopped_by: str | None = strawberry.field(description="The kind of error.")
    skips: list[ProjectionSkip] = strawberry.field(
        description="Events that it leaves out by decision, in rebuilds too."
    )
    rebuild: RebuildProgress | None = strawberry.field(
        description="New tables beside the ones that serve, while they are filled."
    )

    @classmethod
    def of(cls, at: Status) -> ProjectionStatus:
        return cls(
            name=at.projection,
            version=at.version,
            position=Position(at.position),
            lag_events=at.lag_events,
            lag_seconds=at.lag_seconds,
            stopped_at=None if at.stopped_at is None else Position(at.stopped_at),
            stopped_type=at.stopped_type,
            stopped_by=at.stopped_by,
            skips=[ProjectionSkip.of(skip) for skip in at.skips],
            rebuild=None if at.rebuild is None else RebuildProgress.of(at.rebuild),
        )


@strawberry.type(description="How far the read models are.")
class ProjectionsStatus:
    head: Position = strawberry.field(description="The last place in the ledger.")
    projections: list[ProjectionStatus]


Search = Annotated[
    str | None,
    strawberry.argument(
        description="Words, each of which must be in the entry's type, reason or actor, or in the"
        " name of its record or user, as far as you see it: anywhere, in any case. The number at"
        " the end of a reason is found as a whole, after its colon. An id is found as that of the"
        " record, the subject, the command or the journey."
    ),
]


async def _names_of_users(context: Context) -> dict[UUID, str]:
    seen = (await context.rights()).reach("user").everything
    return await names_of_users(context.services.crm) if seen else {}


async def _named_kinds(context: Context) -> list[str]:
    """The kinds of which the reader sees every field: a search must not tell of a withheld one."""
    rights = await context.rights()
    return [kind for kind in NAMED_KINDS if not rights.withheld(kind)]


@strawberry.type
class AuditQueries:
    @resolver(
        "Who did what, the latest first unless ordered otherwise. For those who may audit events."
    )
    async def audit_trail(
        self,
        info: Info,
        where: AuditWhere | None = strawberry.UNSET,
        order_by: list[AuditOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
        search: Search = strawberry.UNSET,
    ) -> Connection[AuditEntry] | None:
        context = await require(info, "event", "audit", min_position=min_position)
        context.matters()
        window = window_of(first, after, last, before)
        reads, filtered = await context.loaders.reads(), filter_of(where)
        if search:
            kinds, users = await _named_kinds(context), await _names_of_users(context)
            filtered = All((filtered, await search_filter(reads, search, kinds, users)))
        order = order_of(order_by, Order("position", descending=True))

        async def counting() -> Count:
            return await reads.count(AUDIT, filtered)

        page = await reads.page(AUDIT, window, where=filtered, order=order)
        return page_of(page, AuditEntry.of, counting)

    @resolver("How far each read model is behind the ledger.")
    async def projection_status(self, info: Info) -> ProjectionsStatus | None:
        context = info.context
        if (await context.rights()).is_nothing:
            raise Denied("projection.read")
        statuses = [
            at for at in await context.services.runner.status() if at.tenant_id == context.tenant_id
        ]
        return ProjectionsStatus(
            head=Position(max((at.head for at in statuses), default=0)),
            projections=[ProjectionStatus.of(at) for at in statuses],
        )
