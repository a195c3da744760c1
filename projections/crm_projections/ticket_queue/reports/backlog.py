"""How many tickets wait, and how has that developed?"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from crm_core.service.ticket.events import TicketStatus
from crm_projections.reporting import PERIODS, Chart, Report, in_period, period_start
from crm_projections.temporal import KNOWN_SQL
from crm_projections.ticket_queue.projection import TicketQueue
from crm_projections.ticket_queue.reports.question import (
    ANY_GROUP,
    IN_SCOPE,
    TICKETS_THEN,
    TicketQuestion,
)

__all__ = ["BACKLOG", "TicketBacklogRow"]


class TicketBacklogRow(Struct, frozen=True, kw_only=True):
    """How many tickets were in a status."""

    key: str | None
    status: TicketStatus
    tickets: int


_WAITING = "status in ('NEW', 'OPEN', 'PENDING_CUSTOMER', 'ON_HOLD')"


def _sql(question: TicketQuestion) -> str:
    return _over_time(question) if question.group in PERIODS else _then(question)


def _then(question: TicketQuestion) -> str:
    return f"""
        select {question.key("opened_at")} as key, status, count(*) as tickets
          from ({TICKETS_THEN}) as ticket
         where {_WAITING} and {in_period("opened_at")}
         group by 1, 2
         order by 1, status collate "C"
        """


def _over_time(question: TicketQuestion) -> str:
    """Adds up who came and who went, period by period; one that is empty has no row."""
    unit = question.group.lower()
    return f"""
        with stay as (
            select status, effective_from as came_at, effective_to as went_at
              from read_model.ticket_period
             where {KNOWN_SQL} and {_WAITING} and {IN_SCOPE}
               and effective_from <= %(until)s::timestamptz
        ), change as (
            select status, {period_start(unit, "came_at")}::date as day, 1 as tickets from stay
            union all
            select status, {period_start(unit, "went_at")}::date, -1 from stay
             where went_at <= %(until)s::timestamptz
        ), point as (
            select day::date as day, status
              from (select min(day) as first_day from change) as began,
                   generate_series(began.first_day::timestamp,
                       %(until)s::timestamptz at time zone %(time_zone)s,
                       interval '{_STEP[unit]}') as day,
                   (select distinct status from change) as seen
        )
        select to_char(day, 'YYYY-MM-DD') collate "C" as key, status, tickets
          from (select day, status, sum(sum(change.tickets)) over
                           (partition by status order by day)::bigint as tickets
                  from point left join change using (day, status)
                 group by day, status) as counted
         where tickets > 0 and {in_period("(day::timestamp at time zone %(time_zone)s)")}
         order by 1, status collate "C"
        """


_STEP: Final = {"day": "1 day", "week": "7 days", "month": "1 month", "quarter": "3 months"}

BACKLOG: Final = Report(
    name="ticket-backlog",
    title="Ticket backlog",
    definition="Tickets that waited for us, for the customer or for somebody else: new, open,"
    " pending or on hold. By day, week, month or quarter: those that waited at its end, just before"
    " the next one began, or at the moment of the report in the one that is not over.",
    period_of="the opening; by periods, the periods themselves",
    kind="ticket",
    kept_by=TicketQueue,
    question=TicketQuestion,
    row=TicketBacklogRow,
    sql=_sql,
    chart=Chart(across="status", up="tickets"),
    groups=ANY_GROUP,
)
