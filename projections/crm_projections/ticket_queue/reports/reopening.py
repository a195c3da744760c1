"""How many tickets come back?"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from crm_projections.reporting import STEPS_TAKEN, Chart, Report, in_period
from crm_projections.ticket_queue.projection import TicketQueue
from crm_projections.ticket_queue.reports.question import (
    ANY_GROUP,
    TICKETS_THEN,
    TicketQuestion,
)

__all__ = ["REOPENING", "TicketReopeningRow"]


class TicketReopeningRow(Struct, frozen=True, kw_only=True):
    """`resolved`, `closed` and `reopened` are tickets to which that happened at least once.

    `reopenings` is how often it happened, `reopen_rate` is reopened / resolved, 0..1, None where
    none was resolved.
    """

    key: str | None
    tickets: int
    resolved: int
    closed: int
    reopened: int
    reopenings: int
    reopen_rate: float | None


def _sql(question: TicketQuestion) -> str:
    return f"""
        select key, count(*) as tickets,
               count(*) filter (where resolutions > 0) as resolved,
               count(*) filter (where closings > 0) as closed,
               count(*) filter (where times > 0) as reopened,
               coalesce(sum(times), 0)::bigint as reopenings,
               (count(*) filter (where times > 0))::float8
                   / nullif(count(*) filter (where resolutions > 0), 0) as reopen_rate
          from (select ticket_id, {question.key("opened_at")} as key
                  from ({TICKETS_THEN}) as ticket
                 where status not in ('REJECTED', 'MERGED') and {in_period("opened_at")}) as ticket
          left join (
            select ticket_id,
                   count(*) filter (where kind = 'RESOLVED') as resolutions,
                   count(*) filter (where kind = 'CLOSED') as closings,
                   count(*) filter (where kind = 'REOPENED') as times
              from read_model.ticket_step
             where {STEPS_TAKEN} and kind in ('RESOLVED', 'CLOSED', 'REOPENED')
             group by 1) as step using (ticket_id)
         group by 1
         order by 1
        """


REOPENING: Final = Report(
    name="ticket-reopening",
    title="Reopen rate",
    definition="Tickets: each once, however often it came back; `reopenings` are the events. A"
    " ticket cannot be reopened before it was resolved, so the rate is at most 1. Rejected and"
    " merged tickets are left out.",
    period_of="the opening",
    kind="ticket",
    kept_by=TicketQueue,
    question=TicketQuestion,
    row=TicketReopeningRow,
    sql=_sql,
    chart=Chart(up="reopen_rate"),
    groups=ANY_GROUP,
)
