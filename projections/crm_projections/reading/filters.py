"""Which rows: a tree of comparisons, compiled to SQL with parameters.

Two-valued logic: a comparison with an empty column is false, and `Not` of it is true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias, assert_never

import msgspec
from psycopg import sql

from crm_core import Invalid, Rejected
from crm_projections.tables import Column, Table

__all__ = [
    "All", "Clause", "Comparison", "Either", "Filter", "Not", "Operator", "column_of", "compiled",
    "parameter",
]  # fmt: skip

PARTS_MAX = 150


class Operator(StrEnum):
    EQ = "eq"
    IN = "in"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    CONTAINS = "contains"  # text: this part, in any case; a list: this item
    IS_NULL = "isNull"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One column against one value; `IN` takes a tuple, `IS_NULL` a bool."""

    column: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; without parts, every row does."""

    parts: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds; without parts, no row does."""

    parts: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    part: Filter


Filter: TypeAlias = Comparison | All | Either | Not


class Clause(NamedTuple):
    """A piece of SQL and the values of its placeholders, in order."""

    text: sql.Composable
    parameters: tuple[Any, ...] = ()


def compiled(where: Filter, table: Table[Any]) -> Clause:
    """The filter as a boolean expression over the table's columns.

    Raises Rejected `query.unknown_column`, `query.operator_not_for_column` or
    `query.filter_too_large`, Invalid for a value that no column can hold.
    """
    if sum(1 for _ in _parts(where)) > PARTS_MAX:
        raise Rejected("query.filter_too_large", limit=PARTS_MAX)
    return _compiled(where, table)


def column_of(table: Table[Any], name: str) -> Column:
    """The table's column of this name; raises Rejected `query.unknown_column`."""
    for column in table.columns:
        if column.name == name:
            return column
    raise Rejected("query.unknown_column", table=table.name, column=name)


def parameter(value: Any) -> Any:
    """The value as the driver takes it; PostgreSQL's text has no place for U+0000."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, str) and "\0" in value:
        raise Invalid("where", "must not contain the character U+0000")
    return value


def _parts(where: Filter) -> Iterator[Filter]:
    """The filter and all filters in it."""
    left = [where]
    while left:
        part = left.pop()
        yield part
        match part:
            case All(parts) | Either(parts):
                left.extend(parts)
            case Not(inner):
                left.append(inner)


def _compiled(where: Filter, table: Table[Any]) -> Clause:
    match where:
        case All(parts):
            return _joined(" and ", "true", parts, table)
        case Either(parts):
            return _joined(" or ", "false", parts, table)
        case Not(part):
            text, parameters = _compiled(part, table)
            return Clause(sql.SQL("({}) is not true").format(text), parameters)
        case Comparison():
            return _comparison(where, column_of(table, where.column))
        case _:
            assert_never(where)


def _joined(glue: str, empty: str, parts: tuple[Filter, ...], table: Table[Any]) -> Clause:
    if not parts:
        return Clause(sql.SQL(empty))
    clauses = [_compiled(part, table) for part in parts]
    return Clause(
        sql.SQL("({})").format(sql.SQL(glue).join(clause.text for clause in clauses)),
        tuple(value for clause in clauses for value in clause.parameters),
    )


_SIGNS = {
    Operator.EQ: "=",
    Operator.LT: "<",
    Operator.LTE: "<=",
    Operator.GT: ">",
    Operator.GTE: ">=",
}


def _comparison(where: Comparison, column: Column) -> Clause:
    name, value = sql.Identifier(column.name), where.value
    of = sql.SQL(column.sql_type)
    match where.operator:
        case Operator.IS_NULL:
            return Clause(sql.SQL("{} is null" if value else "{} is not null").format(name))
        case Operator.EQ if value is None:
            return Clause(sql.SQL("{} is null").format(name))
        case Operator.CONTAINS if column.is_json:
            item = msgspec.json.encode([parameter(value)]).decode()
            return Clause(sql.SQL("{} @> %s::jsonb").format(name), (item,))
        case Operator.CONTAINS if column.sql_type == "text":
            return Clause(sql.SQL("{} ilike %s").format(name), (_pattern(parameter(value)),))
        case Operator.IN if not column.is_json:
            values = [parameter(item) for item in value]
            return Clause(sql.SQL("{} = any(%s::{}[])").format(name, of), (values,))
        case Operator.EQ | Operator.LT | Operator.LTE | Operator.GT | Operator.GTE if (
            not column.is_json
        ):
            sign = sql.SQL(_SIGNS[where.operator])
            return Clause(sql.SQL("{} {} %s::{}").format(name, sign, of), (parameter(value),))
        case _:
            raise Rejected(
                "query.operator_not_for_column", column=column.name, operator=where.operator.value
            )


def _pattern(text: str) -> str:
    """A LIKE pattern that finds the text anywhere; `\\`, `%` and `_` in it are themselves."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return f"%{text}%"
