"""Asking what was done, and how far the read models are."""

from __future__ import annotations

import strawberry

from crm_api.graphql.arguments.audit import AuditOrder, AuditWhere
from crm_api.graphql.as_of import MinPosition
from crm_api.graphql.connection import After, Before, Connection, First, Last, page_of, window_of
from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.filters import filter_of, order_of
from crm_api.graphql.scalars import Position
from crm_api.graphql.types.audit import AuditEntry
from crm_core import Denied
from crm_projections.audit_trail.projection import AUDIT
from crm_projections.reading import Count, Order

__all__ = ["AuditQueries"]


@strawberry.type(description="How far a projection is behind the ledger.")
class ProjectionStatus:
    name: str
    version: int
    position: Position = strawberry.field(description="The last place it has looked at.")
    lag_events: int
    stopped_at: Position | None = strawberry.field(
        description="The event that it could not apply; it waits there for an operator."
    )


@strawberry.type(description="How far the read models are.")
class ProjectionsStatus:
    head: Position = strawberry.field(description="The last place in the ledger.")
    projections: list[ProjectionStatus]


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
    ) -> Connection[AuditEntry] | None:
        context = await require(info, "event", "audit", min_position=min_position)
        window = window_of(first, after, last, before)
        reads, filtered = context.services.reads, filter_of(where)
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
            status
            for status in await context.services.runner.status()
            if status.tenant_id == context.tenant_id
        ]
        return ProjectionsStatus(
            head=Position(max((status.head for status in statuses), default=0)),
            projections=[
                ProjectionStatus(
                    name=status.projection,
                    version=status.version,
                    position=Position(status.position),
                    lag_events=status.lag_events,
                    stopped_at=None if status.stopped_at is None else Position(status.stopped_at),
                )
                for status in statuses
            ],
        )
