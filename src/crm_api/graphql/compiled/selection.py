"""What a query selects: its fields, their definitions and their arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import strawberry
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    ObjectValueNode,
    VariableNode,
    get_argument_values,
    get_variable_values,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from crm_api.graphql.compiled.document import QueryDocument
from crm_api.graphql.fields import READS
from crm_projections.reading.trees import Sql, constant

__all__ = [
    "Given", "NotCovered", "Selected", "Selections", "definition_of", "field_of", "inner_type",
    "name_of", "reads_of", "type_name",
]  # fmt: skip

Selected = FieldDetailsList
"""The places of a document that ask for one field, under one name in the answer."""


class NotCovered(Exception):
    """The document is Strawberry's to answer: it asks for something that no statement gives."""


@dataclass(frozen=True, slots=True)
class Selections:
    """A query, with the values of its variables; those of the `late` ones may change."""

    schema: strawberry.Schema
    document: QueryDocument
    variables: VariableValues
    late: frozenset[str]

    def root(self) -> tuple[GraphQLObjectType, Iterator[tuple[str, Selected]]]:
        """The type of the operation, and the fields that are asked for."""
        document = self.document
        root = self.schema._schema.get_root_type(document.operation.operation)
        assert root is not None, "the document is valid"
        return root, _grouped(
            collect_fields(
                self.schema._schema, document.fragments, self.variables, root, document.operation
            )
        )

    def of(self, of: GraphQLObjectType, selected: Selected) -> Iterator[tuple[str, Selected]]:
        """The fields that are asked for of an object, under their names in the answer."""
        return _grouped(
            collect_subfields(
                self.schema._schema,
                self.document.fragments,
                self.variables,
                self.document.operation,
                of,
                selected,
            )
        )

    def arguments(self, field: GraphQLField, selected: Selected) -> dict[str, Any]:
        """The arguments as the resolver gets them."""
        given = get_argument_values(field, selected[0].node, self.variables)
        return convert_arguments(
            given,
            definition_of(field).arguments,
            scalar_registry=self.schema.schema_converter.scalar_registry,
            config=self.schema.config,
        )

    def type(self, name: str) -> GraphQLObjectType:
        found = self.schema._schema.type_map[name]
        assert isinstance(found, GraphQLObjectType), "a kind of record"
        return found

    def late_variable(self, selected: FieldDetailsList, name: str) -> str | None:
        """The late variable that is an argument's value, or the only one in it."""
        for argument in selected[0].node.arguments or ():
            if argument.name.value == name:
                value: Any = argument.value
                if isinstance(value, ObjectValueNode):
                    value = value.fields[0].value
                if isinstance(value, VariableNode) and value.name.value in self.late:
                    return value.name.value
        return None


@dataclass(frozen=True)
class Given:
    """The variables of one request; what they make of the document is known when it is needed."""

    schema: strawberry.Schema
    document: QueryDocument
    variables: dict[str, Any]

    @cached_property
    def selections(self) -> Selections:
        """Raises NotCovered where the variables have not their form."""
        return self.with_late(frozenset())

    def with_late(self, late: frozenset[str]) -> Selections:
        """The same, but that these variables may change."""
        definitions = self.document.operation.variable_definitions or ()
        values = get_variable_values(self.schema._schema, definitions, self.variables)
        if not isinstance(values, VariableValues):
            raise NotCovered("the variables have not their form")
        return Selections(self.schema, self.document, values, late)


def field_of(of: GraphQLObjectType, selected: Selected) -> GraphQLField:
    """The field's definition."""
    name = name_of(selected)
    if name not in of.fields:
        raise NotCovered(name)  # introspection
    field: GraphQLField = of.fields[name]
    return field


def name_of(selected: Selected) -> str:
    return selected[0].node.name.value


def reads_of(field: GraphQLField) -> Any:
    return definition_of(field).metadata.get(READS)


def definition_of(field: GraphQLField) -> StrawberryField:
    definition: StrawberryField = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return definition


def inner_type(of: GraphQLObjectType, name: str) -> GraphQLObjectType:
    """The type of a field's object, or of the objects in its list."""
    inner: Any = of.fields[name].type
    while not isinstance(inner, GraphQLObjectType):
        inner = inner.of_type
    return inner


def type_name(of: GraphQLObjectType) -> Sql:
    return constant(f'"{of.name}"')


def _grouped(collected: CollectedFields) -> Iterator[tuple[str, Selected]]:
    if collected.new_defer_usages:
        raise NotCovered("@defer")
    yield from collected.grouped_field_set.items()
