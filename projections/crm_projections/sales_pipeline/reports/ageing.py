"""What is getting old in the pipelines, and what has slipped?"""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

from msgspec import Struct

from crm_projections.reporting import STEPS_TAKEN, Chart, Report, in_days, in_period
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.reports.question import (
    ANY_GROUP,
    DEALS,
    SalesQuestion,
)

__all__ = ["AGEING", "PipelineAgeingRow"]


class PipelineAgeingRow(Struct, frozen=True, kw_only=True):
    """The open opportunities of one stage and currency; in days of 24 hours.

    Ages are since the opening, `mean_stage_days` is since the stage was entered. `slipped` are
    those whose expected closing is a day of the past, `postponed` those whose expected closing was
    moved to a later day at least once, `postponements` how often that was done.
    """

    key: str | None
    pipeline_id: UUID
    stage_id: str
    currency: str
    deals: int
    amount: Decimal
    mean_age_days: float
    median_age_days: float
    oldest_age_days: float
    mean_stage_days: float
    slipped: int
    slipped_amount: Decimal
    postponed: int
    postponements: int


def _since(moment: str) -> str:
    return f"greatest(extract(epoch from %(until)s::timestamptz - {moment}), 0)"


def _sql(question: SalesQuestion) -> str:
    return f"""
        select key, pipeline_id, stage_id, currency, count(*) as deals,
               coalesce(sum(amount), 0) as amount,
               {in_days("avg(age)")} as mean_age_days,
               {in_days("percentile_cont(0.5) within group (order by age::float8)")}
                   as median_age_days,
               {in_days("max(age)")} as oldest_age_days,
               {in_days("avg(stage_age)")} as mean_stage_days,
               count(*) filter (where slipped) as slipped,
               coalesce(sum(amount) filter (where slipped), 0) as slipped_amount,
               count(times) as postponed, coalesce(sum(times), 0)::bigint as postponements
          from (
            select opportunity_id, {question.key("opened_at")} as key, pipeline_id, stage_id,
                   currency, amount,
                   {_since("opened_at")} as age, {_since("stage_entered_at")} as stage_age,
                   close_date < (%(until)s::timestamptz at time zone %(time_zone)s)::date
                       as slipped
              from ({DEALS}) as deal
             where status in ('OPEN', 'ON_HOLD') and {in_period("opened_at")}) as deal
          left join (
            select opportunity_id, count(*) as times from read_model.opportunity_step
             where {STEPS_TAKEN} and kind = 'POSTPONED' group by 1) as postponing
               using (opportunity_id)
         group by 1, 2, 3, 4
         order by 1, 2, stage_id collate "C", currency collate "C"
        """


AGEING: Final = Report(
    name="ageing",
    title="Ageing and slippage",
    definition="Deals: each opportunity that was open or held, once. It has slipped if the day it"
    " was expected to close on is before the day of the report, in the time zone of the question;"
    " one without an expected day has not.",
    period_of="the opening",
    kind="opportunity",
    kept_by=SalesPipeline,
    question=SalesQuestion,
    row=PipelineAgeingRow,
    sql=_sql,
    chart=Chart(across="stage", up="mean_age_days"),
    groups=ANY_GROUP,
)
