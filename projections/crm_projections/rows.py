"""The rows that a projection reads and writes while it applies a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Generic, TypeVar
from uuid import UUID

from crm_projections.tables import Key, Row, Table, hashed

__all__ = ["Rows"]

R = TypeVar("R", bound=Row)


class Rows:
    """Rows in memory, by table and key: all of a test's, or those one batch needs of Postgres.

    Several changes of one row fold into one here; `changed` is what has to be written at the end.
    """

    def __init__(self) -> None:
        self._shelves: dict[str, _Shelf[Any]] = {}

    def get(self, table: Table[R], *key: Any) -> R | None:
        """The row with this key, or None."""
        rows = self._shelf(table).rows
        return rows.get(hashed(key[0]) if len(key) == 1 else tuple(map(hashed, key)))

    def group(self, table: Table[R], value: Any) -> list[R]:
        """The rows whose `fetch_by` column has this value, in no order."""
        return self._shelf(table).group(value)

    def about(self, table: Table[R], subject_id: UUID) -> list[R]:
        """The rows that are about this person or organisation; none, where none ever are."""
        if not table.about:
            return []
        rows = self._shelf(table).rows.values()
        return [row for row in rows if subject_id in [getattr(row, by) for by in table.about]]

    def put(self, table: Table[R], row: R) -> None:
        """Writes the row, in place of one with the same key."""
        shelf = self._shelves.get(table.name) or self._shelf(table)
        key = shelf.key_of(row)
        shelf.rows[key] = row
        if shelf.unchanged:
            shelf.unchanged.discard(key)
        if shelf.groups is not None:
            shelf.groups[shelf.table.fetch_value_of(row)].add(key)

    def load(self, table: Table[R], rows: Collection[R]) -> None:
        """Takes rows as they are stored; they do not count as changed."""
        for row in rows:
            self.put(table, row)
        shelf = self._shelf(table)
        shelf.unchanged.update(map(shelf.key_of, rows))

    def changed(self, table: Table[R]) -> list[R]:
        """The rows that were put."""
        shelf = self._shelf(table)
        if not shelf.unchanged:
            return list(shelf.rows.values())
        return [row for key, row in shelf.rows.items() if key not in shelf.unchanged]

    def all(self, table: Table[R]) -> list[R]:
        """Every row, in the order of the keys."""
        shelf = self._shelf(table)
        return [shelf.rows[key] for key in sorted(shelf.rows)]

    def _shelf(self, table: Table[R]) -> _Shelf[R]:
        shelf = self._shelves.get(table.name)
        if shelf is None:
            shelf = self._shelves[table.name] = _Shelf(table)
        return shelf


class _Shelf(Generic[R]):
    """The rows of one table; their groups are formed once somebody asks for one."""

    __slots__ = ("groups", "key_of", "rows", "table", "unchanged")

    def __init__(self, table: Table[R]) -> None:
        self.table = table
        self.key_of = table.key_of
        self.rows: dict[Key, R] = {}
        self.unchanged: set[Key] = set()
        self.groups: defaultdict[Any, set[Key]] | None = None

    def group(self, value: Any) -> list[R]:
        value = hashed(value)
        if self.table.is_fetched_by_key:
            row = self.rows.get(value)
            return [] if row is None else [row]
        if self.groups is None:
            self.groups = defaultdict(set)
            for key, row in self.rows.items():
                self.groups[self.table.fetch_value_of(row)].add(key)
        return [self.rows[key] for key in self.groups.get(value, ())]
