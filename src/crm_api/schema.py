"""The schema object, and its SDL as it is committed in schema.graphql."""

from __future__ import annotations

from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from crm_api.graphql import errors
from crm_api.graphql.commands.mutation import Mutation
from crm_api.graphql.documents import Documents
from crm_api.graphql.masking import Masking
from crm_api.graphql.noting import Noting, note_shown_records
from crm_api.graphql.query import Query
from crm_api.graphql.registry import KINDS
from crm_api.graphql.scalars import SCALARS
from crm_api.graphql.subscription import Subscription

__all__ = ["print_sdl", "schema"]


class _Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing: the stock way logs the errors' texts, which may hold personal data."""


_TYPES: list[Any] = [
    *(kind.graphql_type for kind in KINDS),
    errors.ValidationError,
    errors.RuleError,
    errors.VersionConflictError,
    errors.IdempotencyKeyReusedError,
    errors.PermissionRefused,
    errors.NotFoundError,
]

schema = _Schema(
    Query,
    Mutation,
    Subscription,
    types=_TYPES,
    extensions=[Masking, Documents, Noting],
    config=StrawberryConfig(scalar_map=SCALARS),
)
note_shown_records(schema)


def print_sdl() -> str:
    """The schema definition language: types by name, fields in the order of the code."""
    return print_schema(schema)
