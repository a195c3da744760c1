"""Figures in answers. Amounts of different currencies are never added: there is a row for each."""

from __future__ import annotations

from typing import Any, Self, cast

import strawberry

from crm_api.graphql.context import Info
from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.links import linked
from crm_api.graphql.scalars import CurrencyCode, Position
from crm_api.graphql.types.money import MoneyAmount
from crm_api.graphql.types.pipeline import PIPELINE, Pipeline, Stage
from crm_core import AsOf
from crm_core.sales.opportunity.events import OpportunityStatus
from crm_core.service.ticket.events import TicketPriority, TicketStatus
from crm_projections.sales_pipeline import reports as sales
from crm_projections.ticket_queue import reports as tickets

__all__ = [
    "BacklogCell",
    "PipelineCell",
    "SalesFigures",
    "SalesFiguresReport",
    "SalesPipelineReport",
    "TicketBacklogReport",
    "TicketDurationReport",
]

for _enum in (OpportunityStatus, TicketPriority, TicketStatus, sales.SalesGroup):
    graphql_enum(_enum)

_AS_OF = "What was recorded up to this place in the ledger."


@strawberry.type(description="The opportunities of one stage, status and currency.")
class PipelineCell:
    stage_id: str
    status: OpportunityStatus
    deals: int
    amount: MoneyAmount
    weighted: MoneyAmount = strawberry.field(description="Each amount times its probability.")
    cell: strawberry.Private[sales.PipelineCell]
    as_of: strawberry.Private[AsOf]

    @classmethod
    def of(cls, cell: sales.PipelineCell, as_of: AsOf) -> Self:
        code = CurrencyCode(cell.currency)
        return cls(
            stage_id=cell.stage_id,
            status=cell.status,
            deals=cell.deals,
            amount=MoneyAmount(amount=cell.amount, currency_code=code),
            weighted=MoneyAmount(amount=cell.weighted, currency_code=code),
            cell=cell,
            as_of=as_of,
        )

    @resolver("The pipeline that the stage is of.")
    async def pipeline(self, info: Info) -> Pipeline | None:
        found = await linked(info, PIPELINE, self.cell.pipeline_id, self.as_of)
        return cast("Pipeline | None", found)

    @resolver("The stage, if the pipeline has it then.")
    async def stage(self, info: Info) -> Stage | None:
        pipeline: Any = await linked(info, PIPELINE, self.cell.pipeline_id, self.as_of)
        stages = pipeline.row.stages if pipeline else ()
        return next((stage for stage in stages if stage.id == self.stage_id), None)


@strawberry.type(description="What is in the pipelines; archived opportunities are left out.")
class SalesPipelineReport:
    position: Position = strawberry.field(description=_AS_OF)
    cells: list[PipelineCell]


@strawberry.type(description="What became of opportunities, per group and currency.")
class SalesFigures:
    key: str | None = strawberry.field(
        description="The group: an id, a code or its first day; null for ALL, and for none."
    )
    open: int
    won: int
    lost: int
    won_amount: MoneyAmount
    win_rate: float | None = strawberry.field(
        description="Won divided by won and lost, 0 to 1; null without either."
    )
    cycle_days: float | None = strawberry.field(
        description="From opening to winning, on average, in days of 24 hours."
    )

    @classmethod
    def of(cls, figures: sales.SalesFigures) -> Self:
        return cls(
            key=figures.key,
            open=figures.open,
            won=figures.won,
            lost=figures.lost,
            won_amount=MoneyAmount(
                amount=figures.won_amount, currency_code=CurrencyCode(figures.currency)
            ),
            win_rate=figures.win_rate,
            cycle_days=figures.cycle_days,
        )


@strawberry.type(description="Best group first: by the amount won.")
class SalesFiguresReport:
    position: Position = strawberry.field(description=_AS_OF)
    figures: list[SalesFigures]


@strawberry.type(description="How many tickets were in a status, at a priority.")
class BacklogCell:
    status: TicketStatus
    priority: TicketPriority
    tickets: int


@strawberry.type(description="Tickets by status and priority.")
class TicketBacklogReport:
    position: Position = strawberry.field(description=_AS_OF)
    cells: list[BacklogCell]

    @classmethod
    def of(cls, position: int, cells: list[tickets.BacklogCell]) -> Self:
        return cls(
            position=Position(position),
            cells=[
                BacklogCell(status=cell.status, priority=cell.priority, tickets=cell.tickets)
                for cell in cells
            ],
        )


@strawberry.type(
    description="How long tickets take, from their first to their last activity, in days of 24"
    " hours."
)
class TicketDurationReport:
    tickets: int
    closed: int = strawberry.field(description="How many were closed at least once.")
    mean_days: float | None
    median_days: float | None
