"""Events as an auditor reads them: what happened, when, by whom, and because of what."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Self, cast
from uuid import UUID

import msgspec
import strawberry
from strawberry.scalars import JSON

from crm_api.graphql.as_of import AsOfArgument, EffectiveAt, as_of_from
from crm_api.graphql.context import Context, Info
from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import global_id, uuid_of
from crm_api.graphql.scalars import Position
from crm_api.graphql.types.node import Node, Record
from crm_api.withheld import SECRETS
from crm_core import Actor, ActorKind, Event, RecordedEvent, Redacted
from crm_core.access.records import kind_of
from crm_core.kernel.events import own_fields, personal_mark

if TYPE_CHECKING:
    from crm_api.graphql.types.user import User

__all__ = ["ActorInfo", "EventRecord", "plain_json", "sees_event"]

graphql_enum(ActorKind)


@strawberry.type(name="Actor", description="Who acted: a user, or a program of ours.")
class ActorInfo:
    kind: ActorKind
    id: str = strawberry.field(description="The user's UUID, or the program's stable name.")
    on_behalf_of: str | None = strawberry.field(description="For whom, where it was not oneself.")

    @classmethod
    def of(cls, actor: Actor) -> Self:
        return cls(kind=actor.kind, id=actor.id, on_behalf_of=actor.on_behalf_of)

    @resolver("The user; null for a program, or where you may not see users.")
    async def user(
        self, info: Info
    ) -> Annotated[User, strawberry.lazy("crm_api.graphql.types.user")] | None:
        from crm_api.graphql.links import linked
        from crm_api.graphql.types.user import USER

        user_id = uuid_of(self.id) if self.kind is ActorKind.USER else None
        return cast("User | None", await linked(info, USER, user_id))


@strawberry.type(description="A recorded event: a fact about one record, never changed.")
class EventRecord(Node):
    uuid: UUID = strawberry.field(description="The event's id in exports and in the library.")
    type: str = strawberry.field(description="Such as `sales.opportunity.won`.")
    schema_version: int
    position: Position = strawberry.field(description="Its place in the ledger.")
    version: int = strawberry.field(description="Its place among the events of its record.")
    record_type: str = strawberry.field(description="Such as `sales.opportunity`.")
    record_uuid: UUID
    recorded_at: datetime
    happened_at: datetime = strawberry.field(
        description="When it happened, as far as that is known; else when it was recorded."
    )
    actor: ActorInfo
    command_id: UUID
    correlation_id: UUID = strawberry.field(description="The journey that it is a step of.")
    causation_id: UUID | None = strawberry.field(description="The message that led to it.")
    reason: str | None
    event: strawberry.Private[RecordedEvent]

    @classmethod
    def of(cls, event: RecordedEvent) -> Self:
        stored = event.stored
        return cls(
            id=global_id("EventRecord", stored.position),
            uuid=stored.event_id,
            type=stored.type,
            schema_version=stored.schema_version,
            position=Position(stored.position),
            version=stored.version,
            record_type=stored.stream_type,
            record_uuid=stored.stream_id,
            recorded_at=stored.recorded_at,
            happened_at=stored.happened_at,
            actor=ActorInfo.of(stored.actor),
            command_id=stored.command_id,
            correlation_id=stored.correlation_id,
            causation_id=stored.causation_id,
            reason=stored.reason,
            event=event,
        )

    @resolver("Its own fields, under their stored names. Values that are withheld are null.")
    async def data(self, info: Info) -> JSON:
        hidden = await self._hidden(info)
        return JSON(
            {name: None if name in hidden else plain_json(value) for name, value in self._fields()}
        )

    @resolver(
        "Names of fields in `data` that are withheld: erased with the person they are"
        " about, redacted, secret, or not for you."
    )
    async def withheld_fields(self, info: Info) -> list[str]:
        return sorted(await self._hidden(info))

    def _fields(self) -> list[tuple[str, Any]]:
        fact = self.event.data
        return [(name, getattr(fact, name)) for name in own_fields(type(fact))]

    async def _hidden(self, info: Info) -> set[str]:
        from crm_api.graphql.types.interaction import INTERACTION, words_are_hidden

        hidden = {
            name for name, value in self._fields() if name in SECRETS or isinstance(value, Redacted)
        }
        context = info.context
        if not (await context.rights()).allow("event", "read"):
            kind = kind_of(self.record_type)
            if not await context.loaders.sees_all_of(kind, self.record_uuid):
                return {name for name, _ in self._fields()}
        if self.record_type != INTERACTION.aggregate.TOPIC:
            return hidden
        words = _personal_fields(type(self.event.data))
        return hidden | words if await words_are_hidden(info, self.record_uuid) else hidden

    @resolver("The record, now or as of a past; null where you may not see it.")
    async def record(
        self,
        info: Info,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
    ) -> Record | None:
        from crm_api.graphql.links import linked
        from crm_api.graphql.registry import kind_of_topic

        kind = kind_of_topic(self.record_type)
        past = as_of_from(as_of, effective_at)
        return None if kind is None else await linked(info, kind, self.record_uuid, past)


async def sees_event(context: Context, record_type: str, record_id: UUID) -> bool:
    """An event is seen by whoever sees its record, and by who may read all events."""
    if (await context.rights()).allow("event", "read"):
        return True
    return await context.loaders.sees(kind_of(record_type), record_id)


@cache
def _personal_fields(event_class: type[Event]) -> frozenset[str]:
    return frozenset(
        name for name, of in own_fields(event_class).items() if personal_mark(of) is not None
    )


def plain_json(value: Any) -> Any:
    """The value as JSON has it; what was erased is null, however deep it lies."""
    return msgspec.to_builtins(_shown(value), str_keys=True, order="deterministic")


def _shown(value: Any) -> Any:
    match value:
        case Redacted():
            return None
        case dict():
            return {key: _shown(item) for key, item in value.items()}
        case tuple() | list():
            return [_shown(item) for item in value]
        case msgspec.Struct():
            return {name: _shown(getattr(value, name)) for name in value.__struct_fields__}
        case _ if is_dataclass(value):
            return {field.name: _shown(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value
