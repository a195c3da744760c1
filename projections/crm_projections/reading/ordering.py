"""In which order: by columns, empty values last, ties broken by the key, so no two are equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from crm_core import Rejected
from crm_projections.reading.filters import Clause, column_of
from crm_projections.tables import Column, Table

__all__ = ["Order", "SortKey", "beyond", "order_by", "sort_keys"]


@dataclass(frozen=True, slots=True)
class Order:
    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column of a total order, as it is walked: a walk backwards has all of them turned."""

    column: Column
    descending: bool
    nulls_first: bool = False

    def turned(self) -> SortKey:
        return SortKey(self.column, not self.descending, not self.nulls_first)


def sort_keys(table: Table[Any], order: Sequence[Order]) -> tuple[SortKey, ...]:
    """The total order: the asked columns, then those of the key in the last one's direction.

    Raises Rejected `query.unknown_column` or `query.not_sortable`.
    """
    keys: dict[str, SortKey] = {}
    descending = order[-1].descending if order else False
    for asked in (*order, *(Order(name, descending) for name in table.key)):
        column = column_of(table, asked.column)
        if column.is_json:
            raise Rejected("query.not_sortable", table=table.name, column=column.name)
        keys.setdefault(column.name, SortKey(column, asked.descending))
    return tuple(keys.values())


def order_by(keys: Sequence[SortKey]) -> sql.Composed:
    return sql.SQL(", ").join(map(_ordered, keys))


def _ordered(key: SortKey) -> sql.Composable:
    name = sql.Identifier(key.column.name)
    direction = " desc" if key.descending else ""
    if not key.column.nullable:  # without a word about nulls, a plain index serves both directions
        return sql.SQL("{}" + direction).format(name)
    nulls = " nulls first" if key.nulls_first else " nulls last"
    return sql.SQL("{}" + direction + nulls).format(name)


def beyond(keys: Sequence[SortKey], values: Sequence[Any]) -> Clause:
    """The rows that come after these values in the walk: equal so far, then further on."""
    is_plain = all(not key.column.nullable and key.descending == keys[0].descending for key in keys)
    if is_plain:  # one row comparison, which an index can answer
        names = sql.SQL(", ").join(sql.Identifier(key.column.name) for key in keys)
        casts = sql.SQL(", ").join(map(_cast, keys))
        sign = "<" if keys[0].descending else ">"
        return Clause(sql.SQL("({}) " + sign + " ({})").format(names, casts), tuple(values))
    branches: list[sql.Composable] = []
    parameters: list[Any] = []
    for index, (key, value) in enumerate(zip(keys, values, strict=True)):
        further = _further(key, value)
        if further is None:
            continue
        parts = [_same(*pair) for pair in zip(keys[:index], values[:index], strict=True)]
        parts.append(further)
        branches.append(sql.SQL("({})").format(sql.SQL(" and ").join(part.text for part in parts)))
        parameters.extend(value for part in parts for value in part.parameters)
    return Clause(sql.SQL("({})").format(sql.SQL(" or ").join(branches)), tuple(parameters))


def _same(key: SortKey, value: Any) -> Clause:
    name = sql.Identifier(key.column.name)
    if value is None:
        return Clause(sql.SQL("{} is null").format(name))
    return Clause(sql.SQL("{} = {}").format(name, _cast(key)), (value,))


def _further(key: SortKey, value: Any) -> Clause | None:
    """The column lies beyond the value; None where nothing does."""
    name = sql.Identifier(key.column.name)
    if value is None:
        return Clause(sql.SQL("{} is not null").format(name)) if key.nulls_first else None
    sign = "<" if key.descending else ">"
    further = sql.SQL("{} " + sign + " {}").format(name, _cast(key))
    if key.column.nullable and not key.nulls_first:
        return Clause(sql.SQL("({} or {} is null)").format(further, name), (value,))
    return Clause(further, (value,))


def _cast(key: SortKey) -> sql.Composed:
    return sql.SQL("%s::{}").format(sql.SQL(key.column.sql_type))
