"""Figures about tickets."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from msgspec import Struct

from crm_core.ledger.postgres.connections import Pool
from crm_core.service.ticket.events import TicketPriority, TicketStatus
from crm_projections.select import select
from crm_projections.temporal import BELIEVED_SQL

__all__ = ["BacklogCell", "TicketDurations", "ticket_backlog", "ticket_durations"]


class TicketDurations(Struct, frozen=True, kw_only=True):
    """How long tickets take, from their first to their last activity.

    `closed` counts tickets that were closed at least once. Durations are in days of 24 hours, None
    where there is no ticket.
    """

    tickets: int
    closed: int
    mean_days: float | None
    median_days: float | None


class BacklogCell(Struct, frozen=True, kw_only=True):
    """How many tickets were in a status, at a priority."""

    status: TicketStatus
    priority: TicketPriority
    tickets: int


async def ticket_durations(
    pool: Pool,
    tenant_id: UUID,
    *,
    opened_from: datetime | None = None,
    opened_to: datetime | None = None,
) -> TicketDurations:
    """Over tickets opened from `opened_from` (included) to `opened_to` (excluded)."""
    (durations,) = await select(
        pool,
        TicketDurations,
        """
        select count(*) as tickets,
               count(closed_at) as closed,
               avg(seconds) / 86400 as mean_days,
               percentile_cont(0.5) within group (order by seconds) / 86400 as median_days
          from (select closed_at,
                       extract(epoch from last_activity_at - opened_at)::float8 as seconds
                  from read_model.ticket
                 where tenant_id = %(tenant)s
                   and (%(from)s::timestamptz is null or opened_at >= %(from)s)
                   and (%(to)s::timestamptz is null or opened_at < %(to)s)) as ticket
        """,
        {"tenant": tenant_id, "from": opened_from, "to": opened_to},
    )
    return durations


async def ticket_backlog(
    pool: Pool, tenant_id: UUID, *, position: int, moment: datetime | None = None
) -> list[BacklogCell]:
    """Tickets by status and priority, as believed at a position about a moment (None: the last)."""
    return await select(
        pool,
        BacklogCell,
        f"""
        select status, priority, count(*) as tickets
          from read_model.ticket_period
         where {BELIEVED_SQL}
         group by status, priority
         order by status collate "C", priority collate "C"
        """,
        {
            "tenant": tenant_id,
            "position": position,
            "moment": moment or datetime.max.replace(tzinfo=UTC),
        },
    )
