"""The rules of a ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from crm_core.kernel.aggregate import Aggregate, HeldKey, external_key
from crm_core.kernel.errors import Invalid, Rejected
from crm_core.kernel.events import PersonalText
from crm_core.kernel.values import Money
from crm_core.service.ticket import events as e
from crm_core.service.ticket.events import TicketStatus

REOPEN_DAYS_MAX = 14  # after closing; later a follow-up ticket is opened instead

_WAITING = frozenset({TicketStatus.PENDING_CUSTOMER, TicketStatus.ON_HOLD})
_NEVER = datetime.min.replace(tzinfo=UTC)  # until an event says when


@dataclass(frozen=True, slots=True)
class Remedy:
    type: e.RemedyType
    money: Money | None
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Cycle:
    """What holds for one round of work; reopening begins the next with a clean sheet."""

    number: int
    started_at: datetime
    has_public_reply: bool = False
    escalation_level: int = 0
    csat_requested: bool = False
    csat_recorded: bool = False
    remedy: Remedy | None = None


class Ticket(Aggregate):
    """NEW → OPEN ⇄ PENDING_CUSTOMER | ON_HOLD; OPEN → RESOLVED → CLOSED; both → OPEN (reopened).

    NEW and OPEN may end as REJECTED or MERGED. A command that needs a step in between, such as
    resolving a ticket that is on hold, records that step as well.
    """

    TOPIC = "service.ticket"

    subject: PersonalText = ""
    status: TicketStatus = TicketStatus.NEW
    type: e.TicketType = e.TicketType.QUESTION
    priority: e.TicketPriority = e.TicketPriority.NORMAL
    customer_id: UUID | None = None
    queue: str | None = None
    assignee_id: UUID | None = None
    cycle: Cycle = Cycle(1, _NEVER)
    complaint_acknowledged: bool = False
    root_cause: str | None = None
    closed_at: datetime = _NEVER
    survivor_id: UUID | None = None
    external_ids: set[tuple[str, str]] = field(default_factory=set)

    @property
    def subject_id(self) -> UUID:
        """What is said in a ticket is the customer's, where the customer is known."""
        return self.customer_id or self.id

    # --- opening and handing over -------------------------------------------------------------

    @classmethod
    def open(
        cls,
        ticket_id: UUID,
        at: datetime,
        *,
        subject: str,
        channel: e.TicketChannel,
        type: e.TicketType = e.TicketType.QUESTION,
        priority: e.TicketPriority = e.TicketPriority.NORMAL,
        customer_id: UUID | None = None,
        product: str | None = None,
        follow_up_of: UUID | None = None,
    ) -> Ticket:
        return cls.start(
            e.TicketOpened,
            ticket_id,
            at,
            subject=subject.strip(),
            customer_id=customer_id,
            channel=channel,
            type=type,
            priority=priority,
            product=product,
            follow_up_of=follow_up_of,
        )

    def move_to_queue(self, queue: str) -> None:
        """Hands the ticket to whoever serves the queue; nobody is assigned from here on."""
        self._refuse_ended()
        if queue != self.queue or self.assignee_id is not None:
            self.record(
                e.TicketQueued,
                from_queue=self.queue,
                to_queue=queue,
                from_assignee_id=self.assignee_id,
            )

    def assign(self, assignee_id: UUID) -> None:
        """Work on a new ticket starts with its first assignee."""
        self._refuse_ended()
        if assignee_id != self.assignee_id:
            self.record(
                e.TicketAssigned, from_assignee_id=self.assignee_id, to_assignee_id=assignee_id
            )
        self._start()

    def set_priority(self, priority: e.TicketPriority) -> None:
        self._require_in_work()
        if priority is not self.priority:
            self.record(e.TicketPrioritySet, from_priority=self.priority, to_priority=priority)

    def set_type(self, type: e.TicketType) -> None:
        self._require_in_work()
        if type is not self.type:
            self.record(e.TicketTypeSet, from_type=self.type, to_type=type)

    # --- talking ------------------------------------------------------------------------------

    def comment(
        self, visibility: e.CommentVisibility, author_kind: e.CommentAuthorKind, body: str
    ) -> None:
        """An agent's public reply starts a new ticket; a customer's ends the waiting for it."""
        self._refuse_ended()
        is_public = visibility is e.CommentVisibility.PUBLIC
        by_agent = author_kind is e.CommentAuthorKind.AGENT
        if not is_public and not by_agent:
            raise Rejected("ticket.customer_comment_not_public", ticket_id=str(self.id))
        self.record(
            e.CommentAdded,
            visibility=visibility,
            author_kind=author_kind,
            body=body,
            is_first_public_reply=is_public and by_agent and not self.cycle.has_public_reply,
            cycle=self.cycle.number,
            cycle_started_at=self.cycle.started_at,
        )
        if is_public and by_agent:
            self._start()
        if not by_agent and self.status is TicketStatus.PENDING_CUSTOMER:
            self.record(e.TicketResumed)

    def log_activity(self, activity: str, resource: str | None, detail: str | None) -> None:
        """Another help desk's log may tell of any step at any time, so no status refuses it."""
        self.record(e.TicketActivityLogged, activity=activity, resource=resource, detail=detail)

    # --- waiting and escalating ---------------------------------------------------------------

    def await_customer(self) -> None:
        self._wait_as(TicketStatus.PENDING_CUSTOMER)
        self.record(e.CustomerAwaited)

    def hold(self, reason: str) -> None:
        self._wait_as(TicketStatus.ON_HOLD)
        self.record(e.TicketHeld, reason=reason)

    def resume(self) -> None:
        self._require_in_work()
        if self.status not in _WAITING:
            raise Rejected("ticket.not_waiting", ticket_id=str(self.id))
        self.record(e.TicketResumed)

    def escalate(self, level: int, cause: str) -> None:
        """Only upwards, so that each level fires once a cycle."""
        self._require_in_work()
        if level <= self.cycle.escalation_level:
            raise Rejected(
                "ticket.already_escalated",
                ticket_id=str(self.id),
                level=self.cycle.escalation_level,
            )
        self.record(e.TicketEscalated, level=level, cause=cause, cycle=self.cycle.number)

    # --- ending and reopening -----------------------------------------------------------------

    def resolve(self, code: str, summary: str | None) -> None:
        """A complaint says why it came to be and what was done."""
        self._require_in_work()
        if self.type is e.TicketType.COMPLAINT:
            if self.root_cause is None:
                raise Rejected("ticket.complaint_needs_root_cause", ticket_id=str(self.id))
            if summary is None:
                raise Rejected("ticket.complaint_needs_summary", ticket_id=str(self.id))
        self._start()
        self._stop_waiting()
        self.record(
            e.TicketResolved,
            code=code,
            summary=summary,
            assignee_id=self.assignee_id,
            cycle=self.cycle.number,
            cycle_started_at=self.cycle.started_at,
        )

    def reopen(self, reason: str) -> None:
        """A closed ticket comes back within REOPEN_DAYS_MAX only."""
        self._require_outcome()
        is_closed = self.status is TicketStatus.CLOSED
        if is_closed and self.at - self.closed_at > timedelta(days=REOPEN_DAYS_MAX):
            raise Rejected(
                "ticket.needs_follow_up",
                ticket_id=str(self.id),
                closed_at=self.closed_at,
                reopen_days_max=REOPEN_DAYS_MAX,
            )
        self.record(
            e.TicketReopened,
            reason=reason,
            assignee_id=self.assignee_id,
            cycle=self.cycle.number + 1,
        )

    def close(self) -> None:
        self._refuse_ended()
        self._require_outcome()
        self.record(e.TicketClosed, cycle=self.cycle.number)

    def reject(self, reason: str) -> None:
        self._require_in_work()
        self._stop_waiting()
        self.record(e.TicketRejected, reason=reason)

    def absorb(self, losers: Sequence[Ticket]) -> None:
        """Merges the losers into this one, which answers for their external ids from now on."""
        self._require_in_work()
        for loser in losers:
            if loser.id == self.id:
                raise Rejected("ticket.merge_with_itself", ticket_id=str(self.id))
            loser._require_in_work()
        external_ids = set().union(*(loser.external_ids for loser in losers)) - self.external_ids
        self.record(
            e.TicketsAbsorbed,
            loser_ids=tuple(loser.id for loser in losers),
            external_ids=tuple(sorted(external_ids)),
        )
        for loser in losers:
            loser._stop_waiting()
            loser.record(e.TicketMergedInto, survivor_id=self.id)

    # --- what the customer thinks of it -------------------------------------------------------

    def request_csat(self) -> None:
        self._require_outcome()
        self._refuse_second_csat()
        if self.cycle.csat_requested:
            raise Rejected("ticket.csat_already_requested", ticket_id=str(self.id))
        self.record(e.CsatRequested, cycle=self.cycle.number)

    def record_csat(self, score: int, comment: str | None) -> None:
        """A customer may answer unasked."""
        self._require_outcome()
        self._refuse_second_csat()
        self.record(
            e.CsatRecorded,
            score=score,
            comment=comment,
            assignee_id=self.assignee_id,
            cycle=self.cycle.number,
        )

    # --- complaints ---------------------------------------------------------------------------

    def acknowledge_complaint(self) -> None:
        self._require_in_work()
        self._require_complaint()
        if not self.complaint_acknowledged:
            self.record(e.ComplaintAcknowledged)

    def set_root_cause(self, root_cause: str, detail: str | None) -> None:
        self._require_in_work()
        self._require_complaint()
        self.record(e.RootCauseSet, root_cause=root_cause, detail=detail)

    def offer_remedy(self, type: e.RemedyType, money: Money | None) -> None:
        """A new offer takes the place of one that was not accepted."""
        self._require_in_work()
        self._require_complaint()
        self._refuse_second_remedy()
        if money is not None and money.amount <= 0:
            raise Invalid("money.amount", "must be above 0")
        self.record(e.RemedyOffered, type=type, money=money)

    def accept_remedy(self) -> None:
        self._refuse_ended()
        self._require_complaint()
        self._refuse_second_remedy()
        if self.cycle.remedy is None:
            raise Rejected("ticket.no_remedy_offered", ticket_id=str(self.id))
        offered = self.cycle.remedy
        self.record(e.RemedyAccepted, type=offered.type, money=offered.money)

    # --- unique keys --------------------------------------------------------------------------

    def link_external_id(self, system: str, external_id: str) -> None:
        self._refuse_merged()
        if (system, external_id) not in self.external_ids:
            self.record(e.TicketExternalIdLinked, system=system, external_id=external_id)

    def held_keys(self) -> frozenset[HeldKey]:
        """A ticket holds its external ids for ever, unless its survivor does."""
        if self.status is TicketStatus.MERGED:
            return frozenset()
        return frozenset(external_key("ticket", *link) for link in self.external_ids)

    # --- steps in between ---------------------------------------------------------------------

    def _start(self) -> None:
        if self.status is TicketStatus.NEW:
            self.record(e.TicketStarted)

    def _stop_waiting(self) -> None:
        if self.status in _WAITING:
            self.record(e.TicketResumed)

    def _wait_as(self, status: TicketStatus) -> None:
        self._require_in_work()
        if self.status is status:
            raise Rejected("ticket.already_waiting", ticket_id=str(self.id), status=status.value)
        self._start()
        self._stop_waiting()

    # --- guards -------------------------------------------------------------------------------

    def _require_in_work(self) -> None:
        self._refuse_ended()
        if self.status is TicketStatus.RESOLVED:
            raise Rejected("ticket.already_resolved", ticket_id=str(self.id))

    def _refuse_ended(self) -> None:
        self._refuse_rejected()
        if self.status is TicketStatus.CLOSED:
            raise Rejected("ticket.already_closed", ticket_id=str(self.id))

    def _require_outcome(self) -> None:
        self._refuse_rejected()
        if self.status not in (TicketStatus.RESOLVED, TicketStatus.CLOSED):
            raise Rejected("ticket.not_resolved", ticket_id=str(self.id))

    def _refuse_rejected(self) -> None:
        self._refuse_merged()
        if self.status is TicketStatus.REJECTED:
            raise Rejected("ticket.already_rejected", ticket_id=str(self.id))

    def _refuse_merged(self) -> None:
        if self.status is TicketStatus.MERGED:
            raise Rejected(
                "ticket.merged", ticket_id=str(self.id), survivor_id=str(self.survivor_id)
            )

    def _require_complaint(self) -> None:
        if self.type is not e.TicketType.COMPLAINT:
            raise Rejected("ticket.not_a_complaint", ticket_id=str(self.id))

    def _refuse_second_csat(self) -> None:
        if self.cycle.csat_recorded:
            raise Rejected("ticket.csat_already_recorded", ticket_id=str(self.id))

    def _refuse_second_remedy(self) -> None:
        if self.cycle.remedy is not None and self.cycle.remedy.accepted:
            raise Rejected("ticket.remedy_already_accepted", ticket_id=str(self.id))

    # --- state --------------------------------------------------------------------------------

    def when(self, event: Any) -> None:
        self.status = e.STATUS_AFTER.get(type(event), self.status)
        match event:
            case e.TicketOpened():
                self.subject, self.customer_id = event.subject, event.customer_id
                self.type, self.priority = event.type, event.priority
                self.cycle = Cycle(1, event.timestamp)
            case e.TicketQueued():
                self.queue, self.assignee_id = event.to_queue, None
            case e.TicketAssigned():
                self.assignee_id = event.to_assignee_id
            case e.TicketPrioritySet():
                self.priority = event.to_priority
            case e.TicketTypeSet():
                self.type = event.to_type
            case e.CommentAdded():
                if event.is_first_public_reply:
                    self._in_cycle(has_public_reply=True)
            case e.TicketEscalated():
                self._in_cycle(escalation_level=event.level)
            case e.TicketReopened():
                self.cycle = Cycle(event.cycle, event.timestamp)
            case e.TicketClosed():
                self.closed_at = event.timestamp
            case e.TicketMergedInto():
                self.survivor_id = event.survivor_id
            case e.TicketsAbsorbed():
                self.external_ids |= set(event.external_ids)
            case e.TicketExternalIdLinked():
                self.external_ids.add((event.system, event.external_id))
            case e.CsatRequested():
                self._in_cycle(csat_requested=True)
            case e.CsatRecorded():
                self._in_cycle(csat_recorded=True)
            case e.ComplaintAcknowledged():
                self.complaint_acknowledged = True
            case e.RootCauseSet():
                self.root_cause = event.root_cause
            case e.RemedyOffered():
                self._in_cycle(remedy=Remedy(event.type, event.money))
            case e.RemedyAccepted():
                self._in_cycle(remedy=Remedy(event.type, event.money, accepted=True))
            case e.TicketStarted() | e.CustomerAwaited() | e.TicketHeld() | e.TicketResumed():
                pass  # the status is all that changes
            case e.TicketResolved() | e.TicketRejected():
                pass  # the status is all that changes
            case e.TicketActivityLogged():
                pass  # no rule needs it; the read models show it
            case _:
                assert_never(event)

    def _in_cycle(self, **changes: Any) -> None:
        self.cycle = replace(self.cycle, **changes)
