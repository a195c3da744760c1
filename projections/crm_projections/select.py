"""Rows of a query as typed structs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString, TypeVar

import msgspec
from psycopg.rows import dict_row

from crm_core.ledger.postgres.connections import Pool

__all__ = ["select"]

S = TypeVar("S", bound=msgspec.Struct)


async def select(
    pool: Pool, of: type[S], query: LiteralString, parameters: Mapping[str, Any]
) -> list[S]:
    """The query's rows; its columns are named as the struct's fields.

    The statement is planned each time, for its own parameters: a plan for any position would be
    bad for most of them.
    """
    async with (
        pool.connection() as connection,
        connection.transaction(),
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        # It reads whole tables, which may have been filled a moment ago, before anybody counted
        # their rows: taken for small, they would be joined row by row, for minutes.
        await cursor.execute("set local enable_nestloop = off")
        await cursor.execute(query, parameters, prepare=False)
        return [msgspec.convert(row, of, strict=False) for row in await cursor.fetchall()]
