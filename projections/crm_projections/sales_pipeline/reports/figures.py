"""What became of opportunities, and how fast do they turn into money?"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import Struct

from crm_projections.reporting import PERIODS, Chart, Report, in_days, in_period
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.reports.question import ANY_GROUP, DEALS, SalesQuestion

__all__ = ["FIGURES", "SalesFiguresRow"]


class SalesFiguresRow(Struct, frozen=True, kw_only=True):
    """The figures of one group and currency.

    `open` are all that are open as of then, in or out of the period. `win_rate` is won divided by
    won and lost, 0..1, None without either. `mean_won` is the mean amount of those won.
    `cycle_days` is the mean time from opening to winning, in days of 24 hours. `velocity` is
    open x mean_won x win_rate / cycle_days: what is sold a day, if all goes on like that; None
    where a part is missing, the cycle is none, or the groups are periods: none of those has both.
    """

    key: str | None
    currency: str
    open: int
    won: int
    lost: int
    won_amount: Decimal
    mean_won: Decimal | None
    win_rate: float | None
    cycle_days: float | None
    velocity: Decimal | None


def _sql(question: SalesQuestion) -> str:
    """Best group first, by the amount won; periods in their order."""
    by_period = question.group in PERIODS
    return f"""
        select key, currency, open, won, lost, won_amount,
               round(won_amount / nullif(won, 0), 4) as mean_won,
               won::float8 / nullif(won + lost, 0) as win_rate,
               {in_days("seconds")} as cycle_days,
               round(case when won > 0 and not {by_period} then
                   open * won_amount / (won + lost) * 86400 / nullif(seconds, 0) end, 4) as velocity
          from (
            select {question.key("closed_at")} as key, currency,
                   count(*) filter (where closed_at is null) as open,
                   count(*) filter (where status = 'WON') as won,
                   count(*) filter (where status = 'LOST') as lost,
                   coalesce(sum(amount) filter (where status = 'WON'), 0) as won_amount,
                   avg(extract(epoch from closed_at - opened_at))
                       filter (where status = 'WON') as seconds
              from ({DEALS}) as deal
             where closed_at is null or {in_period("closed_at")}
             group by 1, 2) as counted
         order by case when {by_period} then key end, won_amount desc, key, currency collate "C"
        """


FIGURES: Final = Report(
    name="figures",
    title="Win rate, cycle and velocity",
    definition="Won deals: each opportunity once, by how it stood; one that was reopened and won"
    " again is one won deal, and one that is open again is none. The cycle is from the opening to"
    " the last winning. Archived opportunities are left out.",
    period_of="the closing; what is open counts in any case",
    kind="opportunity",
    kept_by=SalesPipeline,
    question=SalesQuestion,
    row=SalesFiguresRow,
    sql=_sql,
    chart=Chart(up="won_amount"),
    groups=ANY_GROUP,
)
