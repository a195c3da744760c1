"""One list and a window over it: a condition, an order, and what makes a page of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from psycopg import sql

from crm_projections.reading.filters import All, Clause, Comparison, Filter, Operator, compiled
from crm_projections.reading.ordering import Order, SortKey, beyond, sort_keys
from crm_projections.reading.window import Cursors, Window
from crm_projections.tables import Row, Table

__all__ = ["EVERY", "Page", "Walk", "both", "list_of"]

R = TypeVar("R", bound=Row)

EVERY = All()


def list_of(column: str, value: Any, where: Filter = EVERY) -> Filter:
    """The filter of one list among those that `Reads.pages` and `Reads.counts` read at once."""
    return All((Comparison(column, Operator.EQ, value), where))


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Rows in the list's order, with their cursors; never more than were asked for."""

    rows: list[R]
    cursors: list[str]
    has_next: bool
    has_previous: bool


class Walk(Generic[R]):
    """A window over one list, as a condition, an order and what makes a page of the rows."""

    def __init__(
        self, table: Table[R], window: Window, where: Filter, order: Sequence[Order]
    ) -> None:
        self._window = window
        self.straight = straight = sort_keys(table, order)
        self._cursors = Cursors(table, where, straight)
        self.keys = tuple(key.turned() for key in straight) if window.backwards else straight
        self.condition = both(
            compiled(where, table),
            self._bound(straight, window.after),
            self._bound(tuple(key.turned() for key in straight), window.before),
        )

    def page(self, rows: list[R]) -> Page[R]:
        """The page, of one row more than it takes, in the order of the walk."""
        window = self._window
        has_more = len(rows) > window.size
        rows = rows[: window.size]
        if window.backwards:
            rows.reverse()
        return Page(
            rows,
            [self._cursors.of(row) for row in rows],
            has_next=window.before is not None if window.backwards else has_more,
            has_previous=has_more if window.backwards else window.after is not None,
        )

    def _bound(self, keys: Sequence[SortKey], cursor: str | None) -> Clause | None:
        return None if cursor is None else beyond(keys, self._cursors.values(cursor))


def both(*clauses: Clause | None) -> Clause:
    given = [clause for clause in clauses if clause is not None]
    return Clause(
        sql.SQL(" and ").join(clause.text for clause in given),
        tuple(value for clause in given for value in clause.parameters),
    )
