"""The ticket reports again, folded from the events by hand; knows nothing of tables or SQL."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from statistics import median
from typing import Any
from uuid import UUID

from crm_core import RecordedEvent
from crm_core.service.ticket import events as e
from crm_projections.reporting import PERIODS, Past
from crm_projections.ticket_queue.reports import TicketGroup, TicketQuestion

from .histories import TEAMS
from .sales_fold import days, first_day, in_period, local_day, nearest_rank, seconds

WAITING = ("NEW", "OPEN", "PENDING_CUSTOMER", "ON_HOLD")


@dataclass(frozen=True)
class Ticket:
    """How a ticket stood."""

    id: UUID
    opened_at: datetime
    channel: str
    product: str | None
    type: str
    priority: str
    status: str = "NEW"
    queue: str | None = None
    assignee: UUID | None = None


def after(ticket: Ticket, event: RecordedEvent) -> Ticket:
    match event.data:
        case e.TicketAssigned() as fact:
            return replace(ticket, assignee=fact.to_assignee_id)
        case e.TicketQueued() as fact:
            return replace(ticket, queue=fact.to_queue, assignee=None)
        case e.TicketPrioritySet() as fact:
            return replace(ticket, priority=fact.to_priority)
        case e.TicketStarted() | e.TicketResumed() | e.TicketReopened():
            return replace(ticket, status="OPEN")
        case e.CustomerAwaited():
            return replace(ticket, status="PENDING_CUSTOMER")
        case e.TicketResolved():
            return replace(ticket, status="RESOLVED")
        case e.TicketClosed():
            return replace(ticket, status="CLOSED")
        case e.TicketRejected():
            return replace(ticket, status="REJECTED")
        case _:
            return ticket


def lives(
    events: list[RecordedEvent], position: int, moment: datetime | None
) -> dict[UUID, list[tuple[datetime, Ticket]]]:
    """Each ticket's states with the moments they began, as known then, up to the moment."""
    streams: defaultdict[UUID, list[RecordedEvent]] = defaultdict(list)
    for event in events:
        if event.position <= position and event.record_type == "service.ticket":
            streams[event.record_id].append(event)
    found = {}
    for record_id, (first, *others) in streams.items():
        fact, began = first.data, first.happened_at
        assert isinstance(fact, e.TicketOpened)
        if moment is not None and began > moment:
            continue
        ticket = Ticket(record_id, began, fact.channel, fact.product, fact.type, fact.priority)
        life = [(began, ticket)]
        for event in sorted(others, key=lambda event: max(event.happened_at, began)):
            at = max(event.happened_at, began)
            if moment is None or at <= moment:
                ticket = after(ticket, event)
                life.append((at, ticket))
        found[record_id] = life
    return found


def in_scope(ticket: Ticket, question: TicketQuestion) -> bool:
    return all(
        allowed is None or value in allowed
        for allowed, value in (
            (question.assignee_ids, ticket.assignee),
            (question.queues, ticket.queue),
            (question.priorities, ticket.priority),
            (question.types, ticket.type),
            (question.channels, ticket.channel),
            (question.products, ticket.product),
        )
    )


def key_of(ticket: Ticket, question: TicketQuestion, day: date) -> str | None:
    match question.group:
        case TicketGroup.ALL:
            return None
        case TicketGroup.ASSIGNEE:
            return str(ticket.assignee) if ticket.assignee else None
        case TicketGroup.TEAM:
            return str(TEAMS[ticket.assignee]) if ticket.assignee in TEAMS else None
        case group if group in PERIODS:
            return first_day(day, group).isoformat()
        case group:
            value: str | None = getattr(ticket, group.lower())
            return value


def asked(events: list[RecordedEvent], past: Past, question: TicketQuestion) -> dict[UUID, Ticket]:
    found = {key: life[-1][1] for key, life in lives(events, past.position, past.moment).items()}
    return {key: ticket for key, ticket in found.items() if in_scope(ticket, question)}


def steps(events: list[RecordedEvent], past: Past) -> Iterator[RecordedEvent]:
    for event in events:
        known = event.position <= past.position and event.record_type == "service.ticket"
        if known and (past.moment is None or event.happened_at <= past.moment):
            yield event


def volume(events: list[RecordedEvent], past: Past, question: TicketQuestion) -> dict[Any, Any]:
    tickets = asked(events, past, question)
    names = {
        e.TicketOpened: "opened", e.TicketResolved: "resolved", e.TicketReopened: "reopened",
        e.TicketClosed: "closed",
    }  # fmt: skip
    cells: defaultdict[Any, Counter[str]] = defaultdict(Counter)
    for event in steps(events, past):
        name = names.get(type(event.data))
        day = local_day(event.happened_at, question)
        if name and event.record_id in tickets and in_period(day, question):
            cells[key_of(tickets[event.record_id], question, day)][name] += 1
    return {(key,): {name: seen[name] for name in names.values()} for key, seen in cells.items()}


