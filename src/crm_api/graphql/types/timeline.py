"""What happened with a customer, over all its records."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self, cast
from uuid import UUID

import strawberry

from crm_api.graphql.as_of import AsOfArgument, EffectiveAt, as_of_from
from crm_api.graphql.connection import Connection
from crm_api.graphql.context import Info
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import global_id
from crm_api.graphql.links import linked, list_page
from crm_api.graphql.scalars import Position
from crm_api.graphql.types.event import ActorInfo
from crm_api.graphql.types.node import Record
from crm_core import NOW, Actor, AsOf
from crm_projections.reading import All, Comparison, Filter, Operator, Order, Window
from crm_projections.timeline.projection import TIMELINE, TimelineRow

__all__ = ["LATEST_FIRST", "TimelineEntry", "entries_of_past", "timeline_of"]

LATEST_FIRST = (Order("happened_at", descending=True), Order("position", descending=True))


@strawberry.type(description="An event on a customer's timeline.")
class TimelineEntry:
    event_id: strawberry.ID = strawberry.field(description="`node(id)` gives the event as a whole.")
    position: Position
    happened_at: datetime
    type: str = strawberry.field(description="Such as `sales.opportunity.won`.")
    actor: ActorInfo
    row: strawberry.Private[Any]

    @classmethod
    def of(cls, row: TimelineRow) -> Self:
        return cls(
            event_id=global_id("EventRecord", row.position),
            position=Position(row.position),
            happened_at=row.happened_at,
            type=row.type,
            actor=ActorInfo.of(Actor(row.actor_kind, row.actor_id)),
            row=row,
        )

    @resolver(
        "What a person typed: a subject, a name, a body; null where it was erased or is"
        " not for you."
    )
    async def text(self, info: Info) -> str | None:
        from crm_api.graphql.types.interaction import INTERACTION, words_are_hidden

        if self.row.record_type == INTERACTION.aggregate.TOPIC and await words_are_hidden(
            info, self.row.record_id
        ):
            return None
        return cast("str | None", self.row.text)

    @resolver("The record that it happened to, now or as of a past.")
    async def record(
        self,
        info: Info,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
    ) -> Record | None:
        from crm_api.graphql.registry import kind_of_topic

        kind = kind_of_topic(self.row.record_type)
        past = as_of_from(as_of, effective_at)
        return None if kind is None else await linked(info, kind, self.row.record_id, past)


async def timeline_of(
    info: Info, customer_id: UUID, as_of: AsOf, window: Window
) -> Connection[TimelineEntry]:
    """The entries about records that the reader may see, known and happened in this past."""
    from crm_api.graphql.registry import KINDS

    rights = await info.context.rights()
    visible = tuple(kind.aggregate.TOPIC for kind in KINDS if rights.allow(kind.name, "read"))
    among = Comparison("record_type", Operator.IN, visible)
    where = All((among, *await entries_of_past(info, as_of)))
    return await list_page(
        info, TIMELINE, "customer_id", customer_id, window, where, LATEST_FIRST, TimelineEntry.of
    )


async def entries_of_past(info: Info, as_of: AsOf) -> list[Filter]:
    """What holds of the entries that were known in this past, and had happened in it; once all of
    them are shown. Raises Lagging.
    """
    parts: list[Filter] = []
    if as_of != NOW:
        crm = info.context.services.crm
        known = await crm.position(as_of)
        if as_of.position is not None:  # it may lie beyond the end
            known = min(known, await crm.position())
        await info.context.wait_for(Position(known))
        parts.append(Comparison("position", Operator.LTE, known))
    if as_of.effective_at is not None:
        parts.append(Comparison("happened_at", Operator.LTE, as_of.effective_at))
    return parts
