"""Which rows a reader may see: the one place where every read, compiled or not, is narrowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from crm_projections.reading.filters import Clause
from crm_projections.tables import Table

__all__ = ["EVERYTHING", "Scope"]

_TRUE = Clause(sql.SQL("true"))


@dataclass(frozen=True)
class Scope:
    """A condition for each table that is not seen as a whole, by the table's name.

    A condition is a boolean expression over the table's columns, without the table's name before
    them, and the values of its placeholders. It stands in the innermost `where` of each statement.
    """

    conditions: Mapping[str, Clause] = field(default_factory=dict)

    def of(self, table: Table[Any]) -> Clause:
        return self.conditions.get(table.name, _TRUE)


EVERYTHING = Scope()
