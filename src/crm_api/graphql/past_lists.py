"""Lists on a record of the past: the records that named it then, each of them as of that past.

Read models hold the present. So each record that was ever about this one is folded from its own
events, and the rows that come of it are filtered, ordered and paged as those of a table are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_api.graphql.connection import Connection, page_of
from crm_api.graphql.context import Info
from crm_api.graphql.reading import LinkedList
from crm_api.graphql.records import RecordKind
from crm_api.graphql.types.node import Record
from crm_projections.reading import Count, Filter, Order, Window, list_of
from crm_projections.tables import Row, Table

__all__ = ["past_list"]


async def past_list(
    info: Info,
    kind: RecordKind,
    listed: LinkedList,
    of: Record,
    window: Window,
    where: Filter,
    order: Sequence[Order],
) -> Connection[Any]:
    """A page of the records that named this one in a column. Raises what `past_about` does."""
    assert kind.table is not None, f"there is no read model of {kind.name}"
    table = kind.table
    found = await info.context.loaders.past_about(kind, of.uuid, of.as_of)
    records = {record.uuid: record for record in found}
    reads = info.context.services.reads.among(table, [_row(table, record) for record in found])
    whole = list_of(listed.column, of.uuid, where)

    async def counting() -> Count:
        return await reads.count(table, whole)

    (key,) = table.key
    page = await reads.page(table, window, where=whole, order=order)
    return page_of(page, lambda row: records[getattr(row, key)], counting)


def _row(table: Table[Any], record: Record) -> Row:
    """As far as the reader may see it: what is withheld is empty, for filters and orders too."""
    row: Row = table.row(**{name: getattr(record.row, name) for name in table.column_names})
    return row
