"""The read models of one tenant: a row, many rows, a page of a list, a count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

from psycopg import sql

from crm_core.ledger.postgres.connections import Pool
from crm_projections.reading.filters import Clause, Filter, column_of, compiled, parameter
from crm_projections.reading.given import GivenRows
from crm_projections.reading.ordering import Order, order_by, sort_keys
from crm_projections.reading.sights import EVERYTHING
from crm_projections.reading.walk import EVERY, Page, Walk, list_of
from crm_projections.reading.window import Window
from crm_projections.tables import Column, Row, Table

__all__ = ["COUNT_EXACT_MAX", "Count", "Reads"]

R = TypeVar("R", bound=Row)

COUNT_EXACT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows; beyond 10,000 only that there are at least so many."""

    rows: int
    is_exact: bool


class Source(Protocol):
    """What stands after `from`: as much of a table as is in sight, or rows in its place."""

    def of(self, table: Table[Any]) -> Clause: ...


class Reads:
    """Asks through a pool that acts as `crm_tenant`; every statement names the tenant, and reads
    from what is in sight.
    """

    def __init__(self, pool: Pool, tenant_id: UUID, sight: Source = EVERYTHING) -> None:
        self._pool = pool
        self._tenant_id = tenant_id
        self._sight = sight

    def within(self, sight: Source) -> Reads:
        """The same read models, as far as a reader may see them."""
        return Reads(self._pool, self._tenant_id, sight)

    def among(self, table: Table[R], rows: Sequence[R]) -> Reads:
        """The same questions to these rows in place of the table's, whatever is in sight."""
        return self.within(GivenRows(table, rows, self._tenant_id))

    # --- rows ---------------------------------------------------------------------------------

    async def get(self, table: Table[R], *key: Any) -> R | None:
        """The row with this key, or None."""
        names = sql.SQL(" and ").join(
            sql.SQL("{} = %s").format(sql.Identifier(name)) for name in table.key
        )
        rows = await self._rows(table, Clause(names, tuple(map(parameter, key))), sql.SQL(""))
        return rows[0] if rows else None

    async def get_many(self, table: Table[R], column: str, values: Collection[Any]) -> list[R]:
        """The rows whose column has one of the values, in the order of the key."""
        clause = _any_of(column_of(table, column), values)
        tail = sql.SQL(" order by {}").format(order_by(sort_keys(table, ())))
        return await self._rows(table, clause, tail)

    async def values(self, table: Table[Any], column: str, most: int) -> list[Any] | None:
        """The different values of a column, in order, empty ones left out; None where there are
        more than `most`. An index that begins with the column is asked once for each.
        """
        of, source = column_of(table, column), self._sight.of(table)
        statement = sql.SQL(
            "with recursive seen (value) as ((select {column} from {source} as {table}"
            " where tenant_id = %s and {column} is not null order by {column} limit 1)"
            " union all select (select {column} from {source} as {table} where tenant_id = %s"
            " and {column} > seen.value order by {column} limit 1) from seen"
            " where seen.value is not null)"
            " select value from seen where value is not null limit %s"
        ).format(
            column=sql.Identifier(of.name), source=source.text, table=sql.Identifier(table.name)
        )
        asked = [*source.parameters, self._tenant_id]
        found = [value for (value,) in await self._fetch(statement, [*asked, *asked, most + 1])]
        return found if len(found) <= most else None

    # --- pages --------------------------------------------------------------------------------

    async def page(
        self,
        table: Table[R],
        window: Window,
        *,
        where: Filter = EVERY,
        order: Sequence[Order] = (),
    ) -> Page[R]:
        """One page of the list of the rows that the filter takes, in this order.

        Raises Rejected `paging.bad_cursor` or `paging.cursor_of_another_query`, and what
        `compiled` and `sort_keys` raise.
        """
        walk = Walk(table, window, where, order)
        limit = sql.SQL(" order by {} limit %s").format(order_by(walk.keys))
        return walk.page(await self._rows(table, walk.condition, limit, window.size + 1))

    async def pages(
        self,
        table: Table[R],
        column: str,
        values: Collection[Any],
        window: Window,
        *,
        where: Filter = EVERY,
        order: Sequence[Order] = (),
    ) -> dict[Any, Page[R]]:
        """The same page of one list for each value of a column, in one statement.

        `window` takes the lists from one of their ends. The cursors are those of `page` with the
        filter `list_of(column, value, where)`, which is to be asked for the pages that follow.
        """
        assert window.is_plain, "a cursor belongs to one list"
        of = column_of(table, column)
        walks = {
            value: Walk(table, window, list_of(column, value, where), order) for value in values
        }
        if not walks:
            return {}
        condition, source = compiled(where, table), self._sight.of(table)
        keys = next(iter(walks.values())).keys
        statement = sql.SQL(
            "select page.* from unnest(%s::{of}[]) as list (of_value), lateral (select {names}"
            " from {source} as {table} where tenant_id = %s and {column} = list.of_value"
            " and {where} order by {order} limit %s) as page order by list.of_value, {order}"
        ).format(
            of=sql.SQL(of.sql_type),
            names=_names(table.columns),
            source=source.text,
            table=sql.Identifier(table.name),
            column=sql.Identifier(of.name),
            where=condition.text,
            order=order_by(keys),
        )
        found = await self._fetch(
            statement,
            [
                list(walks),
                *source.parameters,
                self._tenant_id,
                *condition.parameters,
                window.size + 1,
            ],
        )
        rows: defaultdict[Any, list[R]] = defaultdict(list)
        for row in map(table.row_of, found):
            rows[getattr(row, column)].append(row)
        return {value: walk.page(rows[value]) for value, walk in walks.items()}

    # --- counts -------------------------------------------------------------------------------

    async def count(self, table: Table[Any], where: Filter = EVERY) -> Count:
        """How many rows the filter takes."""
        condition, source = compiled(where, table), self._sight.of(table)
        statement = sql.SQL(
            "select count(*) from (select from {} as {} where tenant_id = %s and {} limit %s)"
            " as counted"
        ).format(source.text, sql.Identifier(table.name), condition.text)
        ((rows,),) = await self._fetch(
            statement,
            [*source.parameters, self._tenant_id, *condition.parameters, COUNT_EXACT_MAX + 1],
        )
        return _count(rows)

    async def counts(
        self, table: Table[Any], column: str, values: Collection[Any], where: Filter = EVERY
    ) -> dict[Any, Count]:
        """How many rows each of these lists has, in one statement."""
        of = column_of(table, column)
        condition, source = compiled(where, table), self._sight.of(table)
        statement = sql.SQL(
            "select list.of_value, counted.found from unnest(%s::{of}[]) as list (of_value),"
            " lateral (select count(*) as found from (select from {source} as {table}"
            " where tenant_id = %s and {column} = list.of_value and {where} limit %s) as limited)"
            " as counted"
        ).format(
            of=sql.SQL(of.sql_type),
            source=source.text,
            table=sql.Identifier(table.name),
            column=sql.Identifier(of.name),
            where=condition.text,
        )
        found = await self._fetch(
            statement,
            [
                list(dict.fromkeys(values)),
                *source.parameters,
                self._tenant_id,
                *condition.parameters,
                COUNT_EXACT_MAX + 1,
            ],
        )
        return {value: _count(rows) for value, rows in found}

    # --- statements ---------------------------------------------------------------------------

    async def _rows(
        self, table: Table[R], condition: Clause, tail: sql.Composable, *limit: int
    ) -> list[R]:
        source = self._sight.of(table)
        statement = sql.SQL("select {} from {} as {} where tenant_id = %s and {}{}").format(
            _names(table.columns),
            source.text,
            sql.Identifier(table.name),
            condition.text,
            tail,
        )
        found = await self._fetch(
            statement, [*source.parameters, self._tenant_id, *condition.parameters, *limit]
        )
        return list(map(table.row_of, found))

    async def _fetch(
        self, statement: sql.Composed, parameters: Sequence[Any]
    ) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            found = await connection.execute(statement, parameters, binary=True)
            return await found.fetchall()


def _any_of(column: Column, values: Iterable[Any]) -> Clause:
    text = sql.SQL("{} = any(%s::{}[])").format(
        sql.Identifier(column.name), sql.SQL(column.sql_type)
    )
    return Clause(text, ([parameter(value) for value in values],))


def _count(rows: int) -> Count:
    return Count(min(rows, COUNT_EXACT_MAX), rows <= COUNT_EXACT_MAX)


def _names(columns: Sequence[Column]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
