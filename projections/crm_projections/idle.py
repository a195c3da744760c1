"""Which records nothing has happened about for long, kind by kind: what a retention policy asks.

Nothing has happened to a record if none of its events lies, on the effective clock, at the moment
asked for or after it. Customers are also busy by what happens about them, and about all that are
merged with them. Of the other kinds only what is over is idle, however long the rest has lain: what
is worked on, waited for or on hold is somebody's work still.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, assert_never
from uuid import UUID

import structlog
from psycopg import sql

from crm_core import Crm, Rejected, Selection
from crm_core.customers import Customer, merged_with
from crm_core.engagement.task.events import TaskStatus
from crm_core.identity.user.events import UserDeactivated, UserInvited
from crm_core.kernel.events import REDACTED
from crm_core.ledger.postgres.connections import Pool
from crm_core.privacy import RetentionAction, RetentionKind
from crm_core.sales.opportunity.events import OpportunityStatus
from crm_core.service.ticket.events import TicketStatus
from crm_projections.sales_pipeline.tables import OPPORTUNITIES
from crm_projections.tables import Table
from crm_projections.task_list.projection import TASKS
from crm_projections.ticket_queue.projection import TICKETS

__all__ = ["ASKED", "IDLE_MAX", "idle"]

log = structlog.get_logger()

IDLE_MAX: Final = 1_000  # at a time; the rest is found at the next look

ASKED: Final[Mapping[RetentionKind, tuple[str, ...]]] = {
    RetentionKind.CUSTOMER: ("customer_directory", "timeline"),
    RetentionKind.TICKET: ("ticket_queue", "audit_trail"),
    RetentionKind.TASK: ("task_list", "audit_trail"),
    RetentionKind.OPPORTUNITY: ("sales_pipeline", "audit_trail"),
    RetentionKind.USER: (),
}
"""The read models that answer for a kind, and so must show all that is recorded."""


async def idle(
    crm: Crm, pool: Pool, kind: RetentionKind, action: RetentionAction, since: datetime
) -> list[UUID]:
    """Those to which the action can be done, the longest idle first, IDLE_MAX at most.

    Tickets, tasks and opportunities of a customer are never among them: they go with the customer.
    `pool` may read the read models.
    """
    match kind:
        case RetentionKind.CUSTOMER:
            return await _customers(crm, pool, action, since)
        case RetentionKind.TICKET | RetentionKind.TASK | RetentionKind.OPPORTUNITY:
            return await _of_nobody(crm, pool, _OF_NOBODY[kind], since)
        case RetentionKind.USER:
            return await _users(crm, since)
        case _:
            assert_never(kind)


# --- customers ------------------------------------------------------------------------------------

# Those that were merged away go with the one they were merged into. Archived ones are only erased.
_CUSTOMERS: Final = """
select updated_at, customer_id from read_model.customer as c
 where tenant_id = %(tenant)s and status = any(%(statuses)s) and updated_at < %(since)s
   and (updated_at, customer_id) > (%(seen_to)s, %(seen_id)s)
   and not exists (select from read_model.timeline as t
                    where t.tenant_id = c.tenant_id and t.customer_id = c.customer_id
                      and t.happened_at >= %(since)s)
 order by updated_at, customer_id limit %(limit)s
"""
_ACTIVE_SINCE: Final = """
select exists (select from read_model.timeline
                where tenant_id = %s and customer_id = any(%s) and happened_at >= %s)
