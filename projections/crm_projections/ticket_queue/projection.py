"""Keeps one row a ticket, and its states on two clocks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from crm_core import RecordedEvent
from crm_core.kernel.events import plain
from crm_core.service.ticket import events as e
from crm_core.service.ticket.events import STATUS_AFTER, TicketStatus
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.tables import Row, Table
from crm_projections.temporal import TemporalRow, change

__all__ = [
    "TICKETS",
    "TICKET_PERIODS",
    "TICKET_STEPS",
    "TicketPeriodRow",
    "TicketQueue",
    "TicketRow",
    "TicketStepKind",
    "TicketStepRow",
]


class TicketRow(Row, frozen=True, kw_only=True):
    """Times are on the effective clock. `resolved_at` and `closed_at` are of the last time."""

    ticket_id: UUID
    subject: str | None
    status: TicketStatus
    type: e.TicketType
    priority: e.TicketPriority
    channel: e.TicketChannel
    customer_id: UUID | None = None
    product: str | None = None
    queue: str | None = None
    assignee_id: UUID | None = None
    follow_up_of: UUID | None = None
    survivor_id: UUID | None = None
    cycle: int = 1
    escalation_level: int = 0
    csat_score: int | None = None
    root_cause: str | None = None
    external_ids: tuple[tuple[str, str], ...] = ()
    opened_at: datetime
    first_reply_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    last_activity_at: datetime
    version: int
    created_at: datetime
    updated_at: datetime


class TicketPeriodRow(TemporalRow, frozen=True, kw_only=True):
    """A ticket's state over a stretch of time; rejected and merged tickets keep theirs."""

    ticket_id: UUID
    status: TicketStatus
    type: e.TicketType
    priority: e.TicketPriority
    queue: str | None = None
    assignee_id: UUID | None = None
    channel: e.TicketChannel
    product: str | None
    opened_at: datetime


class TicketStepKind(StrEnum):
    OPENED = "OPENED"
    REPLIED = "REPLIED"  # the first public reply of a cycle
    RESOLVED = "RESOLVED"
    REOPENED = "REOPENED"
    CLOSED = "CLOSED"
    OTHER = "OTHER"  # anything else; a sign of life


class TicketStepRow(Row, frozen=True, kw_only=True):
    """Something that happened to a ticket; never changed.

    `since` is when the cycle began that a reply or a resolution is of.
    """

    position: int
    ticket_id: UUID
    kind: TicketStepKind
    happened_at: datetime
    since: datetime | None = None


TICKETS = Table(
    "ticket",
    TicketRow,
    key=("ticket_id",),
    about=("customer_id", "ticket_id"),
    erased=lambda row, _: replace(row, subject=None),
    indexes=(
        "created_at, ticket_id",
        "status, priority, opened_at, ticket_id",
        "assignee_id, status",
        "customer_id, opened_at, ticket_id",
    ),
)
TICKET_PERIODS = Table(
    "ticket_period",
    TicketPeriodRow,
    key=("ticket_id", "recorded_from", "effective_from"),
    fetch_by="ticket_id",
    fetch_only="recorded_to is null",
    indexes=("effective_from, effective_to where recorded_to is null",),
)
TICKET_STEPS = Table("ticket_step", TicketStepRow, key=("position",))


class TicketQueue(Projection):
    name = "ticket_queue"
    version = 2
    tables = (TICKETS, TICKET_PERIODS, TICKET_STEPS)
    reads = ("service.ticket.",)
    by_stream = True

    def needs(self, event: RecordedEvent) -> Iterable[tuple[Table[Any], Any]]:
        return ((TICKETS, event.record_id), (TICKET_PERIODS, event.record_id))

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        ticket = rows.get(TICKETS, event.record_id)
        if ticket is None:
            ticket = _opened(event, rows)
        changes = _changes(event, ticket)
        held = {name: changes[name] for name in _ON_TWO_CLOCKS if name in changes}
        if held:
            change(rows, TICKET_PERIODS, ticket.ticket_id, event, held)
        rows.put(TICKET_STEPS, _step(event))
        rows.put(
            TICKETS,
            replace(
                ticket,
                **changes,
                version=event.version,
                last_activity_at=max(ticket.last_activity_at, event.happened_at),
                updated_at=event.happened_at,
            ),
        )


