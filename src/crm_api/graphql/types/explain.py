"""Why a field has its value, in answers: value ← event ← command ← actor ← cause."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

from crm_api.graphql.types.event import ActorInfo, EventRecord, plain_json
from crm_core import Explanation, Step
from crm_core.explain import FieldOrigin, source_of

__all__ = ["ExplanationTree", "FieldProvenance"]

_SOURCE = (
    "The import or integration that it came from, with file and line where they are known, such as"
    " `import:sales:accounts.csv:12`; null for what was decided here."
)


@strawberry.type(description="Where a field of a record has its value from.")
class FieldProvenance:
    field: str = strawberry.field(description="As the record's rules name it, in camel case.")
    recorded_at: datetime = strawberry.field(description="When we came to know.")
    happened_at: datetime = strawberry.field(description="When it happened, as far as is known.")
    actor: ActorInfo
    source: str | None = strawberry.field(description=_SOURCE)
    event: EventRecord = strawberry.field(description="The last one that changed the field.")

    @classmethod
    def of(cls, origin: FieldOrigin) -> Self:
        event = origin.event
        assert event is not None, "a field with a value was set by an event"
        return cls(
            field=to_camel_case(origin.field),
            recorded_at=event.recorded_at,
            happened_at=event.happened_at,
            actor=ActorInfo.of(event.actor),
            source=source_of(event),
            event=EventRecord.of(event),
        )


@strawberry.type(description="The request that was executed, and what made its sender send it.")
class ExplainedCommand:
    uuid: UUID
    actor: ActorInfo = strawberry.field(description="The user or the rule that decided.")
    reason: str | None
    source: str | None = strawberry.field(description=_SOURCE)
    correlation_id: UUID = strawberry.field(description="The journey that it is a step of.")
    causation_id: UUID | None = strawberry.field(
        description="What led to it; may be a message of another system."
    )
    cause: ExplainedEvent | None = strawberry.field(
        description="The event that led to it; null where there is none in the ledger, or none"
        " that you may see."
    )


@strawberry.type(description="An event, and the command that recorded it.")
class ExplainedEvent:
    event: EventRecord
    command: ExplainedCommand

    @classmethod
    def of(cls, step: Step) -> Self:
        stored, cause = step.event.stored, step.cause
        return cls(
            event=EventRecord.of(step.event),
            command=ExplainedCommand(
                uuid=stored.command_id,
                actor=ActorInfo.of(stored.actor),
                reason=stored.reason,
                source=source_of(step.event),
                correlation_id=stored.correlation_id,
                causation_id=stored.causation_id,
                cause=None if cause is None else cls.of(cause),
            ),
        )


@strawberry.type(name="Explanation", description="Why a field of a record has its value.")
class ExplanationTree:
    record_uuid: UUID
    record_type: str = strawberry.field(description="Such as `sales.opportunity`.")
    field: str = strawberry.field(description="In camel case.")
    value: JSON | None = strawberry.field(description="Null for nothing, and where it is erased.")
    withheld: bool = strawberry.field(description="The value is secret, or not for you.")
    set_by: ExplainedEvent | None = strawberry.field(
        description="The last event that changed the value; null if it never had one."
    )

    @classmethod
    def of(cls, found: Explanation, *, withheld: bool) -> Self:
        """The explanation; its steps are those that the reader may see."""
        return cls(
            record_uuid=found.record_id,
            record_type=found.record_type,
            field=to_camel_case(found.field),
            value=None if withheld else plain_json(found.value),
            withheld=withheld,
            set_by=None if found.step is None else ExplainedEvent.of(found.step),
        )
