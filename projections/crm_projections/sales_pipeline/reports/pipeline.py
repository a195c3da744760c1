"""What is in the pipelines, by stage?"""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

from msgspec import Struct

from crm_core.sales.opportunity.events import OpportunityStatus
from crm_projections.reporting import Chart, Report, in_period
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.reports.question import ANY_GROUP, DEALS, SalesQuestion

__all__ = ["PIPELINE", "SalesPipelineRow"]


class SalesPipelineRow(Struct, frozen=True, kw_only=True):
    """The opportunities of one stage, status and currency."""

    key: str | None
    pipeline_id: UUID
    stage_id: str
    status: OpportunityStatus
    currency: str
    deals: int
    without_amount: int
    amount: Decimal
    weighted: Decimal


def _sql(question: SalesQuestion) -> str:
    return f"""
        select {question.key("opened_at")} as key, pipeline_id, stage_id, status, currency,
               count(*) as deals,
               count(*) filter (where amount is null) as without_amount,
               coalesce(sum(amount), 0) as amount,
               coalesce(sum(round(amount * probability / 100, 4)), 0) as weighted
          from ({DEALS}) as deal
         where {in_period("opened_at")}
         group by 1, 2, 3, 4, 5
         order by 1, pipeline_id, stage_id collate "C", status collate "C", currency collate "C"
        """


PIPELINE: Final = Report(
    name="pipeline",
    title="Pipeline by stage",
    definition="Deals: each opportunity once, by the stage and status it had. `weighted` is each"
    " amount times the probability it had, to four digits; what has no amount counts as nothing in"
    " both. Archived opportunities are left out.",
    period_of="the opening",
    kind="opportunity",
    kept_by=SalesPipeline,
    question=SalesQuestion,
    row=SalesPipelineRow,
    sql=_sql,
    chart=Chart(across="stage", up="amount", color="status"),
    groups=ANY_GROUP,
)
