"""A ticket's rules, as sentences."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from crm_core.kernel.messages import Command
from crm_core.kernel.values import Money
from crm_core.service.ticket import events as e
from crm_core.service.ticket.commands import (
    AcceptRemedy,
    AcknowledgeComplaint,
    AssignTicket,
    AwaitCustomer,
    CloseTicket,
    CommentOnTicket,
    EscalateTicket,
    ExternalTicketId,
    HoldTicket,
    LinkTicketExternalId,
    LogTicketActivity,
    MergeTickets,
    OfferRemedy,
    OpenTicket,
    QueueTicket,
    RecordCsat,
    RejectTicket,
    ReopenTicket,
    RequestCsat,
    ResolveTicket,
    ResumeTicket,
    SetRootCause,
    SetTicketPriority,
    SetTicketType,
)
from crm_core.service.ticket.events import CommentAuthorKind, CommentVisibility, TicketStatus
from crm_core.service.ticket.ticket import REOPEN_DAYS_MAX, Ticket
from crm_core.testing import Scenario

T1, T2, T3, ADA, ROSA, SAM = (UUID(int=n) for n in range(1, 7))

opened = OpenTicket(
    ticket_id=T1, subject="No power", channel=e.TicketChannel.EMAIL, customer_id=ADA
)
opened_twin = OpenTicket(ticket_id=T2, subject="Still no power", channel=e.TicketChannel.PHONE)
opened_third = OpenTicket(ticket_id=T3, subject="Hello?", channel=e.TicketChannel.CHAT)
complained = OpenTicket(
    ticket_id=T1, subject="Rude", channel=e.TicketChannel.WEB, type=e.TicketType.COMPLAINT
)
assigned = AssignTicket(ticket_id=T1, assignee_id=ROSA)
awaited = AwaitCustomer(ticket_id=T1)
held = HoldTicket(ticket_id=T1, reason="waits for the carrier")
resumed = ResumeTicket(ticket_id=T1)
resolved = ResolveTicket(ticket_id=T1, code="fixed", summary="fuse replaced")
reopened = ReopenTicket(ticket_id=T1, reason="it happened again")
closed = CloseTicket(ticket_id=T1)
rejected = RejectTicket(ticket_id=T1, reason="an advertisement")
merged = MergeTickets(ticket_id=T2, loser_ids=(T1,))
asked = RequestCsat(ticket_id=T1)
rated = RecordCsat(ticket_id=T1, score=5, comment="quick")
replied = CommentOnTicket(
    ticket_id=T1,
    visibility=CommentVisibility.PUBLIC,
    author_kind=CommentAuthorKind.AGENT,
    body="Is the cable plugged in?",
)
noted = CommentOnTicket(
    ticket_id=T1,
    visibility=CommentVisibility.INTERNAL,
    author_kind=CommentAuthorKind.AGENT,
    body="Third one this week.",
)
answered = CommentOnTicket(
    ticket_id=T1,
    visibility=CommentVisibility.PUBLIC,
    author_kind=CommentAuthorKind.CUSTOMER,
    body="It is.",
)


def status(scenario: Scenario, ticket_id: UUID = T1) -> TicketStatus:
    return scenario.record(Ticket, ticket_id).status


# --- opening and handing over -----------------------------------------------------------------


def test_a_ticket_is_opened_as_new(scenario: Scenario) -> None:
    scenario.when(opened).then(e.TicketOpened, subject="No power", customer_id=ADA)
    assert status(scenario) is TicketStatus.NEW


def test_a_subject_of_blanks_is_no_subject(scenario: Scenario) -> None:
    scenario.when(OpenTicket(subject="  ", channel=e.TicketChannel.WEB))
    scenario.then_rejected("command.invalid", path="subject")


def test_its_first_assignee_starts_the_work(scenario: Scenario) -> None:
    scenario.given(opened).when(assigned).then(e.TicketAssigned, e.TicketStarted)
    assert status(scenario) is TicketStatus.OPEN


def test_a_ticket_in_a_queue_has_no_assignee(scenario: Scenario) -> None:
    scenario.given(opened, assigned).when(QueueTicket(ticket_id=T1, queue="second-line"))
    scenario.then(e.TicketQueued, to_queue="second-line", from_assignee_id=ROSA)
    assert scenario.record(Ticket, T1).assignee_id is None


def test_a_queue_does_not_start_the_work(scenario: Scenario) -> None:
    scenario.given(opened, QueueTicket(ticket_id=T1, queue="first-line"))
    assert status(scenario) is TicketStatus.NEW


def test_a_resolved_ticket_can_still_change_hands(scenario: Scenario) -> None:
    scenario.given(opened, assigned, resolved)
    scenario.when(AssignTicket(ticket_id=T1, assignee_id=SAM))
    scenario.then(e.TicketAssigned, from_assignee_id=ROSA, to_assignee_id=SAM)
    assert status(scenario) is TicketStatus.RESOLVED


def test_an_external_id_belongs_to_one_ticket(scenario: Scenario) -> None:
    external = ExternalTicketId(system="helpdesk", external_id="4711")
    first = OpenTicket(ticket_id=T1, subject="x", channel=e.TicketChannel.IMPORT, external=external)
    scenario.when(first).then(e.TicketOpened, e.TicketExternalIdLinked, external_id="4711")
    scenario.given(opened_twin)
    scenario.when(LinkTicketExternalId(ticket_id=T2, system="helpdesk", external_id="4711"))
    scenario.then_rejected("claim.taken", kind="ticket.external:helpdesk", holder_id=str(T1))


def test_saying_what_is_so_already_records_nothing(scenario: Scenario) -> None:
    queued = QueueTicket(ticket_id=T1, queue="first-line")
    linked = LinkTicketExternalId(ticket_id=T1, system="helpdesk", external_id="4711")
    scenario.given(opened, linked, queued).when(queued).then_nothing()
    scenario.given(assigned).when(assigned).then_nothing()
    scenario.when(linked).then_nothing()
    scenario.when(SetTicketPriority(ticket_id=T1, priority=e.TicketPriority.NORMAL)).then_nothing()
    scenario.when(SetTicketType(ticket_id=T1, type=e.TicketType.QUESTION)).then_nothing()


def test_a_change_of_priority_or_type_says_what_it_was(scenario: Scenario) -> None:
    scenario.given(opened)
    scenario.when(SetTicketPriority(ticket_id=T1, priority=e.TicketPriority.URGENT))
    scenario.then(
        e.TicketPrioritySet,
        from_priority=e.TicketPriority.NORMAL,
        to_priority=e.TicketPriority.URGENT,
    )
    scenario.when(SetTicketType(ticket_id=T1, type=e.TicketType.INCIDENT))
    scenario.then(e.TicketTypeSet, from_type=e.TicketType.QUESTION, to_type=e.TicketType.INCIDENT)


# --- talking ----------------------------------------------------------------------------------


def test_the_first_public_reply_of_an_agent_is_marked_and_starts_the_work(
    scenario: Scenario,
) -> None:
    scenario.given(opened).when(noted).then(e.CommentAdded, is_first_public_reply=False)
    scenario.when(answered).then(e.CommentAdded, is_first_public_reply=False)
    assert status(scenario) is TicketStatus.NEW
    scenario.when(replied).then(e.CommentAdded, e.TicketStarted)
    assert marks(scenario) == [True]
    scenario.when(replied).then(e.CommentAdded, is_first_public_reply=False)


def test_each_cycle_has_its_own_first_reply_and_start(scenario: Scenario) -> None:
    scenario.given(opened, replied, resolved).later(days=2).given(reopened)
    start = scenario.clock.now()
    scenario.later(hours=1).when(replied)
    scenario.then(e.CommentAdded, is_first_public_reply=True, cycle=2, cycle_started_at=start)


def test_a_customer_sees_their_own_comments(scenario: Scenario) -> None:
    scenario.given(opened).when(
        CommentOnTicket(
            ticket_id=T1,
            visibility=CommentVisibility.INTERNAL,
            author_kind=CommentAuthorKind.CUSTOMER,
            body="psst",
        )
    )
    scenario.then_rejected("ticket.customer_comment_not_public")


def test_a_closed_ticket_takes_no_reply(scenario: Scenario) -> None:
    scenario.given(opened, resolved, closed)
    for comment in (replied, noted, answered):
        scenario.when(comment).then_rejected("ticket.already_closed", ticket_id=str(T1))


def test_every_status_takes_a_step_of_a_foreign_log(scenario: Scenario) -> None:
    logged = LogTicketActivity(
        ticket_id=T1, activity="Create SW anomaly", resource="Value 7", detail="seen in the field"
    )
    scenario.given(opened, opened_twin)
    for step in (assigned, awaited, held, resolved, closed, reopened, merged):
        scenario.given(step)
        before = status(scenario)
        scenario.when(logged).then(e.TicketActivityLogged, activity="Create SW anomaly")
        assert status(scenario) is before
    scenario.given(opened_third, RejectTicket(ticket_id=T3, reason="spam"))
    scenario.when(LogTicketActivity(ticket_id=T3, activity="Wait")).then(e.TicketActivityLogged)


# --- waiting and escalating -------------------------------------------------------------------


def test_a_ticket_waits_and_is_taken_up_again(scenario: Scenario) -> None:
    scenario.given(opened, assigned).when(awaited).then(e.CustomerAwaited)
    scenario.when(resumed).then(e.TicketResumed)
    scenario.when(held).then(e.TicketHeld, reason="waits for the carrier")
    assert status(scenario) is TicketStatus.ON_HOLD
    scenario.when(resumed).then(e.TicketResumed)
    scenario.when(resumed).then_rejected("ticket.not_waiting")


def test_a_step_that_was_left_out_is_recorded_too(scenario: Scenario) -> None:
    scenario.given(opened).when(awaited).then(e.TicketStarted, e.CustomerAwaited)
    scenario.when(held).then(e.TicketResumed, e.TicketHeld)
    scenario.when(resolved).then(e.TicketResumed, e.TicketResolved)


def test_a_ticket_waits_for_one_thing_once(scenario: Scenario) -> None:
    scenario.given(opened, awaited).when(awaited)
    scenario.then_rejected("ticket.already_waiting", status="PENDING_CUSTOMER")
    scenario.given(held).when(held).then_rejected("ticket.already_waiting", status="ON_HOLD")


def test_the_customers_answer_ends_the_waiting_for_it(scenario: Scenario) -> None:
    scenario.given(opened, awaited).when(answered).then(e.CommentAdded, e.TicketResumed)
    scenario.given(held).when(answered).then(e.CommentAdded)
    assert status(scenario) is TicketStatus.ON_HOLD


def test_escalation_only_rises_until_the_ticket_is_reopened(scenario: Scenario) -> None:
    def escalate(level: int) -> EscalateTicket:
        return EscalateTicket(ticket_id=T1, level=level, cause="sla_breach")

    scenario.given(opened).when(escalate(2)).then(e.TicketEscalated, level=2, cycle=1)
    for level in (1, 2):
        scenario.when(escalate(level)).then_rejected("ticket.already_escalated", level=2)
    scenario.when(escalate(3)).then(e.TicketEscalated, level=3)
    scenario.given(resolved, reopened)
    scenario.when(escalate(1)).then(e.TicketEscalated, level=1, cycle=2)


# --- ending and reopening ---------------------------------------------------------------------


def test_a_ticket_is_resolved_then_closed(scenario: Scenario) -> None:
    scenario.given(opened, assigned).when(closed).then_rejected("ticket.not_resolved")
    scenario.when(resolved).then(e.TicketResolved, code="fixed", assignee_id=ROSA, cycle=1)
    scenario.when(resolved).then_rejected("ticket.already_resolved")
    scenario.when(closed).then(e.TicketClosed, cycle=1)
    scenario.when(closed).then_rejected("ticket.already_closed")


@pytest.mark.parametrize("command", [awaited, held, resumed, rejected], ids=lambda c: c.NAME)
def test_a_resolved_ticket_is_not_worked_on(scenario: Scenario, command: Command) -> None:
    scenario.given(opened, resolved).when(command).then_rejected("ticket.already_resolved")


def test_reopening_begins_another_cycle(scenario: Scenario) -> None:
    scenario.given(opened, assigned).when(reopened).then_rejected("ticket.not_resolved")
    scenario.given(resolved).when(reopened).then(e.TicketReopened, cycle=2, assignee_id=ROSA)
    assert status(scenario) is TicketStatus.OPEN


def test_a_closed_ticket_comes_back_within_two_weeks(scenario: Scenario) -> None:
    scenario.given(opened, resolved).later(days=60).given(closed).later(days=REOPEN_DAYS_MAX)
    scenario.when(reopened).then(e.TicketReopened, cycle=2)


def test_a_ticket_closed_long_ago_needs_a_follow_up(scenario: Scenario) -> None:
    scenario.given(opened, resolved, closed).later(days=REOPEN_DAYS_MAX, seconds=1)
    scenario.when(reopened).then_rejected("ticket.needs_follow_up", reopen_days_max=14)
    follow_up = OpenTicket(subject="Again", channel=e.TicketChannel.PHONE, follow_up_of=T1)
    scenario.when(follow_up).then(e.TicketOpened, follow_up_of=T1)


def test_a_follow_up_follows_a_ticket_that_exists(scenario: Scenario) -> None:
    scenario.when(OpenTicket(subject="Again", channel=e.TicketChannel.PHONE, follow_up_of=T1))
    scenario.then_rejected("record.not_found")


def test_the_reopen_window_is_measured_on_the_effective_clock(scenario: Scenario) -> None:
    long_ago = scenario.clock.now() - timedelta(days=400)
    for command in (opened, resolved, closed):
        scenario.when(command, effective_at=long_ago)
    scenario.when(reopened).then_rejected("ticket.needs_follow_up")
    scenario.when(reopened, effective_at=long_ago + timedelta(days=3)).then(e.TicketReopened)


def test_spam_is_rejected_for_good(scenario: Scenario) -> None:
    scenario.given(opened).when(rejected).then(e.TicketRejected, reason="an advertisement")
    for command in (replied, resolved, reopened, closed, assigned, asked, rejected):
        scenario.when(command).then_rejected("ticket.already_rejected")


# --- merging ----------------------------------------------------------------------------------


def test_a_merged_ticket_sends_you_to_the_survivor(scenario: Scenario) -> None:
    scenario.given(opened, opened_twin).when(merged)
    scenario.then(e.TicketsAbsorbed, e.TicketMergedInto, survivor_id=T2)
    for command in (replied, assigned, reopened, rated):
        scenario.when(command).then_rejected("ticket.merged", survivor_id=str(T2))


def test_the_survivor_answers_for_the_external_ids_of_all(scenario: Scenario) -> None:
    linked = LinkTicketExternalId(ticket_id=T1, system="helpdesk", external_id="4711")
    scenario.given(opened, opened_twin, opened_third, linked, merged)
    scenario.when(LinkTicketExternalId(ticket_id=T3, system="helpdesk", external_id="4711"))
    scenario.then_rejected("claim.taken", holder_id=str(T2))
    scenario.given(MergeTickets(ticket_id=T3, loser_ids=(T2,)))
    assert scenario.record(Ticket, T3).external_ids == {("helpdesk", "4711")}


def test_only_open_tickets_are_merged_and_none_with_itself(scenario: Scenario) -> None:
    scenario.given(opened, opened_twin)
    scenario.when(MergeTickets(ticket_id=T1, loser_ids=(T1,)))
    scenario.then_rejected("ticket.merge_with_itself")
    scenario.given(resolved).when(merged)
    scenario.then_rejected("ticket.already_resolved", ticket_id=str(T1))
    assert status(scenario, T2) is TicketStatus.NEW


# --- what the customer thinks of it -----------------------------------------------------------


def test_a_customer_rates_an_outcome_once_a_cycle(scenario: Scenario) -> None:
    scenario.given(opened, assigned).when(rated).then_rejected("ticket.not_resolved")
    scenario.given(resolved).when(asked).then(e.CsatRequested, cycle=1)
    scenario.when(asked).then_rejected("ticket.csat_already_requested")
    scenario.when(rated).then(e.CsatRecorded, score=5, cycle=1, assignee_id=ROSA)
    for command in (rated, asked):
        scenario.when(command).then_rejected("ticket.csat_already_recorded")
    scenario.given(reopened).when(rated).then_rejected("ticket.not_resolved")
    scenario.given(resolved, closed).when(rated).then(e.CsatRecorded, cycle=2)


@pytest.mark.parametrize("score", [0, 6])
def test_a_score_is_1_to_5(scenario: Scenario, score: int) -> None:
    scenario.given(opened, resolved).when(RecordCsat(ticket_id=T1, score=score))
    scenario.then_rejected("command.invalid", path="score")


# --- complaints -------------------------------------------------------------------------------


def test_a_complaint_is_resolved_with_its_cause_and_a_summary(scenario: Scenario) -> None:
    scenario.given(complained)
    scenario.when(resolved).then_rejected("ticket.complaint_needs_root_cause")
    scenario.given(SetRootCause(ticket_id=T1, root_cause="training", detail="new colleague"))
    scenario.when(ResolveTicket(ticket_id=T1, code="apologised"))
    scenario.then_rejected("ticket.complaint_needs_summary")
    scenario.when(resolved).then(e.TicketStarted, e.TicketResolved)


def test_a_ticket_that_becomes_a_complaint_is_one(scenario: Scenario) -> None:
    scenario.given(opened, SetTicketType(ticket_id=T1, type=e.TicketType.COMPLAINT))
    scenario.when(resolved).then_rejected("ticket.complaint_needs_root_cause")


def test_only_a_complaint_has_what_belongs_to_complaints(scenario: Scenario) -> None:
    scenario.given(opened)
    for command in (
        AcknowledgeComplaint(ticket_id=T1),
        SetRootCause(ticket_id=T1, root_cause="training"),
        OfferRemedy(ticket_id=T1, type=e.RemedyType.APOLOGY),
        AcceptRemedy(ticket_id=T1),
    ):
        scenario.when(command).then_rejected("ticket.not_a_complaint")


def test_a_complaint_is_acknowledged_once(scenario: Scenario) -> None:
    acknowledged = AcknowledgeComplaint(ticket_id=T1)
    scenario.given(complained).when(acknowledged).then(e.ComplaintAcknowledged)
    scenario.when(acknowledged).then_nothing()


def test_what_was_offered_last_is_what_is_accepted(scenario: Scenario) -> None:
    def offer(amount: str) -> OfferRemedy:
        money = Money(Decimal(amount), "EUR")
        return OfferRemedy(ticket_id=T1, type=e.RemedyType.REFUND, money=money)

    accepted = AcceptRemedy(ticket_id=T1)
    scenario.given(complained).when(accepted).then_rejected("ticket.no_remedy_offered")
    scenario.when(offer("0")).then_rejected("command.invalid", path="money.amount")
    scenario.given(offer("10"), offer("25")).when(accepted)
    scenario.then(e.RemedyAccepted, money=Money(Decimal(25), "EUR"))
    for command in (accepted, offer("50")):
        scenario.when(command).then_rejected("ticket.remedy_already_accepted")


def marks(scenario: Scenario) -> list[bool]:
    """The first-reply marks of the comments that the last command recorded."""
    return [
        event.is_first_public_reply
        for event in scenario.recorded
        if isinstance(event, e.CommentAdded)
    ]
