"""Rows that are at hand, asked as a table is: by the same filters, orders and windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from psycopg import sql

from crm_projections.reading.filters import Clause
from crm_projections.tables import Row, Table

__all__ = ["GivenRows"]

R = TypeVar("R", bound=Row)


class GivenRows(Generic[R]):
    """A piece of SQL to stand after `from` where the table would: its rows go with the question."""

    def __init__(self, table: Table[R], rows: Sequence[R], tenant_id: UUID) -> None:
        columns = table.columns
        arrays = table.arrays_of(rows) if rows else [column.array_of(()) for column in columns]
        self._table = table
        self._clause = Clause(
            sql.SQL("(select %s::uuid as tenant_id, given.* from unnest({}) as given ({}))").format(
                sql.SQL(", ").join(sql.Placeholder() * len(columns)),
                sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
            ),
            (tenant_id, *arrays),
        )

    def of(self, table: Table[Any]) -> Clause:
        assert table is self._table, "these are rows of another table"
        return self._clause
