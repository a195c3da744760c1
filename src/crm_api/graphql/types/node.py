"""What every record has in common: an id, a version, a history, and a past."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

import strawberry

from crm_api.graphql.connection import (
    After,
    Before,
    Connection,
    First,
    Last,
    sliced,
    window_of,
)
from crm_api.graphql.context import Info
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import global_id
from crm_core import NOW, AsOf, Redacted
from crm_core.explain import field_origins

if TYPE_CHECKING:
    from crm_api.graphql.types.event import EventRecord
    from crm_api.graphql.types.explain import FieldProvenance
    from crm_core.access.rights import Rights

__all__ = ["EventTypes", "Node", "Record"]

EventTypes = Annotated[
    list[str] | None,
    strawberry.argument(description="Only events of these types, such as `sales.opportunity.won`."),
]


class Masked:
    """A row or an aggregate without some of its fields: they are empty, not missing."""

    def __init__(self, row: Any, hidden: frozenset[str]) -> None:
        self._row, self._hidden = row, hidden

    def __getattr__(self, name: str) -> Any:
        if name in ("_row", "_hidden"):
            raise AttributeError(name)
        value = getattr(self._row, name)
        if name not in self._hidden:
            return value
        return () if isinstance(value, tuple) else None


@strawberry.interface(description="Whatever can be fetched again by its `id`.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque, and unique among all types.")


@strawberry.interface(
    description="A record of the CRM, computed from its events. A record that was read as of the"
    " past links to others as of the same past."
)
class Record(Node):
    KEY: ClassVar[str]

    uuid: UUID = strawberry.field(description="The id as exports and the library have it.")
    version: int = strawberry.field(
        description="How many events it has; `expectedVersion` of its commands."
    )
    created_at: datetime = strawberry.field(description="When it came to be.")
    updated_at: datetime = strawberry.field(description="When its last event happened.")

    @classmethod
    def of(cls, row: Any, as_of: AsOf = NOW) -> Self:
        """The record over its row of a read model, or over its aggregate."""
        record = cls.__new__(cls)
        record.row, record.as_of = row, as_of
        record.uuid = getattr(row, cls.KEY)
        record.id = global_id(cls.__name__, record.uuid)
        return record

    def as_shown(self, rights: Rights, kind: str, owner_id: UUID | None) -> Self | None:
        """As far as the rights show it; None where they do not."""
        if not rights.reach(kind).includes(self.uuid, owner_id):
            return None
        hidden = rights.hidden_fields(kind, self.uuid, owner_id)
        return type(self).of(Masked(self.row, hidden), self.as_of) if hidden else self

    row: strawberry.Private[Any]
    as_of: strawberry.Private[AsOf]

    def __getattr__(self, name: str) -> Any:
        """Fields are the row's, under the same name; what was erased is null."""
        if name in ("row", "as_of") or name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self.row, name)
        return None if isinstance(value, Redacted) else value

    @resolver("What happened to this record, in the order of its recording.")
    async def history(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        types: EventTypes = strawberry.UNSET,
    ) -> Connection[Annotated[EventRecord, strawberry.lazy("crm_api.graphql.types.event")]]:
        from crm_api.graphql.types.event import EventRecord

        window = window_of(first, after, last, before)
        events = await info.context.loaders.history(self.uuid, self.as_of)
        wanted = [event for event in events if not types or event.type in types]
        return sliced(wanted, window, lambda event: event.version, EventRecord.of)

    @resolver("Of each field that has a value, by name: who set it, when, and from which system.")
    async def provenance(
        self,
        info: Info,
        fields: Annotated[
            list[str] | None, strawberry.argument(description="Only these, in camel case.")
        ] = strawberry.UNSET,
    ) -> list[Annotated[FieldProvenance, strawberry.lazy("crm_api.graphql.types.explain")]]:
        from crm_api.graphql.types.explain import FieldProvenance

        events = await info.context.loaders.history(self.uuid, self.as_of)
        found = map(FieldProvenance.of, field_origins(events, self.as_of))
        return [origin for origin in found if not fields or origin.field in fields]
