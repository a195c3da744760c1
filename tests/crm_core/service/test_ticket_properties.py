"""What holds for a ticket whatever is asked of it, in whatever order (domain page, 2.6).

The checks read the recorded events alone and know nothing of the rules they check.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TypeVar
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from crm_core.crm import Crm
from crm_core.kernel.clock import ManualClock
from crm_core.kernel.errors import Rejected
from crm_core.kernel.events import REDACTED, Event
from crm_core.kernel.ids import SeededIds
from crm_core.kernel.messages import SYSTEM, Command, Receipt, Request
from crm_core.kernel.values import Money
from crm_core.ledger.codec import form_of
from crm_core.ledger.event_store import fold
from crm_core.ledger.records import StoredEvent
from crm_core.privacy.cipher import Cipher, new_key
from crm_core.service.ticket import commands as c
from crm_core.service.ticket import events as e
from crm_core.service.ticket.events import TicketStatus as S
from crm_core.service.ticket.ticket import Ticket
from stored_states import require_stored_states_stand

K = TypeVar("K", bound=StrEnum)

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
TENANT = UUID(int=99)
TICKETS = [UUID(int=1), UUID(int=2)]

# The states of the domain page, as a graph.
STEPS = {
    S.NEW: {S.OPEN, S.REJECTED, S.MERGED},
    S.OPEN: {S.PENDING_CUSTOMER, S.ON_HOLD, S.RESOLVED, S.REJECTED, S.MERGED},
    S.PENDING_CUSTOMER: {S.OPEN},
    S.ON_HOLD: {S.OPEN},
    S.RESOLVED: {S.CLOSED, S.OPEN},
    S.CLOSED: {S.OPEN},
    S.REJECTED: set(),
    S.MERGED: set(),
}

waits = st.sampled_from([timedelta(0), timedelta(hours=1), timedelta(days=15)])
text = st.sampled_from(["Is it on?", "日本語", "naïve ✓"])
optional_text = st.none() | text
code = st.sampled_from(["a", "b.2"])
money = st.none() | st.builds(
    Money, st.decimals("0.01", "999", places=2, allow_nan=False), st.just("EUR")
)


def one_of_its(kind: type[K]) -> st.SearchStrategy[K]:
    return st.sampled_from(kind)


def link(ticket_id: UUID, number: int) -> c.LinkTicketExternalId:
    external_id = f"{ticket_id.int}-{number}"  # the tickets never want the same
    return c.LinkTicketExternalId(ticket_id=ticket_id, system="helpdesk", external_id=external_id)


def command_strategies(ticket: st.SearchStrategy[UUID]) -> list[st.SearchStrategy[Command]]:
    """One for each command about a ticket that exists, but for the two that end it for good."""
    return [
        st.builds(c.QueueTicket, ticket_id=ticket, queue=code),
        st.builds(c.AssignTicket, ticket_id=ticket, assignee_id=st.sampled_from(TICKETS)),
        st.builds(c.SetTicketPriority, ticket_id=ticket, priority=one_of_its(e.TicketPriority)),
        st.builds(c.SetTicketType, ticket_id=ticket, type=one_of_its(e.TicketType)),
        st.builds(link, ticket, st.integers(0, 3)),
        st.builds(
            c.CommentOnTicket,
            ticket_id=ticket,
            visibility=one_of_its(e.CommentVisibility),
            author_kind=one_of_its(e.CommentAuthorKind),
            body=text,
        ),
        st.builds(
            c.CommentOnTicket,
            ticket_id=ticket,
            visibility=st.just(e.CommentVisibility.PUBLIC),
            author_kind=st.just(e.CommentAuthorKind.AGENT),
            body=text,
        ),
        st.builds(
            c.LogTicketActivity,
            ticket_id=ticket,
            activity=text,
            resource=optional_text,
            detail=optional_text,
        ),
        st.builds(c.AwaitCustomer, ticket_id=ticket),
        st.builds(c.HoldTicket, ticket_id=ticket, reason=text),
        st.builds(c.ResumeTicket, ticket_id=ticket),
        st.builds(c.EscalateTicket, ticket_id=ticket, level=st.integers(1, 9), cause=code),
        st.builds(c.ResolveTicket, ticket_id=ticket, code=code, summary=optional_text),
        st.builds(c.ReopenTicket, ticket_id=ticket, reason=text),
        st.builds(c.CloseTicket, ticket_id=ticket),
        st.builds(c.RequestCsat, ticket_id=ticket),
        st.builds(c.RecordCsat, ticket_id=ticket, score=st.integers(1, 5), comment=optional_text),
        st.builds(c.AcknowledgeComplaint, ticket_id=ticket),
        st.builds(c.SetRootCause, ticket_id=ticket, root_cause=code, detail=optional_text),
        st.builds(c.OfferRemedy, ticket_id=ticket, type=one_of_its(e.RemedyType), money=money),
        st.builds(c.AcceptRemedy, ticket_id=ticket),
    ]


ticket_ids = st.sampled_from(TICKETS)
working = st.one_of(command_strategies(ticket_ids))
ending = st.builds(c.RejectTicket, ticket_id=ticket_ids, reason=text) | st.permutations(
    TICKETS
).map(lambda pair: c.MergeTickets(ticket_id=pair[0], loser_ids=(pair[1],)))
long_lives = st.builds(
    lambda *parts: [command for part in parts for command in part],
    st.lists(working, min_size=20, max_size=60),
    st.lists(ending, max_size=4),
    st.lists(working, max_size=10),
)
any_lives = st.lists(working | ending, min_size=20, max_size=60)


@st.composite
def stories(draw: st.DrawFn, lives: st.SearchStrategy[list[Command]]) -> list[Request]:
    """Two tickets are opened, and then a lot is asked of them, most of it in vain."""
    kind = draw(one_of_its(e.TicketType))
    opened = [
        c.OpenTicket(ticket_id=ticket_id, subject="Help", channel=e.TicketChannel.WEB, type=kind)
        for ticket_id in TICKETS
    ]
    moment = START
    requests = []
    for command in (*opened, *draw(lives)):
        moment += draw(waits)
        requests.append(Request(command=command, actor=SYSTEM, effective_at=moment))
    return requests


async def executed(requests: list[Request]) -> list[list[Event]]:
    """What was recorded of each ticket; a command that was refused was refused by a rule."""
    clock = ManualClock(START + timedelta(days=10_000))
    crm = Crm.in_memory(clock=clock, ids=SeededIds(1, clock))
    for outcome in await crm.execute_many(requests):
        assert isinstance(outcome, Receipt | Rejected), outcome
    return [[event.data for event in await crm.history(ticket_id)] for ticket_id in TICKETS]


async def rehearsed(requests: list[Request]) -> list[Event]:
    """Every event as it was before it was stored."""
    clock = ManualClock(START)
    crm = Crm.in_memory(clock=clock, ids=SeededIds(1, clock))
    events: list[Event] = []
    for request in requests:
        clock.move_to(request.effective_at or START)
        with suppress(Rejected):
            events += await crm.rehearse(request.command, actor=request.actor)
            await crm.execute(request.command, actor=request.actor)
    return events


histories = stories(long_lives).map(executed).map(asyncio.run)
unstored = stories(any_lives).map(rehearsed).map(asyncio.run)


def statuses(history: Iterable[Event]) -> list[S]:
    return [e.STATUS_AFTER[type(event)] for event in history if type(event) in e.STATUS_AFTER]


def cycles(history: Iterable[Event]) -> list[list[Event]]:
    """The events of each round of work; reopening begins another."""
    rounds: list[list[Event]] = [[]]
    for event in history:
        if isinstance(event, e.TicketReopened):
            rounds.append([])
        rounds[-1].append(event)
    return rounds


@given(histories)
def test_a_ticket_walks_only_the_paths_of_its_states(told: list[list[Event]]) -> None:
    for history in told:
        for before, after in pairwise(statuses(history)):
            assert after in STEPS[before]


@given(histories)
def test_the_status_is_what_the_last_event_that_changes_it_says(told: list[list[Event]]) -> None:
    for history in told:
        ticket = fold(history)
        assert isinstance(ticket, Ticket)
        assert ticket.status is statuses(history)[-1]


@given(histories)
def test_an_ended_ticket_takes_no_comment(told: list[list[Event]]) -> None:
    for history in told:
        ended = False
        for event in history:
            match event:
                case e.TicketClosed() | e.TicketRejected() | e.TicketMergedInto():
                    ended = True
                case e.TicketReopened():
                    ended = False
                case e.CommentAdded():
                    assert not ended


@given(histories)
def test_exactly_the_first_public_reply_of_a_cycle_is_marked(told: list[list[Event]]) -> None:
    for history in told:
        for events in cycles(history):
            comments = [event for event in events if isinstance(event, e.CommentAdded)]
            replies = [
                comment
                for comment in comments
                if comment.visibility is e.CommentVisibility.PUBLIC
                and comment.author_kind is e.CommentAuthorKind.AGENT
            ]
            marked = [comment for comment in comments if comment.is_first_public_reply]
            assert marked == replies[:1]


@given(histories)
def test_escalation_only_rises_in_a_cycle(told: list[list[Event]]) -> None:
    for history in told:
        for events in cycles(history):
            levels = [event.level for event in events if isinstance(event, e.TicketEscalated)]
            assert all(lower < higher for lower, higher in pairwise(levels))


@given(histories)
def test_an_outcome_is_rated_once_a_cycle_and_never_before(told: list[list[Event]]) -> None:
    for history in told:
        for events in cycles(history):
            kinds = [type(event) for event in events]
            for kind in (e.CsatRequested, e.CsatRecorded):
                assert kinds.count(kind) <= 1
                if kind in kinds:
                    assert e.TicketResolved in kinds[: kinds.index(kind)]


@given(histories)
def test_a_complaint_is_never_resolved_without_cause_and_summary(told: list[list[Event]]) -> None:
    for history in told:
        kind, has_cause = e.TicketType.QUESTION, False
        for event in history:
            match event:
                case e.TicketOpened():
                    kind = event.type
                case e.TicketTypeSet():
                    kind = event.to_type
                case e.RootCauseSet():
                    has_cause = True
                case e.TicketResolved() if kind is e.TicketType.COMPLAINT:
                    assert has_cause
                    assert event.summary


@given(histories)
def test_the_cycle_on_an_event_is_the_one_it_happened_in(told: list[list[Event]]) -> None:
    for history in told:
        for number, events in enumerate(cycles(history), start=1):
            assert {getattr(event, "cycle", number) for event in events} == {number}
            starts = {getattr(event, "cycle_started_at", None) for event in events} - {None}
            assert starts <= {events[0].timestamp}


@settings(max_examples=60)
@given(unstored)
def test_every_event_survives_encode_and_decode(told: list[Event]) -> None:
    cipher = Cipher(new_key())
    for event in told:
        assert reread(event, cipher, cipher) == event


@given(histories)
def test_its_stored_state_stands_for_what_it_was_folded_from(told: list[list[Event]]) -> None:
    for history in told:
        require_stored_states_stand(history)


@given(histories)
def test_a_ticket_is_folded_without_what_was_erased(told: list[list[Event]]) -> None:
    cipher = Cipher(new_key())
    for history in told:
        known, erased = fold(history), fold([reread(event, cipher, None) for event in history])
        assert isinstance(known, Ticket)
        assert isinstance(erased, Ticket)
        assert erased.subject is REDACTED
        assert vars(erased) == {**vars(known), "subject": REDACTED}


def reread(event: Event, sealing: Cipher, opening: Cipher | None) -> Event:
    """The event after a trip through its stored bytes."""
    form = form_of(type(event))
    event_id = UUID(int=7)
    stored = StoredEvent(
        tenant_id=TENANT,
        position=1,
        event_id=event_id,
        stream_type=Ticket.TOPIC,
        stream_id=event.originator_id,
        version=event.originator_version,
        type=form.topic,
        schema_version=form.version,
        recorded_at=event.timestamp,
        effective_at=None,
        actor=SYSTEM,
        command_id=event_id,
        correlation_id=event_id,
        causation_id=None,
        reason=None,
        subject_ids=(event.originator_id,),
        tags=(),
        data=form.encode(event, event_id, TENANT, sealing),
    )
    return form.decode(stored, opening)