def backlog(events: list[RecordedEvent], past: Past, question: TicketQuestion) -> dict[Any, Any]:
    if question.group in PERIODS:
        return _over_time(events, past, question)
    cells: Counter[Any] = Counter()
    for ticket in asked(events, past, question).values():
        day = local_day(ticket.opened_at, question)
        if ticket.status in WAITING and in_period(day, question):
            cells[key_of(ticket, question, day), ticket.status] += 1
    return {cell: {"tickets": count} for cell, count in cells.items()}


def _over_time(events: list[RecordedEvent], past: Past, question: TicketQuestion) -> dict[Any, Any]:
    """Day by day, looking at who waits just before the next one begins; the last of a period."""
    known = lives(events, past.position, None).values()
    began = [at for life in known for at, _ in life]
    cells: dict[Any, Any] = {}
    if not began or past.until is None:
        return cells
    day, last = local_day(min(began), question), local_day(past.until, question)
    while day <= last:
        counted: Counter[str] = Counter()
        for life in known:
            here = [
                ticket for at, ticket in life if at <= past.until and local_day(at, question) <= day
            ]
            if here and here[-1].status in WAITING and in_scope(here[-1], question):
                counted[here[-1].status] += 1
        key = first_day(day, question.group)
        for cell in [cell for cell in cells if cell[0] == key.isoformat()]:
            del cells[cell]
        if in_period(key, question):
            cells |= {(key.isoformat(), s): {"tickets": count} for s, count in counted.items()}
        day += timedelta(days=1)
    return cells


def durations(events: list[RecordedEvent], past: Past, question: TicketQuestion) -> dict[Any, Any]:
    tickets = _counted(events, past, question)
    moments: defaultdict[UUID, list[datetime]] = defaultdict(list)
    cells: defaultdict[Any, list[Fraction]] = defaultdict(list)
    for event in steps(events, past):
        if event.record_id not in tickets:
            continue
        moments[event.record_id].append(event.happened_at)
        fact: Any = event.data
        replied = isinstance(fact, e.CommentAdded) and fact.is_first_public_reply
        if replied or isinstance(fact, e.TicketResolved):
            measure = "FIRST_RESPONSE" if replied else "RESOLUTION"
            length = seconds(event.happened_at - fact.cycle_started_at)
            cells[tickets[event.record_id], measure].append(max(length, Fraction(0)))
    for record_id, seen in moments.items():
        cells[tickets[record_id], "ACTIVITY"].append(seconds(max(seen) - min(seen)))
    return {
        cell: {
            "counted": len(lengths),
            "mean_days": days(sum(lengths) / len(lengths)),
            "median_days": days(median(lengths)),
            "p75_days": days(nearest_rank(lengths, Fraction(3, 4))),
            "p90_days": days(nearest_rank(lengths, Fraction(9, 10))),
            "p95_days": days(nearest_rank(lengths, Fraction(19, 20))),
            "longest_days": days(max(lengths)),
        }
        for cell, lengths in cells.items()
    }


def reopening(events: list[RecordedEvent], past: Past, question: TicketQuestion) -> dict[Any, Any]:
    tickets = _counted(events, past, question)
    seen: dict[UUID, Counter[type[Any]]] = {record_id: Counter() for record_id in tickets}
    for event in steps(events, past):
        if event.record_id in tickets:
            seen[event.record_id][type(event.data)] += 1
    cells: defaultdict[Any, list[Counter[type[Any]]]] = defaultdict(list)
    for record_id, key in tickets.items():
        cells[(key,)].append(seen[record_id])
    answer = {}
    for cell, counters in cells.items():
        resolved, closed, reopened = (
            sum(counter[of] > 0 for counter in counters)
            for of in (e.TicketResolved, e.TicketClosed, e.TicketReopened)
        )
        answer[cell] = {
            "tickets": len(counters), "resolved": resolved, "closed": closed, "reopened": reopened,
            "reopenings": sum(counter[e.TicketReopened] for counter in counters),
            "reopen_rate": reopened / resolved if resolved else None,
        }  # fmt: skip
    return answer


def _counted(
    events: list[RecordedEvent], past: Past, question: TicketQuestion
) -> dict[UUID, str | None]:
    """The tickets that are neither rejected nor merged, each with its group's key."""
    found = {}
    for record_id, ticket in asked(events, past, question).items():
        day = local_day(ticket.opened_at, question)
        if ticket.status not in ("REJECTED", "MERGED") and in_period(day, question):
            found[record_id] = key_of(ticket, question, day)
    return found
