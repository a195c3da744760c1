"""Rows to commands, with the same forms that the mutations have."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from graphql import GraphQLInputObjectType, get_nullable_type
from strawberry.schema.schema import Schema
from strawberry.types.arguments import convert_argument

from crm_api.bulk.rows import Row, coerced
from crm_api.graphql.commands.execution import given_or_none
from crm_api.graphql.commands.mutation import FORMS
from crm_core import Actor, Invalid, Request, derived_id

__all__ = ["RowForm"]


class RowForm:
    """How a row becomes a request. Raises Invalid `mutation` where rows cannot be sent to it."""

    def __init__(self, schema: Schema, mutation: str) -> None:
        root = schema._schema.mutation_type
        assert root is not None
        field = root.fields.get(mutation)
        form = FORMS.get(mutation)
        if field is None or form is None:
            raise Invalid("mutation", "is no mutation that takes rows")
        self._schema = schema
        self._form = form
        self.input_type = get_nullable_type(field.args["input"].type)
        assert isinstance(self.input_type, GraphQLInputObjectType)

    def request(self, row: Row, tenant_id: UUID, operation_id: UUID, actor: Actor) -> Request:
        """Under ids that the row has for ever, so that it has one effect. Raises Invalid."""
        if isinstance(row.given, Invalid):
            raise row.given
        for name in ("dryRun", "idempotencyKey"):
            if name in row.given:
                raise Invalid(name, "is said of the whole operation, not of a row")
        given: Any = convert_argument(
            coerced(row.given, self.input_type),
            self._form.graphql_input,
            self._schema.schema_converter.scalar_registry,
            self._schema.config,
        )
        key = str(row.number)

        def made_id(field: str) -> UUID:
            return derived_id(tenant_id, "bulk", operation_id, key, field)

        return Request(
            command=self._form.filled(given, made_id),
            actor=actor,
            command_id=derived_id(tenant_id, "bulk", operation_id, key),
            effective_at=given_or_none(given.effective_at),
            expected_version=given_or_none(given.expected_version),
            correlation_id=operation_id,
            reason=f"bulk:{operation_id}:{key}",
        )
