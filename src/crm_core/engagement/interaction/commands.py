"""What can be asked of an interaction."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from crm_core.engagement.interaction.events import (
    CallOutcome,
    InteractionChannel,
    InteractionDirection,
    InteractionLinkKind,
    InteractionVisibility,
)
from crm_core.engagement.interaction.interaction import Content, Interaction, Link, links_of
from crm_core.kernel.ids import derived_id, new_id
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import LongText, ShortText

Participants = Annotated[tuple[UUID, ...], Meta(max_length=200)]
Seconds = Annotated[int, Meta(ge=0)]
# An RFC 5322 msg-id with or without its angle brackets, on one line (at most 998 characters).
MessageId = Annotated[str, Meta(max_length=998, pattern=r"^\s*<?[^\s<>]+>?\s*$")]

_EMAILS = UUID("0b7b7e0c-6d0e-5b55-9a39-1f0f6a4a3c11")  # the namespace of the ids of e-mails


def email_id(message_id: str) -> UUID:
    """The interaction that an e-mail is, in every mailbox that holds it.

    The same in every tenant (a tenant's streams are its own), so that the command can name its
    target before it is known who executes it.
    """
    return derived_id(_EMAILS, "email", _bare(message_id))


def _bare(message_id: str) -> str:
    return message_id.strip().removeprefix("<").removesuffix(">")


class OnInteraction(Command, frozen=True, kw_only=True):
    TARGET = "interaction_id"


class LogInteraction(OnInteraction, frozen=True, kw_only=True):
    """Records a call, a meeting or any other contact with a customer, or a note about one."""

    NAME = "interaction.log"
    interaction_id: UUID = field(default_factory=new_id)
    customer_id: UUID
    channel: InteractionChannel
    direction: InteractionDirection
    subject: ShortText | None = None
    body: LongText | None = None
    opportunity_id: UUID | None = None
    ticket_id: UUID | None = None
    duration_seconds: Seconds | None = None
    outcome: CallOutcome | None = None
    visibility: InteractionVisibility = InteractionVisibility.RECORD
    participant_ids: Participants = ()

    async def handle(self, work: Work) -> None:
        work.add(
            Interaction.log(
                self.interaction_id,
                work.at,
                customer_id=self.customer_id,
                channel=self.channel,
                direction=self.direction,
                content=Content(self.subject, self.body, self.duration_seconds, self.outcome),
                opportunity_id=self.opportunity_id,
                ticket_id=self.ticket_id,
                visibility=self.visibility,
                participant_ids=self.participant_ids,
            )
        )


class LogEmail(OnInteraction, frozen=True, kw_only=True):
    """Records an e-mail by its message id; found in a second mailbox, it is still one e-mail."""

    NAME = "interaction.log_email"
    message_id: MessageId
    customer_id: UUID
    direction: InteractionDirection
    subject: ShortText | None = None
    body: LongText | None = None
    opportunity_id: UUID | None = None
    ticket_id: UUID | None = None
    visibility: InteractionVisibility = InteractionVisibility.RECORD
    participant_ids: Participants = ()

    @property
    def interaction_id(self) -> UUID:
        return email_id(self.message_id)

    async def handle(self, work: Work) -> None:
        known = await work.find(Interaction, self.interaction_id)
        if known is not None:
            for link in links_of(self.customer_id, self.opportunity_id, self.ticket_id):
                known.link(link)
            return
        work.add(
            Interaction.log(
                self.interaction_id,
                work.at,
                customer_id=self.customer_id,
                channel=InteractionChannel.EMAIL,
                direction=self.direction,
                content=Content(self.subject, self.body),
                opportunity_id=self.opportunity_id,
                ticket_id=self.ticket_id,
                visibility=self.visibility,
                participant_ids=self.participant_ids,
                message_id=_bare(self.message_id),
            )
        )


class CorrectInteraction(OnInteraction, frozen=True, kw_only=True):
    """Changes what is given of what an interaction says; the original stays readable."""

    NAME = "interaction.correct"
    interaction_id: UUID
    subject: ShortText | None = None
    body: LongText | None = None
    duration_seconds: Seconds | None = None
    outcome: CallOutcome | None = None
    reason: ShortText | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Interaction, self.interaction_id)).correct(
            subject=self.subject,
            body=self.body,
            duration_seconds=self.duration_seconds,
            outcome=self.outcome,
            reason=self.reason,
        )


class LinkInteraction(OnInteraction, frozen=True, kw_only=True):
    """Puts an interaction on the timeline of one more record."""

    NAME = "interaction.link"
    interaction_id: UUID
    to: InteractionLinkKind
    to_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Interaction, self.interaction_id)).link(Link(self.to, self.to_id))


class UnlinkInteraction(OnInteraction, frozen=True, kw_only=True):
    """Takes an interaction off the timeline of a record that it is not about."""

    NAME = "interaction.unlink"
    interaction_id: UUID
    to: InteractionLinkKind
    to_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Interaction, self.interaction_id)).unlink(Link(self.to, self.to_id))


class RedactInteraction(OnInteraction, frozen=True, kw_only=True):
    """Hides the subject line and the body of an interaction from everybody, for good."""

    NAME = "interaction.redact"
    interaction_id: UUID
    reason: ShortText

    async def handle(self, work: Work) -> None:
        (await work.load(Interaction, self.interaction_id)).redact(self.reason)
