"""The disclosure in answers."""

from __future__ import annotations

from uuid import UUID

import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.records import RecordKind
from crm_api.graphql.scalars import Position
from crm_api.graphql.types.node import Record
from crm_core.privacy import Disclosure as DisclosureAggregate
from crm_core.privacy import DisclosureKind

__all__ = ["DISCLOSURE", "Disclosure"]

graphql_enum(DisclosureKind)


@strawberry.type(description="A copy of personal data that left, and can be called back.")
class Disclosure(Record):
    KEY = "id"

    kind: DisclosureKind
    about_id: UUID | None = strawberry.field(description="The customer; null for everybody.")
    up_to: Position = strawberry.field(description="How far the ledger was in it.")
    is_destroyed: bool


DISCLOSURE = RecordKind(Disclosure, DisclosureAggregate)
