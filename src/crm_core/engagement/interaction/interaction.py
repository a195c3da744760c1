"""The rules of an interaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, assert_never
from uuid import UUID

from crm_core.engagement.interaction import events as e
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Rejected
from crm_core.kernel.events import REDACTED, OptionalPersonalText

LINKS_MAX = 50


class Link(NamedTuple):
    to: e.InteractionLinkKind
    to_id: UUID


@dataclass(frozen=True, slots=True)
class Content:
    """What an interaction says."""

    subject: OptionalPersonalText = None
    body: OptionalPersonalText = None
    duration_seconds: int | None = None
    outcome: e.CallOutcome | None = None

    def redacted(self) -> Content:
        """The facts without the words; words that were never there stay absent."""
        return replace(
            self,
            subject=None if self.subject is None else REDACTED,
            body=None if self.body is None else REDACTED,
        )


class Interaction(Aggregate):
    TOPIC = "engagement.interaction"

    customer_id: UUID = UUID(int=0)
    channel: e.InteractionChannel = e.InteractionChannel.NOTE
    visibility: e.InteractionVisibility = e.InteractionVisibility.RECORD
    original: Content = Content()
    content: Content = Content()
    links: set[Link] = field(default_factory=set)
    is_redacted: bool = False

    @property
    def subject_id(self) -> UUID:
        return self.customer_id

    @classmethod
    def log(
        cls,
        interaction_id: UUID,
        at: datetime,
        *,
        customer_id: UUID,
        channel: e.InteractionChannel,
        direction: e.InteractionDirection,
        content: Content,
        opportunity_id: UUID | None = None,
        ticket_id: UUID | None = None,
        visibility: e.InteractionVisibility = e.InteractionVisibility.RECORD,
        participant_ids: Iterable[UUID] = (),
        message_id: str | None = None,
    ) -> Interaction:
        _check_outcome(channel, content.outcome)
        return cls.start(
            e.InteractionLogged,
            interaction_id,
            at,
            customer_id=customer_id,
            channel=channel,
            direction=direction,
            subject=content.subject,
            body=content.body,
            opportunity_id=opportunity_id,
            ticket_id=ticket_id,
            duration_seconds=content.duration_seconds,
            outcome=content.outcome,
            visibility=visibility,
            participant_ids=tuple(dict.fromkeys(participant_ids)),
            message_id=message_id,
        )

    def correct(
        self,
        *,
        subject: str | None,
        body: str | None,
        duration_seconds: int | None,
        outcome: e.CallOutcome | None,
        reason: str | None,
    ) -> None:
        """Only what is given changes."""
        if self.is_redacted:
            raise Rejected("interaction.already_redacted", interaction_id=str(self.id))
        _check_outcome(self.channel, outcome)
        said = self.content
        now = Content(
            subject=said.subject if subject is None else subject,
            body=said.body if body is None else body,
            duration_seconds=(
                said.duration_seconds if duration_seconds is None else duration_seconds
            ),
            outcome=said.outcome if outcome is None else outcome,
        )
        if now != said:
            self.record(
                e.InteractionCorrected,
                subject=now.subject,
                body=now.body,
                duration_seconds=now.duration_seconds,
                outcome=now.outcome,
                reason=reason,
            )

    def link(self, link: Link) -> None:
        if link in self.links:
            return
        if len(self.links) >= LINKS_MAX:
            raise Rejected("interaction.too_many_links", limit=LINKS_MAX)
        self.record(e.InteractionLinked, to=link.to, to_id=link.to_id)

    def unlink(self, link: Link) -> None:
        """The customer with whom it took place stays: the words are sealed under their key."""
        if link == Link(e.InteractionLinkKind.CUSTOMER, self.customer_id):
            raise Rejected("interaction.customer_stays", customer_id=str(self.customer_id))
        if link in self.links:
            self.record(e.InteractionUnlinked, to=link.to, to_id=link.to_id)

    def redact(self, reason: str) -> None:
        if self.is_redacted:
            raise Rejected("interaction.already_redacted", interaction_id=str(self.id))
        self.record(e.InteractionRedacted, reason=reason)

    # --- state --------------------------------------------------------------------------------

    def when(self, event: Any) -> None:
        match event:
            case e.InteractionLogged():
                self.customer_id = event.customer_id
                self.channel, self.visibility = event.channel, event.visibility
                self.original = self.content = _content_of(event)
                self.links = set(links_of(event.customer_id, event.opportunity_id, event.ticket_id))
            case e.InteractionCorrected():
                self.content = _content_of(event)
            case e.InteractionLinked():
                self.links.add(Link(event.to, event.to_id))
            case e.InteractionUnlinked():
                self.links.discard(Link(event.to, event.to_id))
            case e.InteractionRedacted():
                self.is_redacted = True
                self.original, self.content = self.original.redacted(), self.content.redacted()
            case _:
                assert_never(event)


def links_of(
    customer_id: UUID, opportunity_id: UUID | None, ticket_id: UUID | None
) -> Iterable[Link]:
    """The records that an interaction is on the timeline of from the start."""
    yield Link(e.InteractionLinkKind.CUSTOMER, customer_id)
    if opportunity_id is not None:
        yield Link(e.InteractionLinkKind.OPPORTUNITY, opportunity_id)
    if ticket_id is not None:
        yield Link(e.InteractionLinkKind.TICKET, ticket_id)


def _content_of(event: e.InteractionLogged | e.InteractionCorrected) -> Content:
    return Content(event.subject, event.body, event.duration_seconds, event.outcome)


def _check_outcome(channel: e.InteractionChannel, outcome: e.CallOutcome | None) -> None:
    if outcome is not None and channel is not e.InteractionChannel.CALL:
        raise Rejected("interaction.outcome_only_of_calls", channel=channel.value)
