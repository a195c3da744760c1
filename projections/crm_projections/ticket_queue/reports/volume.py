"""How much work comes in, and how much is done?"""

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

__all__ = ["VOLUME", "TicketVolumeRow"]


class TicketVolumeRow(Struct, frozen=True, kw_only=True):
    """How often tickets were opened, resolved, reopened and closed."""

    key: str | None
    opened: int
    resolved: int
    reopened: int
    closed: int


def _sql(question: TicketQuestion) -> str:
    return f"""
        select {question.key("happened_at")} as key,
               count(*) filter (where kind = 'OPENED') as opened,
               count(*) filter (where kind = 'RESOLVED') as resolved,
               count(*) filter (where kind = 'REOPENED') as reopened,
               count(*) filter (where kind = 'CLOSED') as closed
          from (select ticket_id, kind, happened_at from read_model.ticket_step
                 where {STEPS_TAKEN} and kind in ('OPENED', 'RESOLVED', 'REOPENED', 'CLOSED')
                   and {in_period("happened_at")}) as step
          join ({TICKETS_THEN}) as ticket using (ticket_id)
         group by 1
         order by 1
        """


VOLUME: Final = Report(
    name="ticket-volume",
    title="Ticket volume",
    definition="Events: each opening, resolution, reopening and closing counts when it happened, so"
    " a ticket that was resolved twice counts twice there. Rejected and merged tickets came in like"
    " all others.",
    period_of="the event",
    kind="ticket",
    kept_by=TicketQueue,
    question=TicketQuestion,
    row=TicketVolumeRow,
    sql=_sql,
    chart=Chart(up="opened"),
    groups=ANY_GROUP,
)
