"""How far do opportunities get, by the cohort they were opened in?"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from msgspec import Struct

from crm_core.sales.opportunity.events import OpportunityStatus
from crm_projections.reporting import STEPS_TAKEN, Chart, Report, in_period
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.reports.question import (
    ANY_GROUP,
    DEALS,
    SalesQuestion,
)

__all__ = ["FUNNEL", "SalesFunnelRow"]


class SalesFunnelRow(Struct, frozen=True, kw_only=True):
    """A stage of a pipeline and the opportunities that ever entered it.

    `outcome` is OPEN for a stage on the way, WON or LOST for the end of it; an end that is no stage
    of its own has no `stage_id`. `cohort` is how many entered the pipeline, `reached` how many of
    them this stage, `share` the quotient, 0..1. `won` is how many of those that reached it are won
    as of then, `win_rate` the quotient.
    """

    key: str | None
    pipeline_id: UUID
    stage_id: str | None
    outcome: OpportunityStatus
    cohort: int
    reached: int
    share: float
    won: int
    win_rate: float


def _sql(question: SalesQuestion) -> str:
    return f"""
        with deal as (
            select opportunity_id, status, {question.key("opened_at")} as key
              from ({DEALS}) as deal where {in_period("opened_at")}
        ), entered as (
            select distinct opportunity_id, pipeline_id, stage_id,
                   case when kind in ('WON', 'LOST') then kind else 'OPEN' end as outcome
              from read_model.opportunity_step
             where {STEPS_TAKEN} and pipeline_id is not null
               and (%(pipeline_ids)s::uuid[] is null or pipeline_id = any(%(pipeline_ids)s))
        ), cohort as (
            select key, pipeline_id, count(distinct opportunity_id) as deals
              from deal join entered using (opportunity_id) group by 1, 2
        )
        select stage.key, stage.pipeline_id, stage_id, outcome, cohort.deals as cohort,
               reached, reached::float8 / cohort.deals as share,
               won, won::float8 / reached as win_rate
          from (select key, pipeline_id, stage_id, outcome, count(*) as reached,
                       count(*) filter (where status = 'WON') as won
                  from deal join entered using (opportunity_id) group by 1, 2, 3, 4) as stage
          join cohort on cohort.pipeline_id = stage.pipeline_id
               and cohort.key is not distinct from stage.key
         order by 1, 2, reached desc, outcome collate "C", stage_id collate "C"
        """


FUNNEL: Final = Report(
    name="funnel",
    title="Funnel and conversion by cohort",
    definition="Deals: an opportunity has reached a stage if it ever entered it, once however often"
    " it came back; stages that it jumped over it has not reached. The cohort of a group are those"
    " of its opportunities that ever entered the pipeline. Archived opportunities are left out.",
    period_of="the opening",
    kind="opportunity",
    kept_by=SalesPipeline,
    question=SalesQuestion,
    row=SalesFunnelRow,
    sql=_sql,
    chart=Chart(across="stage", up="reached", color="outcome"),
    groups=ANY_GROUP,
)