_ON_TWO_CLOCKS = ("status", "type", "priority", "queue", "assignee_id")


def _opened(event: RecordedEvent, rows: Rows) -> TicketRow:
    fact = event.data
    assert isinstance(fact, e.TicketOpened), "a ticket's stream begins with this"
    rows.put(
        TICKET_PERIODS,
        TicketPeriodRow(
            ticket_id=event.record_id,
            recorded_from=event.position,
            effective_from=event.happened_at,
            status=TicketStatus.NEW,
            type=fact.type,
            priority=fact.priority,
            channel=fact.channel,
            product=fact.product,
            opened_at=event.happened_at,
        ),
    )
    return TicketRow(
        ticket_id=event.record_id,
        subject=plain(fact.subject),
        status=TicketStatus.NEW,
        type=fact.type,
        priority=fact.priority,
        channel=fact.channel,
        customer_id=fact.customer_id,
        product=fact.product,
        follow_up_of=fact.follow_up_of,
        opened_at=event.happened_at,
        last_activity_at=event.happened_at,
        version=event.version,
        created_at=event.happened_at,
        updated_at=event.happened_at,
    )


def _changes(event: RecordedEvent, ticket: TicketRow) -> dict[str, Any]:
    """The fields that the event sets, and to what."""
    changes: dict[str, Any] = {}
    status = STATUS_AFTER.get(type(event.data))
    if status is not None and not isinstance(event.data, e.TicketOpened):
        changes["status"] = status
    match event.data:
        case e.TicketQueued() as fact:
            changes |= {"queue": fact.to_queue, "assignee_id": None}
        case e.TicketAssigned() as fact:
            changes["assignee_id"] = fact.to_assignee_id
        case e.TicketPrioritySet() as fact:
            changes["priority"] = fact.to_priority
        case e.TicketTypeSet() as fact:
            changes["type"] = fact.to_type
        case e.CommentAdded(is_first_public_reply=True) if ticket.first_reply_at is None:
            changes["first_reply_at"] = event.happened_at
        case e.TicketEscalated() as fact:
            changes["escalation_level"] = fact.level
        case e.TicketResolved():
            changes["resolved_at"] = event.happened_at
        case e.TicketReopened() as fact:
            changes |= {"cycle": fact.cycle, "escalation_level": 0}
        case e.TicketClosed():
            changes["closed_at"] = event.happened_at
        case e.TicketMergedInto() as fact:
            changes["survivor_id"] = fact.survivor_id
        case e.TicketExternalIdLinked() as fact:
            linked = {*ticket.external_ids, (fact.system, fact.external_id)}
            changes["external_ids"] = tuple(sorted(linked))
        case e.TicketsAbsorbed() as fact:
            linked = {*ticket.external_ids, *fact.external_ids}
            changes["external_ids"] = tuple(sorted(linked))
        case e.CsatRecorded() as fact:
            changes["csat_score"] = fact.score
        case e.RootCauseSet() as fact:
            changes["root_cause"] = fact.root_cause
        case _:
            pass  # comments, activities and remedies show in the history, not in the queue
    return changes


def _step(event: RecordedEvent) -> TicketStepRow:
    """The event as reports count it."""
    since = None
    match event.data:
        case e.TicketOpened():
            kind = TicketStepKind.OPENED
        case e.CommentAdded(is_first_public_reply=True) as fact:
            kind, since = TicketStepKind.REPLIED, fact.cycle_started_at
        case e.TicketResolved() as fact:
            kind, since = TicketStepKind.RESOLVED, fact.cycle_started_at
        case e.TicketReopened():
            kind = TicketStepKind.REOPENED
        case e.TicketClosed():
            kind = TicketStepKind.CLOSED
        case _:
            kind = TicketStepKind.OTHER
    return TicketStepRow(
        position=event.position,
        ticket_id=event.record_id,
        kind=kind,
        happened_at=event.happened_at,
        since=since,
    )
