"""What can happen to a ticket.

A cycle is one round of work: the first begins when the ticket is opened, the next ones each time
it is reopened. What a report asks of a cycle (its number, its start) is on the events.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from crm_core.kernel.events import Created, Event, OptionalPersonalText, PersonalText
from crm_core.kernel.values import Money


class TicketStatus(StrEnum):
    NEW = "NEW"
    OPEN = "OPEN"
    PENDING_CUSTOMER = "PENDING_CUSTOMER"
    ON_HOLD = "ON_HOLD"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"
    REJECTED = "REJECTED"
    MERGED = "MERGED"


class TicketChannel(StrEnum):
    API = "API"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CHAT = "CHAT"
    WEB = "WEB"
    IMPORT = "IMPORT"


class TicketType(StrEnum):
    QUESTION = "QUESTION"
    REQUEST = "REQUEST"
    INCIDENT = "INCIDENT"
    COMPLAINT = "COMPLAINT"
    RETURN = "RETURN"


class TicketPriority(StrEnum):
    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


class CommentVisibility(StrEnum):
    """PUBLIC: the customer sees it. INTERNAL: only those who work on the ticket."""

    PUBLIC = "PUBLIC"
    INTERNAL = "INTERNAL"


class CommentAuthorKind(StrEnum):
    AGENT = "AGENT"
    CUSTOMER = "CUSTOMER"


class RemedyType(StrEnum):
    APOLOGY = "APOLOGY"
    REPAIR = "REPAIR"
    REPLACEMENT = "REPLACEMENT"
    REFUND = "REFUND"
    CREDIT = "CREDIT"
    VOUCHER = "VOUCHER"
    OTHER = "OTHER"


# --- the work ---------------------------------------------------------------------------------


class TicketOpened(Created):
    TOPIC = "service.ticket.opened"
    subject: PersonalText
    customer_id: UUID | None
    channel: TicketChannel
    type: TicketType
    priority: TicketPriority
    product: str | None
    follow_up_of: UUID | None


class TicketQueued(Event):
    """Waits in a queue for somebody: from here on it has no assignee."""

    TOPIC = "service.ticket.queued"
    from_queue: str | None
    to_queue: str
    from_assignee_id: UUID | None


class TicketAssigned(Event):
    TOPIC = "service.ticket.assigned"
    from_assignee_id: UUID | None
    to_assignee_id: UUID


class TicketStarted(Event):
    """Work began: somebody was assigned, or did something that only a worked ticket takes."""

    TOPIC = "service.ticket.started"


class CommentAdded(Event):
    """`is_first_public_reply`: the first answer of an agent that the customer sees, once a cycle.

    The time it took is the event's own time less `cycle_started_at`.
    """

    TOPIC = "service.ticket.comment_added"
    visibility: CommentVisibility
    author_kind: CommentAuthorKind
    body: PersonalText
    is_first_public_reply: bool
    cycle: int
    cycle_started_at: datetime


class TicketPrioritySet(Event):
    TOPIC = "service.ticket.priority_set"
    from_priority: TicketPriority
    to_priority: TicketPriority


class TicketTypeSet(Event):
    TOPIC = "service.ticket.type_set"
    from_type: TicketType
    to_type: TicketType


class CustomerAwaited(Event):
    TOPIC = "service.ticket.customer_awaited"


class TicketHeld(Event):
    """Waits for a third party."""

    TOPIC = "service.ticket.held"
    reason: PersonalText


class TicketResumed(Event):
    TOPIC = "service.ticket.resumed"


class TicketEscalated(Event):
    TOPIC = "service.ticket.escalated"
    level: int
    cause: str
    cycle: int


class TicketActivityLogged(Event):
    """A step that another help desk's log tells of and that means nothing to our rules."""

    TOPIC = "service.ticket.activity_logged"
    activity: str
    resource: OptionalPersonalText
    detail: OptionalPersonalText


class TicketExternalIdLinked(Event):
    TOPIC = "service.ticket.external_id_linked"
    system: str
    external_id: str


# --- the end, and after it --------------------------------------------------------------------


class TicketResolved(Event):
    """The time it took is the event's own time less `cycle_started_at`."""

    TOPIC = "service.ticket.resolved"
    code: str
    summary: OptionalPersonalText
    assignee_id: UUID | None
    cycle: int
    cycle_started_at: datetime


class TicketReopened(Event):
    """`cycle` is the number of the one that begins."""

    TOPIC = "service.ticket.reopened"
    reason: PersonalText
    assignee_id: UUID | None
    cycle: int


class TicketClosed(Event):
    TOPIC = "service.ticket.closed"
    cycle: int


class TicketRejected(Event):
    """Spam, or no ticket at all."""

    TOPIC = "service.ticket.rejected"
    reason: PersonalText


class TicketMergedInto(Event):
    """Recorded on each ticket that was merged away."""

    TOPIC = "service.ticket.merged_into"
    survivor_id: UUID


class TicketsAbsorbed(Event):
    """Recorded on the survivor, with the external ids that it holds from now on."""

    TOPIC = "service.ticket.absorbed"
    loser_ids: tuple[UUID, ...]
    external_ids: tuple[tuple[str, str], ...]


class CsatRequested(Event):
    TOPIC = "service.ticket.csat_requested"
    cycle: int


class CsatRecorded(Event):
    """How content the customer is with a cycle's outcome, from 1 (not at all) to 5."""

    TOPIC = "service.ticket.csat_recorded"
    score: int
    comment: OptionalPersonalText
    assignee_id: UUID | None
    cycle: int


# --- complaints -------------------------------------------------------------------------------


class ComplaintAcknowledged(Event):
    TOPIC = "service.ticket.complaint_acknowledged"


class RootCauseSet(Event):
    TOPIC = "service.ticket.root_cause_set"
    root_cause: str
    detail: OptionalPersonalText


class RemedyOffered(Event):
    TOPIC = "service.ticket.remedy_offered"
    type: RemedyType
    money: Money | None


class RemedyAccepted(Event):
    """What was offered last is what was accepted."""

    TOPIC = "service.ticket.remedy_accepted"
    type: RemedyType
    money: Money | None


STATUS_AFTER: Mapping[type[Event], TicketStatus] = MappingProxyType(
    {
        TicketOpened: TicketStatus.NEW,
        TicketStarted: TicketStatus.OPEN,
        CustomerAwaited: TicketStatus.PENDING_CUSTOMER,
        TicketHeld: TicketStatus.ON_HOLD,
        TicketResumed: TicketStatus.OPEN,
        TicketResolved: TicketStatus.RESOLVED,
        TicketReopened: TicketStatus.OPEN,
        TicketClosed: TicketStatus.CLOSED,
        TicketRejected: TicketStatus.REJECTED,
        TicketMergedInto: TicketStatus.MERGED,
    }
)
"""The events that change the status, each to one status whatever it was; no other event does."""
