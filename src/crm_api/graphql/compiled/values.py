"""Values of rows, written as the types of GraphQL have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, get_args

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
)

from crm_api.graphql.compiled.leaves import leaf, require_same_names
from crm_api.graphql.compiled.selection import NotCovered, Selected, Selections
from crm_projections.reading.trees import (
    Sql,
    Tree,
    Value,
    Values,
    json_object,
    json_of,
    values_of_struct,
)

__all__ = ["Member", "ValueShapes"]

Member: TypeAlias = Callable[[GraphQLObjectType, Values, Selected], Sql]
"""A selected field of an object with these values."""


class ValueShapes:
    def __init__(self, selections: Selections, tree: Tree, member: Member) -> None:
        self._selections = selections
        self._tree = tree
        self._member = member

    def value(self, of: Any, value: Value, selected: Selected) -> Sql:
        """A column, or a member of one, as this type of GraphQL has it."""
        if isinstance(of, GraphQLNonNull):
            if value.nullable:
                raise NotCovered("it may be null where it must not")
            of = of.of_type
        if isinstance(of, GraphQLObjectType):
            shaped = self._object(of, values_of_struct(value.of, value.sql), selected)
            return Sql(_unless_null(value, shaped.text), shaped.parameters)
        if isinstance(of, GraphQLList):
            item = of.of_type.of_type if isinstance(of.of_type, GraphQLNonNull) else of.of_type
            (inner, *_) = get_args(value.of)
            if isinstance(item, GraphQLObjectType):
                return self._tree.entries(
                    value, lambda json: self._object(item, values_of_struct(inner, json), selected)
                )
            if isinstance(item, GraphQLEnumType):
                require_same_names(item, inner)
            elif item.name != "String":
                raise NotCovered(f"a list of {item.name}")
            return json_of(value)
        return json_of(leaf(of, value))

    def money(self, of: Any, amount: Value, currency: Value, selected: Selected) -> Sql:
        nullable = [value for value in (amount, currency) if value.nullable]
        is_null = " or ".join(f"{value.sql} is null" for value in nullable)
        if isinstance(of, GraphQLNonNull):
            if is_null:
                raise NotCovered("it may be null where it must not")
            of = of.of_type
        values = {
            "amount": amount._replace(nullable=False),
            "currency_code": currency._replace(nullable=False),
        }
        shaped = self._object(of, values, selected)
        if not is_null:
            return shaped
        return Sql(f"case when {is_null} then 'null' else {shaped.text} end", shaped.parameters)

    def pairs(self, of: Any, value: Value, names: tuple[str, str], selected: Selected) -> Sql:
        item = of.of_type.of_type.of_type

        def shape(json: str) -> Sql:
            values = {name: Value(f"({json} ->> {at})", "text") for at, name in enumerate(names)}
            return self._object(item, values, selected)

        return self._tree.entries(value, shape)

    def _object(self, of: GraphQLObjectType, values: Values, selected: Selected) -> Sql:
        return json_object(
            (key, self._member(of, values, inner))
            for key, inner in self._selections.of(of, selected)
        )


def _unless_null(value: Value, text: str) -> str:
    return f"case when {value.sql} is null then 'null' else {text} end" if value.nullable else text
