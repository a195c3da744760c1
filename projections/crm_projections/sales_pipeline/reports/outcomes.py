"""Why are opportunities won and lost, and to whom?"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import Struct

from crm_core.sales.opportunity.events import OpportunityStatus
from crm_projections.reporting import STEPS_TAKEN, Chart, Report, in_period
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.reports.question import (
    ANY_GROUP,
    DEALS,
    SalesQuestion,
)

__all__ = ["OUTCOMES", "SalesOutcomesRow"]


class SalesOutcomesRow(Struct, frozen=True, kw_only=True):
    """One outcome, reason, competitor and currency.

    `deals` and `amount` are of the opportunities that stood so as of then, `events` is how often
    opportunities came to stand so.
    """

    key: str | None
    outcome: OpportunityStatus
    lost_reason: str | None
    lost_to: str | None
    currency: str
    deals: int
    events: int
    amount: Decimal


def _sql(question: SalesQuestion) -> str:
    return f"""
        with deal as not materialized ({DEALS})
        select key, outcome, lost_reason, lost_to, currency, sum(deals)::bigint as deals,
               sum(events)::bigint as events, coalesce(sum(amount), 0) as amount
          from (
            select {question.key("closed_at")} as key, status as outcome, lost_reason, lost_to,
                   currency, 1 as deals, 0 as events, amount
              from deal
             where status in ('WON', 'LOST') and {in_period("closed_at")}
            union all
            select {question.key("happened_at")}, kind, step.lost_reason, step.lost_to,
                   currency, 0, 1, 0
              from deal
              join (select opportunity_id, kind, happened_at, lost_reason, lost_to
                      from read_model.opportunity_step
                     where {STEPS_TAKEN} and kind in ('WON', 'LOST')) as step
                   using (opportunity_id)
             where {in_period("happened_at")}) as counted
         group by 1, 2, 3, 4, 5
         order by 1, outcome collate "C" desc, deals desc, events desc, lost_reason collate "C",
                  lost_to collate "C", currency collate "C"
        """


OUTCOMES: Final = Report(
    name="outcomes",
    title="Won and lost, by reason and competitor",
    definition="Both definitions side by side. `deals`, won and lost deals: each opportunity once,"
    " by how it stood. `events`, win and loss events: each time that one was won or lost, so one"
    " that was won, reopened and won again is one won deal and two win events. Archived"
    " opportunities are left out of both.",
    period_of="the closing of a deal, or the event",
    kind="opportunity",
    kept_by=SalesPipeline,
    question=SalesQuestion,
    row=SalesOutcomesRow,
    sql=_sql,
    chart=Chart(across="lost_reason", up="deals", color="outcome"),
    groups=ANY_GROUP,
)
