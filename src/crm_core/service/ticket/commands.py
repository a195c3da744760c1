"""What can be asked of a ticket."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field

from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import Code, Money, ShortText
from crm_core.privacy.erasure.commands import Erases
from crm_core.service.ticket.events import (
    CommentAuthorKind,
    CommentVisibility,
    RemedyType,
    TicketChannel,
    TicketPriority,
    TicketType,
)
from crm_core.service.ticket.ticket import Ticket

Line = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]
Body = Annotated[str, Meta(min_length=1, max_length=20_000, pattern=r"\S")]
Level = Annotated[int, Meta(ge=1, le=9)]
Score = Annotated[int, Meta(ge=1, le=5)]
Losers = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=20)]


class ExternalTicketId(Struct, frozen=True, kw_only=True):
    """The id that another system has for a ticket."""

    system: Code
    external_id: ShortText


class OnTicket(Command, frozen=True, kw_only=True):
    TARGET = "ticket_id"


# --- opening and handing over -----------------------------------------------------------------


class OpenTicket(OnTicket, frozen=True, kw_only=True):
    """Opens a ticket, or a follow-up of one that was closed too long ago to be reopened."""

    NAME = "ticket.open"
    ticket_id: UUID = field(default_factory=new_id)
    subject: Line
    channel: TicketChannel
    type: TicketType = TicketType.QUESTION
    priority: TicketPriority = TicketPriority.NORMAL
    customer_id: UUID | None = None
    product: Code | None = None
    follow_up_of: UUID | None = None
    external: ExternalTicketId | None = None

    async def handle(self, work: Work) -> None:
        if self.follow_up_of is not None:
            await work.load(Ticket, self.follow_up_of)
        ticket = Ticket.open(
            self.ticket_id,
            work.at,
            subject=self.subject,
            channel=self.channel,
            type=self.type,
            priority=self.priority,
            customer_id=self.customer_id,
            product=self.product,
            follow_up_of=self.follow_up_of,
        )
        if self.external is not None:
            ticket.link_external_id(self.external.system, self.external.external_id)
        work.add(ticket)


class QueueTicket(OnTicket, frozen=True, kw_only=True):
    """Puts a ticket into a queue, where it waits for somebody to take it."""

    NAME = "ticket.queue"
    ticket_id: UUID
    queue: Code

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).move_to_queue(self.queue)


class AssignTicket(OnTicket, frozen=True, kw_only=True):
    """Makes a user responsible for a ticket; work on a new one starts."""

    NAME = "ticket.assign"
    ticket_id: UUID
    assignee_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).assign(self.assignee_id)


class SetTicketPriority(OnTicket, frozen=True, kw_only=True):
    """Says how much a ticket presses."""

    NAME = "ticket.set_priority"
    ticket_id: UUID
    priority: TicketPriority

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).set_priority(self.priority)


class SetTicketType(OnTicket, frozen=True, kw_only=True):
    """Says what kind of concern a ticket is."""

    NAME = "ticket.set_type"
    ticket_id: UUID
    type: TicketType

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).set_type(self.type)


class LinkTicketExternalId(OnTicket, frozen=True, kw_only=True):
    """Links the id that another system has for this ticket; unique in that system."""

    NAME = "ticket.link_external_id"
    ticket_id: UUID
    system: Code
    external_id: ShortText

    async def handle(self, work: Work) -> None:
        ticket = await work.load(Ticket, self.ticket_id)
        ticket.link_external_id(self.system, self.external_id)


# --- working on it ----------------------------------------------------------------------------


class CommentOnTicket(OnTicket, frozen=True, kw_only=True):
    """Adds a reply that the customer sees, or a note that only the team sees."""

    NAME = "ticket.comment"
    ticket_id: UUID
    visibility: CommentVisibility
    author_kind: CommentAuthorKind
    body: Body

    async def handle(self, work: Work) -> None:
        ticket = await work.load(Ticket, self.ticket_id)
        ticket.comment(self.visibility, self.author_kind, self.body)


class LogTicketActivity(OnTicket, frozen=True, kw_only=True):
    """Records a step of another help desk's log that has no command here."""

    NAME = "ticket.log_activity"
    ticket_id: UUID
    activity: ShortText
    resource: ShortText | None = None
    detail: Body | None = None

    async def handle(self, work: Work) -> None:
        ticket = await work.load(Ticket, self.ticket_id)
        ticket.log_activity(self.activity, self.resource, self.detail)


