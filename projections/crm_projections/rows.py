"""The rows that a projection reads and writes while it applies a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, TypeVar

from crm_projections.tables import Row, Table

__all__ = ["Rows"]

R = TypeVar("R", bound=Row)
Key = tuple[Any, ...]


class Rows:
    """Rows in memory, by table and key: all of a test's, or those one batch needs of Postgres.

    Several changes of one row fold into one here; `changed` is what has to be written at the end.
    """

    def __init__(self) -> None:
        self._rows: defaultdict[str, dict[Key, Row]] = defaultdict(dict)
        self._groups: defaultdict[tuple[str, Any], dict[Key, None]] = defaultdict(dict)
        self._changed: defaultdict[str, dict[Key, None]] = defaultdict(dict)

    def get(self, table: Table[R], *key: Any) -> R | None:
        """The row with this key, or None."""
        return self._rows[table.name].get(key)  # type: ignore[return-value]

    def group(self, table: Table[R], value: Any) -> list[R]:
        """The rows whose `fetch_by` column has this value, in the order of their keys."""
        rows = self._rows[table.name]
        keys = sorted(self._groups[table.name, value])
        return [rows[key] for key in keys]  # type: ignore[misc]

    def put(self, table: Table[R], row: R) -> None:
        """Writes the row, in place of one with the same key."""
        key = self._keep(table, row)
        self._changed[table.name][key] = None

    def load(self, table: Table[R], rows: Iterable[R]) -> None:
        """Takes rows as they are stored; they do not count as changed."""
        for row in rows:
            self._keep(table, row)

    def changed(self, table: Table[R]) -> list[R]:
        """The rows that were put, in the order of their first change."""
        rows = self._rows[table.name]
        return [rows[key] for key in self._changed[table.name]]  # type: ignore[misc]

    def all(self, table: Table[R]) -> list[R]:
        """Every row, in the order of the keys."""
        rows = self._rows[table.name]
        return [rows[key] for key in sorted(rows)]  # type: ignore[misc]

    def _keep(self, table: Table[R], row: R) -> Key:
        key = table.key_of(row)
        self._rows[table.name][key] = row
        self._groups[table.name, getattr(row, table.fetch_column)][key] = None
        return key
