"""What differs in a record between two pasts, in answers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

from crm_api.graphql.types.event import EventRecord, plain_json
from crm_core import FieldChange, RecordDiff

__all__ = ["RecordDifference"]


@strawberry.type(name="FieldChange", description="A field of the record that is not what it was.")
class FieldDifference:
    field: str = strawberry.field(description="As the record's rules name it, in camel case.")
    before: JSON | None = strawberry.field(description="Null for nothing, and where it is erased.")
    after: JSON | None
    withheld: bool = strawberry.field(description="Both values are secret, or not for you.")
    events: list[EventRecord] = strawberry.field(description="What made the difference.")

    @classmethod
    def of(cls, change: FieldChange, hidden: Collection[str]) -> Self:
        withheld = change.field in hidden
        return cls(
            field=to_camel_case(change.field),
            before=None if withheld else plain_json(change.before),
            after=None if withheld else plain_json(change.after),
            withheld=withheld,
            events=[EventRecord.of(event) for event in change.events],
        )


@strawberry.type(name="RecordDiff", description="What differs in a record between two pasts.")
class RecordDifference:
    record_uuid: UUID
    record_type: str = strawberry.field(description="Such as `sales.opportunity`.")
    from_version: int | None = strawberry.field(description="Null where there was no record yet.")
    to_version: int | None = strawberry.field(description="Null where there was no record yet.")
    changes: list[FieldDifference] = strawberry.field(description="In alphabetical order.")
    events: list[EventRecord] = strawberry.field(
        description="All events that one of the pasts knows and the other does not."
    )

    @classmethod
    def of(cls, diff: RecordDiff, hidden: Collection[str]) -> Self:
        """The difference; the fields that are hidden only say that they differ."""
        return cls(
            record_uuid=diff.record_id,
            record_type=diff.record_type,
            from_version=diff.from_version,
            to_version=diff.to_version,
            changes=[FieldDifference.of(change, hidden) for change in diff.changes],
            events=[EventRecord.of(event) for event in diff.events],
        )
