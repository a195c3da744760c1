"""The interaction in answers. Its words are for those whom its visibility names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import cast
from uuid import UUID

import strawberry

from crm_api.graphql.connection import Connection
from crm_api.graphql.context import Info
from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.links import folded_page, linked
from crm_api.graphql.records import AggregateView, RecordKind
from crm_api.graphql.types.customer import CUSTOMER, Customer
from crm_api.graphql.types.node import Record
from crm_api.graphql.types.timeline import LATEST_FIRST, entries_of_past
from crm_core import Actor, AsOf, RecordedEvent
from crm_core.engagement.interaction.events import (
    CallOutcome,
    InteractionChannel,
    InteractionDirection,
    InteractionLinkKind,
    InteractionLogged,
    InteractionVisibility,
)
from crm_core.engagement.interaction.interaction import Interaction as InteractionAggregate
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.events import plain
from crm_projections.reading import All, Comparison, Count, Operator, Window, list_of
from crm_projections.timeline.projection import TIMELINE

__all__ = ["INTERACTION", "Interaction", "interactions_of", "words_are_hidden"]

for _enum in (
    CallOutcome, InteractionChannel, InteractionDirection, InteractionLinkKind,
    InteractionVisibility,
):  # fmt: skip
    graphql_enum(_enum)


class InteractionView(AggregateView):
    """An interaction as its aggregate and its first event have it."""

    aggregate: InteractionAggregate

    def __init__(self, aggregate: Aggregate, events: Sequence[RecordedEvent]) -> None:
        super().__init__(aggregate, events)
        logged = events[0].data
        assert isinstance(logged, InteractionLogged), "an interaction's stream begins with this"
        self.direction = logged.direction
        self.redacted = self.aggregate.is_redacted
        self.duration_seconds = self.aggregate.content.duration_seconds
        self.outcome = self.aggregate.content.outcome
        self._took_part = {events[0].actor.id, *map(str, logged.participant_ids)}

    def is_for(self, actor: Actor, team: frozenset[UUID]) -> bool:
        """Whether the visibility names this reader, who is in teams with these people now."""
        match self.aggregate.visibility:
            case InteractionVisibility.RECORD:
                return True
            case InteractionVisibility.TEAM if not self._took_part.isdisjoint(_texts(team)):
                return True
            case _:
                return not self._took_part.isdisjoint({actor.id, actor.on_behalf_of})


@lru_cache(maxsize=256)
def _texts(people: frozenset[UUID]) -> frozenset[str]:
    """As events name them; made once for all of a team, who may be thousands."""
    return frozenset(map(str, people))


@strawberry.type(description="Another record on whose timeline an interaction is.")
class InteractionLink:
    to: InteractionLinkKind
    to_id: UUID


@strawberry.type(description="A call, a mail, a meeting or any other contact, or a note about one.")
class Interaction(Record):
    KEY = "id"

    channel: InteractionChannel
    direction: InteractionDirection
    visibility: InteractionVisibility = strawberry.field(description="Who may read its words.")
    duration_seconds: int | None = strawberry.field(description="How long it took.")
    outcome: CallOutcome | None = strawberry.field(description="What became of a call.")
    redacted: bool = strawberry.field(description="Its words are hidden from everybody, for good.")

    @resolver("Null where you may not read it, and once it was erased.")
    async def subject(self, info: Info) -> str | None:
        hidden = await words_are_hidden(info, self.uuid)
        return None if hidden else plain(self.row.content.subject)

    @resolver("Null where you may not read it, and once it was erased.")
    async def body(self, info: Info) -> str | None:
        hidden = await words_are_hidden(info, self.uuid)
        return None if hidden else plain(self.row.content.body)

    @resolver("With whom.")
    async def customer(self, info: Info) -> Customer | None:
        found = await linked(info, CUSTOMER, self.row.customer_id, self.as_of)
        return cast("Customer | None", found)

    @resolver("All the records that it is about.")
    def links(self) -> list[InteractionLink]:
        return [InteractionLink(to=link.to, to_id=link.to_id) for link in sorted(self.row.links)]


INTERACTION = RecordKind(Interaction, InteractionAggregate, view=InteractionView)


async def words_are_hidden(info: Info, interaction_id: UUID) -> bool:
    """Whether the reader may not see what was said, in the interaction or in its events.

    Auditors of events see what was said to others; what is redacted by now is hidden from all, and
    in its past as well.
    """
    present = await info.context.loaders.stored(INTERACTION, interaction_id)
    if present is None:
        return False
    view: InteractionView = present.row
    if view.redacted:
        return True
    rights = await info.context.rights()
    if view.is_for(info.context.actor, rights.circle.team):
        return False
    return not rights.allow("event", "audit")


async def interactions_of(
    info: Info, customer_id: UUID, as_of: AsOf, window: Window
) -> Connection[Interaction] | None:
    """The customer's interactions, the latest first; they are found by their first events, and are
    as of the past in which those had been.
    """
    if not (await info.context.rights()).allow("interaction", "read"):
        return None
    await info.context.see_own_writes()
    reads = await info.context.loaders.reads()
    is_logged = Comparison("type", Operator.EQ, InteractionLogged.TOPIC)
    logged = All((is_logged, *await entries_of_past(info, as_of)))
    if window.is_plain:
        page = await info.context.loaders.page(
            TIMELINE, "customer_id", customer_id, window, logged, LATEST_FIRST
        )
    else:
        whole = list_of("customer_id", customer_id, logged)
        page = await reads.page(TIMELINE, window, where=whole, order=LATEST_FIRST)

    async def counting() -> Count:
        return await info.context.loaders.count(TIMELINE, "customer_id", customer_id, logged)

    return await folded_page(info, INTERACTION, page, counting, as_of=as_of)
