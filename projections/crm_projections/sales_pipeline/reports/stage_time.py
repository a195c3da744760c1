"""How long do opportunities stay in each stage?"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from msgspec import Struct

from crm_core.sales.opportunity.events import OpportunityStatus
from crm_projections.reporting import Chart, Report, in_days, in_period
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.reports.question import ANY_GROUP, DEALS, SalesQuestion
from crm_projections.temporal import KNOWN_SQL

__all__ = ["STAGE_TIME", "StageTimeRow"]


class StageTimeRow(Struct, frozen=True, kw_only=True):
    """The opportunities that spent time in a stage; in days of 24 hours.

    `outcome` is OPEN for the time on the way, WON or LOST for the time between a closing and the
    reopening after it. `median_days` is the middle one, or the mean of the two in the middle;
    `p90_days` the nearest rank: the shortest time that nine of ten did not exceed.
    """

    key: str | None
    pipeline_id: UUID
    stage_id: str
    outcome: OpportunityStatus
    deals: int
    total_days: float
    mean_days: float
    median_days: float
    p90_days: float


def _sql(question: SalesQuestion) -> str:
    return f"""
        with deal as (
            select opportunity_id, {question.key("opened_at")} as key,
                   least(closed_at, %(until)s::timestamptz) as ended_at
              from ({DEALS}) as deal where {in_period("opened_at")}
        ), stay as (
            select opportunity_id, key, pipeline_id, stage_id,
                   case when status in ('WON', 'LOST') then status else 'OPEN' end as outcome,
                   sum(extract(epoch from least(effective_to, ended_at) - effective_from))
                       as seconds
              from deal
              join (select opportunity_id, pipeline_id, stage_id, status, effective_from,
                           effective_to
                      from read_model.opportunity_period where {KNOWN_SQL}) as stretch
                   using (opportunity_id)
             where effective_from < ended_at
             group by 1, 2, 3, 4, 5
        )
        select key, pipeline_id, stage_id, outcome, count(*) as deals,
               {in_days("sum(seconds)")} as total_days,
               {in_days("avg(seconds)")} as mean_days,
               {in_days("percentile_cont(0.5) within group (order by seconds::float8)")}
                   as median_days,
               {in_days("percentile_disc(0.9) within group (order by seconds)")} as p90_days
          from stay
         group by 1, 2, 3, 4
         order by 1, 2, outcome collate "C", stage_id collate "C"
        """


STAGE_TIME: Final = Report(
    name="stage-time",
    title="Time in stage",
    definition="Deals: for each opportunity the time it spent in a stage, in all its visits"
    " together. The times of one opportunity tile its life from the opening to the last closing, or"
    " to the moment of the report while it is open: without a gap, without an overlap, the time"
    " between a closing and the reopening after it included. A stage that was left at the moment it"
    " was entered took no time and is not counted. Archived opportunities are left out.",
    period_of="the opening",
    kind="opportunity",
    kept_by=SalesPipeline,
    question=SalesQuestion,
    row=StageTimeRow,
    sql=_sql,
    chart=Chart(across="stage", up="median_days", color="outcome"),
    groups=ANY_GROUP,
)
