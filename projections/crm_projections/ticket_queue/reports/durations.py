"""How long do customers wait for an answer and for a solution, and how long do tickets live?"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from crm_projections.reporting import STEPS_TAKEN, Chart, Report, in_days, in_period
from crm_projections.ticket_queue.projection import TicketQueue
from crm_projections.ticket_queue.reports.question import (
    ANY_GROUP,
    TICKETS_THEN,
    TicketQuestion,
)

__all__ = ["DURATIONS", "TicketDurationRow", "TicketMeasure"]


class TicketMeasure(StrEnum):
    """What is measured of a ticket."""

    FIRST_RESPONSE = "FIRST_RESPONSE"  # beginning of a cycle → its first public reply
    RESOLUTION = "RESOLUTION"  # beginning of a cycle → its resolution
    ACTIVITY = "ACTIVITY"  # first → last thing that happened to the ticket


class TicketDurationRow(Struct, frozen=True, kw_only=True):
    """How one measure is distributed, in days of 24 hours.

    `counted` is how many cycles were answered or resolved, or how many tickets there are.
    `median_days` is the middle one, or the mean of the two in the middle; `p75_days`, `p90_days`
    and `p95_days` are nearest ranks: the shortest time that so many of a hundred did not exceed.
    """

    key: str | None
    measure: TicketMeasure
    counted: int
    mean_days: float
    median_days: float
    p75_days: float
    p90_days: float
    p95_days: float
    longest_days: float


def _rank(share: float) -> str:
    return in_days(f"percentile_disc({share}) within group (order by seconds)")


def _sql(question: TicketQuestion) -> str:
    return f"""
        with ticket as (
            select ticket_id, {question.key("opened_at")} as key
              from ({TICKETS_THEN}) as ticket
             where status not in ('REJECTED', 'MERGED') and {in_period("opened_at")}
        ), measured as (
            select ticket_id, case kind when 'REPLIED' then 'FIRST_RESPONSE' else 'RESOLUTION' end
                       as measure,
                   greatest(extract(epoch from happened_at - since), 0) as seconds
              from read_model.ticket_step
             where {STEPS_TAKEN} and kind in ('REPLIED', 'RESOLVED')
            union all
            select ticket_id, 'ACTIVITY',
                   extract(epoch from max(happened_at) - min(happened_at))
              from read_model.ticket_step where {STEPS_TAKEN} group by 1
        )
        select key, measure, count(*) as counted,
               {in_days("avg(seconds)")} as mean_days,
               {in_days("percentile_cont(0.5) within group (order by seconds::float8)")}
                   as median_days,
               {_rank(0.75)} as p75_days, {_rank(0.9)} as p90_days, {_rank(0.95)} as p95_days,
               {in_days("max(seconds)")} as longest_days
          from ticket join measured using (ticket_id)
         group by 1, 2
         order by 1, measure collate "C"
        """


DURATIONS: Final = Report(
    name="ticket-durations",
    title="First response, resolution and life of tickets",
    definition="First response and resolution: each cycle once, from its beginning (the opening, or"
    " the reopening) on the clock, day and night. Activity: each ticket once, from the first to the"
    " last thing that happened to it. Rejected and merged tickets are left out.",
    period_of="the opening",
    kind="ticket",
    kept_by=TicketQueue,
    question=TicketQuestion,
    row=TicketDurationRow,
    sql=_sql,
    chart=Chart(across="measure", up="median_days"),
    groups=ANY_GROUP,
)
