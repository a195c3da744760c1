"""Which columns a scalar or an enumeration of the API can be written from."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from graphql import GraphQLEnumType

from crm_api.graphql.compiled.selection import NotCovered
from crm_projections.reading.trees import Value

__all__ = ["leaf", "require_same_names"]

# The SQL types that a scalar can be written from.
_SCALARS = {
    "String": "text",
    "CurrencyCode": "text",
    "ID": "word",
    "Int": "bigint",
    "Position": "bigint",
    "Boolean": "boolean",
    "DateTime": "timestamptz",
    "Date": "date",
    "Decimal": "numeric",
    "UUID": "uuid",
}


def leaf(of: Any, value: Value) -> Value:
    if isinstance(of, GraphQLEnumType):
        require_same_names(of, value.of)
        return value
    if value.type == _SCALARS.get(of.name):
        return value._replace(type="int") if of.name == "Int" else value
    raise NotCovered(f"{of.name} of {value.type}")


def require_same_names(of: GraphQLEnumType, written: type[StrEnum]) -> None:
    """A column has an enumeration's values, an answer its names."""
    if any(member != name for name, member in written.__members__.items()):
        raise NotCovered(f"{of.name} has other names than values")
