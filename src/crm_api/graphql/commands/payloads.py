"""What a mutation answers: the refusals, the receipt, and the record as it now is."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable
from typing import Any, Self, cast
from uuid import UUID

import strawberry

from crm_api.graphql.context import Context, Info
from crm_api.graphql.errors import Refused, UserError
from crm_api.graphql.ids import global_id
from crm_api.graphql.records import RecordKind
from crm_api.graphql.scalars import Position
from crm_core import Event, Receipt

__all__ = ["CommandReceipt", "MutationPayload", "PlannedEvent", "payload_type"]


@strawberry.type(description="That the command was executed. `position` is the token to read by.")
class CommandReceipt:
    command_id: UUID
    event_ids: list[strawberry.ID] = strawberry.field(
        description="The events that were recorded; none where nothing had to change."
    )
    position: Position = strawberry.field(
        description="The place of its last event: queries with this `minPosition` show its effect."
    )
    replayed: bool = strawberry.field(
        description="The same request had been executed before; nothing was done again."
    )

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        first = receipt.position - len(receipt.event_ids) + 1
        return cls(
            command_id=receipt.command_id,
            event_ids=[
                global_id("EventRecord", position)
                for position in range(first, receipt.position + 1)
            ],
            position=Position(receipt.position),
            replayed=receipt.replayed,
        )


@strawberry.type(description="An event that a dry run would record.")
class PlannedEvent:
    type: str = strawberry.field(description="Such as `customers.customer.renamed`.")
    record_uuid: UUID = strawberry.field(description="The record that it would happen to.")

    @classmethod
    def of(cls, event: Event) -> Self:
        return cls(type=type(event).TOPIC, record_uuid=event.originator_id)


@strawberry.interface(description="The answer of every mutation.")
class MutationPayload:
    user_errors: list[UserError] = strawberry.field(
        description="Why it was refused; empty where it was executed."
    )
    receipt: CommandReceipt | None = strawberry.field(
        description="Null where it was refused, and after a dry run."
    )
    planned_events: list[PlannedEvent] | None = strawberry.field(
        description="After a dry run: what would be recorded; else null."
    )
    changed_id: strawberry.Private[UUID | None] = None


def payload_type(name: str, kind: RecordKind | None) -> type[MutationPayload]:
    """The payload of one mutation, with the record where the API shows its kind."""

    def body(namespace: dict[str, Any]) -> None:
        if kind is None:
            return
        namespace[kind.name] = strawberry.field(
            resolver=_changed(kind),
            description="The record as this command left it; null where it was refused, and where"
            " you may not see it.",
        )

    made = types.new_class(name, (MutationPayload,), {}, body)
    of = name.removesuffix("Payload")
    described = strawberry.type(made, name=name, description=f"What came of a {of}.")
    return cast("type[MutationPayload]", described)


async def _may_read(context: Context, kind: str) -> bool:
    """Nobody reads on whose session the command has ended, as a new password does."""
    try:
        return (await context.rights()).allow(kind, "read")
    except Refused:
        return False


def _changed(kind: RecordKind) -> Callable[..., Awaitable[Any]]:
    """Reads the record where it is asked for, before the document's next mutation begins."""

    async def resolve(root: MutationPayload, info: Info) -> Any:
        if root.changed_id is None or not await _may_read(info.context, kind.name):
            return None
        return await info.context.loaders.folded(kind, root.changed_id)

    resolve.__annotations__ = {
        "root": strawberry.Parent[MutationPayload],
        "info": Info,
        "return": kind.graphql_type | None,
    }
    return resolve
