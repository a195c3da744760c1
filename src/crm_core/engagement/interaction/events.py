"""What can happen to an interaction. When it took place is the event's own time."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from crm_core.kernel.events import Created, Event, OptionalPersonalText, PersonalText


class InteractionChannel(StrEnum):
    EMAIL = "EMAIL"
    CALL = "CALL"
    CHAT = "CHAT"
    MEETING = "MEETING"
    SMS = "SMS"
    VISIT = "VISIT"
    NOTE = "NOTE"


class InteractionDirection(StrEnum):
    """Seen from us: INBOUND came from the customer, INTERNAL stayed among ourselves."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"
    INTERNAL = "INTERNAL"


class CallOutcome(StrEnum):
    HELD = "HELD"
    NOT_HELD = "NOT_HELD"
    MISSED = "MISSED"


class InteractionVisibility(StrEnum):
    """For whom its words are: who took part, their teams too, or whoever sees the customer."""

    PARTICIPANTS = "PARTICIPANTS"
    TEAM = "TEAM"
    RECORD = "RECORD"


class InteractionLinkKind(StrEnum):
    CUSTOMER = "CUSTOMER"
    OPPORTUNITY = "OPPORTUNITY"
    TICKET = "TICKET"


class InteractionLogged(Created):
    """`message_id` is that of an e-mail (RFC 5322, 3.6.4), without its angle brackets."""

    TOPIC = "engagement.interaction.logged"
    customer_id: UUID
    channel: InteractionChannel
    direction: InteractionDirection
    subject: OptionalPersonalText
    body: OptionalPersonalText
    opportunity_id: UUID | None
    ticket_id: UUID | None
    duration_seconds: int | None
    outcome: CallOutcome | None
    visibility: InteractionVisibility
    participant_ids: tuple[UUID, ...]
    message_id: OptionalPersonalText


class InteractionCorrected(Event):
    """All that the interaction says from here on; what was logged first stays readable."""

    TOPIC = "engagement.interaction.corrected"
    subject: OptionalPersonalText
    body: OptionalPersonalText
    duration_seconds: int | None
    outcome: CallOutcome | None
    reason: OptionalPersonalText


class InteractionLinked(Event):
    TOPIC = "engagement.interaction.linked"
    to: InteractionLinkKind
    to_id: UUID


class InteractionUnlinked(Event):
    TOPIC = "engagement.interaction.unlinked"
    to: InteractionLinkKind
    to_id: UUID


class InteractionRedacted(Event):
    """Its subject line and body are shown to nobody from here on, corrected ones included."""

    TOPIC = "engagement.interaction.redacted"
    reason: PersonalText
