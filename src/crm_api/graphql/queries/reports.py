"""Figures over many records, now and as they were believed at any past moment."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

import strawberry

from crm_api.graphql.as_of import (
    AsOfArgument,
    AsOfInput,
    EffectiveAt,
    MinPosition,
    as_of_from,
)
from crm_api.graphql.context import Context, Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.scalars import Position
from crm_api.graphql.types.reports import (
    PipelineCell,
    SalesFigures,
    SalesFiguresReport,
    SalesPipelineReport,
    TicketBacklogReport,
    TicketDurationReport,
)
from crm_core import AsOf, Invalid
from crm_projections.projection import Projection
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.reports import SalesGroup, pipeline_by_stage, sales_figures
from crm_projections.ticket_queue.projection import TicketQueue
from crm_projections.ticket_queue.reports import ticket_backlog, ticket_durations

__all__ = ["ReportQueries"]

From: TypeAlias = Annotated[
    datetime | None, strawberry.argument(description="From this moment on, itself included.")
]
To: TypeAlias = Annotated[
    datetime | None, strawberry.argument(description="Up to this moment, itself left out.")
]


_SALES, _TICKETS = SalesPipeline(), TicketQueue()


@strawberry.type
class ReportQueries:
    @resolver("What is in the pipelines, by stage, status and currency.")
    async def sales_pipeline_report(
        self,
        info: Info,
        owner_id: strawberry.ID | None = strawberry.UNSET,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> SalesPipelineReport | None:
        context = await require(info, "opportunity", min_position=min_position)
        past = await _past(context, _SALES, as_of, effective_at)
        cells = await pipeline_by_stage(
            context.services.pool,
            context.tenant_id,
            position=_position(past),
            moment=past.effective_at,
            owner_id=required_uuid(owner_id, "User") if owner_id else None,
        )
        return SalesPipelineReport(
            position=Position(_position(past)),
            cells=[PipelineCell.of(cell, past) for cell in cells],
        )

    @resolver(
        "What became of opportunities: won, lost, still open, the win rate, the cycle."
        " With `closedFrom` or `closedTo` only those closed in that time count."
    )
    async def sales_figures_report(
        self,
        info: Info,
        group: SalesGroup = SalesGroup.ALL,
        closed_from: From = strawberry.UNSET,
        closed_to: To = strawberry.UNSET,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> SalesFiguresReport | None:
        context = await require(info, "opportunity", min_position=min_position)
        past = await _past(context, _SALES, as_of, effective_at)
        figures = await sales_figures(
            context.services.pool,
            context.tenant_id,
            position=_position(past),
            moment=past.effective_at,
            group=group,
            closed_from=closed_from or None,
            closed_to=closed_to or None,
        )
        return SalesFiguresReport(
            position=Position(_position(past)), figures=[SalesFigures.of(row) for row in figures]
        )

    @resolver("How many tickets wait, by status and priority.")
    async def ticket_backlog_report(
        self,
        info: Info,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> TicketBacklogReport | None:
        context = await require(info, "ticket", min_position=min_position)
        past = await _past(context, _TICKETS, as_of, effective_at)
        cells = await ticket_backlog(
            context.services.pool,
            context.tenant_id,
            position=_position(past),
            moment=past.effective_at,
        )
        return TicketBacklogReport.of(_position(past), cells)

    @resolver("How long tickets take that were opened in a stretch of time.")
    async def ticket_duration_report(
        self,
        info: Info,
        opened_from: From = strawberry.UNSET,
        opened_to: To = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> TicketDurationReport | None:
        context = await require(info, "ticket", min_position=min_position)
        durations = await ticket_durations(
            context.services.pool,
            context.tenant_id,
            opened_from=opened_from or None,
            opened_to=opened_to or None,
        )
        return TicketDurationReport(
            tickets=durations.tickets,
            closed=durations.closed,
            mean_days=durations.mean_days,
            median_days=durations.median_days,
        )


async def _past(
    context: Context, kept_by: Projection, as_of: AsOfInput | None, effective_at: datetime | None
) -> AsOf:
    """The past that a report is of, as a position that its read model has reached.

    The present is what the read model shows by now, so asked again as of that position a report
    says the same. Raises Invalid for a version: only a single record has one.
    """
    asked = as_of_from(as_of, effective_at)
    if asked.version is not None:
        raise Invalid("as_of.version", "is of a single record; a report takes a position or a time")
    reached = min(
        (
            status.position
            for status in await context.services.runner.status()
            if (status.tenant_id, status.projection) == (context.tenant_id, kept_by.name)
        ),
        default=0,
    )
    if not as_of:
        return AsOf(position=reached, effective_at=asked.effective_at)
    crm = context.services.crm
    position = min(await crm.position(asked), await crm.position())
    if position > reached:
        await context.wait_for(Position(position))
    return AsOf(position=position, effective_at=asked.effective_at)


def _position(past: AsOf) -> int:
    assert past.position is not None
    return past.position
