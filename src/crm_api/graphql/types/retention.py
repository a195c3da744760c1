"""The retention policy in answers."""

from __future__ import annotations

import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.records import RecordKind
from crm_api.graphql.types.node import Record
from crm_core.privacy import Retention as RetentionAggregate
from crm_core.privacy import RetentionAction, RetentionKind

__all__ = ["RETENTION", "Retention"]

graphql_enum(RetentionKind)
graphql_enum(RetentionAction)


@strawberry.type(description="How long records are kept after the last that happened about them.")
class Retention(Record):
    KEY = "id"

    kind: RetentionKind
    idle_days: int
    action: RetentionAction
    is_lifted: bool


RETENTION = RecordKind(Retention, RetentionAggregate)
