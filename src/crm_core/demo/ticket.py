"""One ticket, told step by step."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from crm_core.demo.companies import Company, company_id
from crm_core.demo.contacts import Talk, log_talk
from crm_core.demo.offer import money
from crm_core.demo.staff import INGRID
from crm_core.demo.story import END, Colleague, Story
from crm_core.kernel.messages import Command
from crm_core.service.ticket import commands as c
from crm_core.service.ticket.events import (
    CommentAuthorKind,
    CommentVisibility,
    RemedyType,
    TicketChannel,
    TicketPriority,
    TicketType,
)

__all__ = ["Case"]

_STEP: Final = 0.004  # a working day; some two minutes


class Case:
    """Customer and agent take turns; `waits` and `on` let time pass in between.

    What comes in by itself, such as a customer's e-mail, is recorded by the system.
    """

    def __init__(
        self,
        story: Story,
        key: str,
        subject: str,
        company: Company | None,
        day: float,
        *,
        agent: Colleague = INGRID,
    ) -> None:
        self.id = story.id("ticket", key)
        self.day = day
        self._story = story
        self._subject = subject
        self._company = company
        self._agent = agent

    def waits(self, days: float) -> bool:
        """Time passes; False where the story ends meanwhile."""
        self.day += days
        return self.day < END

    def on(self, day: float) -> None:
        """The next step is taken on that day of the story."""
        assert day >= self.day, f"{self._subject}: day {day} is over"
        self.day = day

    # --- opening and handing over -------------------------------------------------------------

    def opens(
        self,
        channel: TicketChannel,
        type: TicketType,
        priority: TicketPriority = TicketPriority.NORMAL,
        *,
        product: str | None = None,
        follow_up_of: UUID | None = None,
        external_id: str | None = None,
    ) -> None:
        """By the agent who takes the call; by the system, where it comes in writing."""
        external = None
        if external_id is not None:
            external = c.ExternalTicketId(system="web-form", external_id=external_id)
        command = c.OpenTicket(
            ticket_id=self.id,
            subject=self._subject,
            channel=channel,
            type=type,
            priority=priority,
            customer_id=None if self._company is None else company_id(self._story, self._company),
            product=product,
            follow_up_of=follow_up_of,
            external=external,
        )
        self._tell(command, self._agent if channel is TicketChannel.PHONE else None)

    def queues(self, queue: str) -> None:
        self._tell(c.QueueTicket(ticket_id=self.id, queue=queue), None)

    def is_taken(self, by: Colleague | None = None) -> None:
        """By its agent, or by another one, who keeps it."""
        self._agent = by or self._agent
        assignee_id = self._story.user_id(self._agent)
        self._say(c.AssignTicket(ticket_id=self.id, assignee_id=assignee_id))

    def presses(self, priority: TicketPriority) -> None:
        self._say(c.SetTicketPriority(ticket_id=self.id, priority=priority))

    def turns_into(self, type: TicketType) -> None:
        self._say(c.SetTicketType(ticket_id=self.id, type=type))

    def absorbs(self, other: Case) -> None:
        self._say(c.MergeTickets(ticket_id=self.id, loser_ids=(other.id,)))

    # --- talking and waiting ------------------------------------------------------------------

    def hears(self, body: str) -> None:
        """The customer writes."""
        words = self._comment(CommentVisibility.PUBLIC, CommentAuthorKind.CUSTOMER, body)
        self._tell(words, None)

    def replies(self, body: str) -> None:
        self._say(self._comment(CommentVisibility.PUBLIC, CommentAuthorKind.AGENT, body))

    def notes(self, body: str) -> None:
        self._say(self._comment(CommentVisibility.INTERNAL, CommentAuthorKind.AGENT, body))

    def talks(self, talk: Talk, who: Colleague | None = None) -> None:
        """Somebody speaks with the company about it."""
        assert self._company is not None
        who = who or self._agent
        log_talk(self._story, self.day, who, self._company, talk, ticket_id=self.id)
        self.day += _STEP

    def awaits(self) -> None:
        self._say(c.AwaitCustomer(ticket_id=self.id))

    def holds(self, reason: str) -> None:
        self._say(c.HoldTicket(ticket_id=self.id, reason=reason))

    def resumes(self) -> None:
        self._say(c.ResumeTicket(ticket_id=self.id))

    def escalates(self, level: int, cause: str) -> None:
        self._say(c.EscalateTicket(ticket_id=self.id, level=level, cause=cause))

    # --- ending -------------------------------------------------------------------------------

    def resolves(self, code: str, summary: str | None = None) -> None:
        self._say(c.ResolveTicket(ticket_id=self.id, code=code, summary=summary))

    def reopens(self, reason: str) -> None:
        self._say(c.ReopenTicket(ticket_id=self.id, reason=reason))

    def closes(self) -> None:
        self._tell(c.CloseTicket(ticket_id=self.id), None)

    def rejects(self, reason: str) -> None:
        self._say(c.RejectTicket(ticket_id=self.id, reason=reason))

    def asks_how_it_was(self) -> None:
        self._tell(c.RequestCsat(ticket_id=self.id), None)

    def scores(self, score: int, comment: str | None = None) -> None:
        self._tell(c.RecordCsat(ticket_id=self.id, score=score, comment=comment), None)

    # --- complaints ---------------------------------------------------------------------------

    def acknowledges(self) -> None:
        self._say(c.AcknowledgeComplaint(ticket_id=self.id))

    def finds(self, root_cause: str, detail: str) -> None:
        self._say(c.SetRootCause(ticket_id=self.id, root_cause=root_cause, detail=detail))

    def offers(self, remedy: RemedyType, euros: int | None = None) -> None:
        worth = None if euros is None else money(euros, "EUR")
        self._say(c.OfferRemedy(ticket_id=self.id, type=remedy, money=worth))

    def accepts(self) -> None:
        """The customer takes what is offered."""
        self._say(c.AcceptRemedy(ticket_id=self.id))

    # ------------------------------------------------------------------------------------------

    def _comment(
        self, visibility: CommentVisibility, author_kind: CommentAuthorKind, body: str
    ) -> Command:
        return c.CommentOnTicket(
            ticket_id=self.id, visibility=visibility, author_kind=author_kind, body=body
        )

    def _say(self, command: Command) -> None:
        self._tell(command, self._agent)

    def _tell(self, command: Command, who: Colleague | None) -> None:
        self._story.tell(self.day, who, command)
        self.day += _STEP
