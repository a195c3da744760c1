"""What will be sold in a stretch of time, as far as can be told?"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import Struct

from crm_core.sales.pipeline.events import ForecastCategory
from crm_projections.reporting import Chart, Report, in_period
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.reports.question import ANY_GROUP, DEALS, SalesQuestion

__all__ = ["FORECAST", "SalesForecastRow"]


class SalesForecastRow(Struct, frozen=True, kw_only=True):
    """The opportunities of one forecast category and currency; CLOSED are those that were won."""

    key: str | None
    forecast_category: ForecastCategory
    currency: str
    deals: int
    without_amount: int
    amount: Decimal
    weighted: Decimal


_DUE = """(case status when 'WON' then closed_at
                else close_date::timestamp at time zone %(time_zone)s end)"""


def _sql(question: SalesQuestion) -> str:
    return f"""
        select {question.key(_DUE)} as key, forecast_category, currency,
               count(*) as deals,
               count(*) filter (where amount is null) as without_amount,
               coalesce(sum(amount), 0) as amount,
               coalesce(sum(round(amount * probability / 100, 4)), 0) as weighted
          from ({DEALS}) as deal
         where status <> 'LOST' and {in_period(_DUE)}
         group by 1, 2, 3
         order by 1, forecast_category collate "C", currency collate "C"
        """


FORECAST: Final = Report(
    name="forecast",
    title="Weighted forecast",
    definition="Deals: won ones by the day they were won, open and held ones by the day they are"
    " expected to close, each once. `weighted` is each amount times its probability, to four"
    " digits; for a won deal that is the amount. Lost and archived opportunities are left out; one"
    " without an expected day is in no period.",
    period_of="the closing, or the expected closing of what is open",
    kind="opportunity",
    kept_by=SalesPipeline,
    question=SalesQuestion,
    row=SalesForecastRow,
    sql=_sql,
    chart=Chart(across="forecast_category", up="weighted"),
    groups=ANY_GROUP,
)