"""
_BEFORE_ALL: Final = (datetime.min.replace(tzinfo=UTC), UUID(int=0))


async def _customers(crm: Crm, pool: Pool, action: RetentionAction, since: datetime) -> list[UUID]:
    """Goes on behind those who only look idle, or they would be all that is ever looked at."""
    found: list[UUID] = []
    seen_to = _BEFORE_ALL
    while len(found) < IDLE_MAX and (page := await _quiet(crm, pool, action, since, seen_to)):
        found += [of for _, of in page if not await _merged_and_active(crm, pool, of, since)]
        seen_to = page[-1]
    return found[:IDLE_MAX]


async def _quiet(
    crm: Crm,
    pool: Pool,
    action: RetentionAction,
    since: datetime,
    seen_to: tuple[datetime, UUID],
) -> list[tuple[datetime, UUID]]:
    """The next ones about whom nothing happened, each with the last time of any; what happened
    about those that are merged with them is not asked.
    """
    erases = action is RetentionAction.ERASE
    async with pool.connection() as connection:
        found = await connection.execute(
            _CUSTOMERS,
            {
                "tenant": crm.tenant_id,
                "statuses": ["ACTIVE", "ARCHIVED"] if erases else ["ACTIVE"],
                "since": since,
                "seen_to": seen_to[0],
                "seen_id": seen_to[1],
                "limit": IDLE_MAX,
            },
        )
        return await found.fetchall()


async def _merged_and_active(crm: Crm, pool: Pool, customer_id: UUID, since: datetime) -> bool:
    customer = await crm.get(Customer, customer_id)
    try:
        members = await merged_with(customer, crm.get)
    except Rejected as refusal:  # more than any command takes: the others must not wait for them
        log.warning("retention.refused", id=str(customer_id), error=refusal.code)
        return True
    async with pool.connection() as connection:
        found = await connection.execute(
            _ACTIVE_SINCE, [crm.tenant_id, [member.id for member in members], since]
        )
        return await found.fetchone() == (True,)


# --- tickets, tasks and opportunities that are about no customer ----------------------------------


class _OfNobody(NamedTuple):
    """Where records of a kind are; `words` is a column that is empty in erased ones only."""

    table: Table[Any]
    words: str
    over: tuple[str, ...]


_OF_NOBODY: Final[Mapping[RetentionKind, _OfNobody]] = {
    RetentionKind.TICKET: _OfNobody(
        TICKETS,
        "subject",
        (
            TicketStatus.RESOLVED,
            TicketStatus.CLOSED,
            TicketStatus.REJECTED,
            TicketStatus.MERGED,
        ),
    ),
    RetentionKind.TASK: _OfNobody(TASKS, "title", (TaskStatus.DONE, TaskStatus.CANCELLED)),
    RetentionKind.OPPORTUNITY: _OfNobody(
        OPPORTUNITIES,
        "name",
        (OpportunityStatus.WON, OpportunityStatus.LOST, OpportunityStatus.ARCHIVED),
    ),
}
# `updated_at` is the last event's time; one before it may have happened later.
_IDLE_OF_NOBODY: Final = """
select {key} from read_model.{table} as r
 where tenant_id = %(tenant)s and customer_id is null and {words} is not null
   and status = any(%(over)s) and updated_at < %(since)s
   and not exists (select from read_model.audit as a
                    where a.tenant_id = r.tenant_id and a.record_id = r.{key}
                      and a.happened_at >= %(since)s)
 order by updated_at, {key} limit %(limit)s
"""


async def _of_nobody(crm: Crm, pool: Pool, of: _OfNobody, since: datetime) -> list[UUID]:
    (key,) = of.table.key
    statement = sql.SQL(_IDLE_OF_NOBODY).format(
        key=sql.Identifier(key),
        table=sql.Identifier(of.table.name),
        words=sql.Identifier(of.words),
    )
    async with pool.connection() as connection:
        found = await connection.execute(
            statement,
            {
                "tenant": crm.tenant_id,
                "over": list(of.over),
                "since": since,
                "limit": IDLE_MAX,
            },
        )
        return [record_id for (record_id,) in await found.fetchall()]


# --- users ----------------------------------------------------------------------------------------


async def _users(crm: Crm, since: datetime) -> list[UUID]:
    """Deactivated ones, by the ledger alone: no read model has users, and there are few."""
    found = []
    async for page in crm.events(Selection(types=(UserDeactivated.TOPIC,))):
        for event in page:
            history = await crm.history(event.record_id)
            invited, last = history[0].data, max(past.happened_at for past in history)
            assert isinstance(invited, UserInvited), "a user's stream begins with this"
            if last < since and invited.name is not REDACTED:
                found.append((last, event.record_id))
    return [user_id for _, user_id in sorted(found)][:IDLE_MAX]