class AwaitCustomer(OnTicket, frozen=True, kw_only=True):
    """Lets a ticket wait until the customer answers."""

    NAME = "ticket.await_customer"
    ticket_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).await_customer()


class HoldTicket(OnTicket, frozen=True, kw_only=True):
    """Lets a ticket wait for a third party."""

    NAME = "ticket.hold"
    ticket_id: UUID
    reason: Line

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).hold(self.reason)


class ResumeTicket(OnTicket, frozen=True, kw_only=True):
    """Takes up a ticket that was waiting."""

    NAME = "ticket.resume"
    ticket_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).resume()


class EscalateTicket(OnTicket, frozen=True, kw_only=True):
    """Raises a ticket to a higher level of attention, each level once until it is reopened."""

    NAME = "ticket.escalate"
    ticket_id: UUID
    level: Level
    cause: Code

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).escalate(self.level, self.cause)


# --- ending and reopening ---------------------------------------------------------------------


class ResolveTicket(OnTicket, frozen=True, kw_only=True):
    """Records that a ticket's concern is settled, and how."""

    NAME = "ticket.resolve"
    ticket_id: UUID
    code: Code
    summary: Body | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).resolve(self.code, self.summary)


class ReopenTicket(OnTicket, frozen=True, kw_only=True):
    """Takes up a resolved ticket again, or one that was closed at most 14 days ago."""

    NAME = "ticket.reopen"
    ticket_id: UUID
    reason: Line

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).reopen(self.reason)


class CloseTicket(OnTicket, frozen=True, kw_only=True):
    """Ends a resolved ticket; it takes no more replies."""

    NAME = "ticket.close"
    ticket_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).close()


class RejectTicket(OnTicket, frozen=True, kw_only=True):
    """Ends a ticket that is none, such as spam."""

    NAME = "ticket.reject"
    ticket_id: UUID
    reason: Line

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).reject(self.reason)


class MergeTickets(OnTicket, frozen=True, kw_only=True):
    """Merges other tickets into this one; whoever replies to them is sent here."""

    NAME = "ticket.merge"
    ticket_id: UUID
    loser_ids: Losers

    async def handle(self, work: Work) -> None:
        survivor = await work.load(Ticket, self.ticket_id)
        losers = [await work.load(Ticket, loser) for loser in dict.fromkeys(self.loser_ids)]
        survivor.absorb(losers)


class RequestCsat(OnTicket, frozen=True, kw_only=True):
    """Records that the customer was asked how content they are with the outcome."""

    NAME = "ticket.request_csat"
    ticket_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).request_csat()


class RecordCsat(OnTicket, frozen=True, kw_only=True):
    """Records how content the customer is, from 1 to 5; once until the ticket is reopened."""

    NAME = "ticket.record_csat"
    ticket_id: UUID
    score: Score
    comment: Body | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).record_csat(self.score, self.comment)


# --- complaints -------------------------------------------------------------------------------


class AcknowledgeComplaint(OnTicket, frozen=True, kw_only=True):
    """Records that the customer was told that the complaint has arrived."""

    NAME = "ticket.acknowledge_complaint"
    ticket_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).acknowledge_complaint()


class SetRootCause(OnTicket, frozen=True, kw_only=True):
    """Records why what is complained about came to be."""

    NAME = "ticket.set_root_cause"
    ticket_id: UUID
    root_cause: Code
    detail: Body | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).set_root_cause(self.root_cause, self.detail)


class OfferRemedy(OnTicket, frozen=True, kw_only=True):
    """Records what is offered to the customer to make up for a complaint."""

    NAME = "ticket.offer_remedy"
    ticket_id: UUID
    type: RemedyType
    money: Money | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).offer_remedy(self.type, self.money)


class AcceptRemedy(OnTicket, frozen=True, kw_only=True):
    """Records that the customer accepts what was offered last."""

    NAME = "ticket.accept_remedy"
    ticket_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Ticket, self.ticket_id)).accept_remedy()


class EraseTicket(Erases, frozen=True, kw_only=True):
    """Forgets for ever what is written in a ticket that no customer is known for; its shape stays.

    Those of a customer go with the customer.
    """

    NAME = "ticket.erase"
    TARGET = "ticket_id"
    ticket_id: UUID

    async def handle(self, work: Work) -> None:
        self.erase_alone(work, await work.load(Ticket, self.ticket_id))
