"""From one record to others, where the reader may follow; else there is nothing to be seen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from crm_api.graphql.connection import Connection, page_of
from crm_api.graphql.context import Info
from crm_api.graphql.filters import order_of
from crm_api.graphql.reading import LinkedList
from crm_api.graphql.records import RecordKind
from crm_api.graphql.types.node import Record
from crm_core import NOW, AsOf
from crm_projections.reading import Count, Filter, Order, Page, Window, list_of
from crm_projections.tables import Row, Table

__all__ = ["folded_list", "folded_page", "linked", "linked_list", "list_page", "listed"]

R = TypeVar("R", bound=Row)
N = TypeVar("N")


async def linked(info: Info, kind: RecordKind, record_id: UUID | None, as_of: AsOf = NOW) -> Any:
    """The other record, as of the same past; None where there is none or none to be seen."""
    context = info.context
    if record_id is None or not (await context.rights()).allow(kind.name, "read"):
        return None
    await context.see_own_writes()
    return await context.loaders.record(kind, record_id, as_of)


async def linked_list(
    info: Info,
    reads: LinkedList,
    record: Record,
    window: Window,
    where: Filter,
    order_by: Sequence[Any] | None,
) -> Connection[Any] | None:
    """A page of the records that name this one in a column, as of the same past; None where they
    are not to be seen.
    """
    from crm_api.graphql.past_lists import past_list
    from crm_api.graphql.registry import kind_of_name

    kind = kind_of_name(reads.kind)
    assert kind is not None, f"{reads.kind} is a kind of record"
    order = order_of(order_by, reads.order)
    if not (await info.context.rights()).allow(kind.name, "read"):
        return None
    if record.as_of != NOW:
        return await past_list(info, kind, reads, record, window, where, order)
    value = record.uuid
    return await list_page(
        info, _table(kind), reads.column, value, window, where, order, kind.graphql_type.of
    )


async def list_page(
    info: Info,
    table: Table[R],
    column: str,
    value: UUID,
    window: Window,
    where: Filter,
    order: Sequence[Order],
    node: Callable[[R], N],
) -> Connection[N]:
    """A page of the rows with this value in a column; read together with its sisters."""
    context = info.context
    await context.see_own_writes()
    if window.is_plain:
        page = await context.loaders.page(table, column, value, window, where, order)
    else:
        whole = list_of(column, value, where)
        reads = await context.loaders.reads()
        page = await reads.page(table, window, where=whole, order=order)

    async def counting() -> Count:
        return await context.loaders.count(table, column, value, where)

    return page_of(page, node, counting)


async def listed(
    info: Info, kind: RecordKind, window: Window, where: Filter, order: Sequence[Order]
) -> Connection[Any]:
    """A page of the whole list of a kind."""
    reads, table = await info.context.loaders.reads(), _table(kind)

    async def counting() -> Count:
        return await reads.count(table, where)

    page = await reads.page(table, window, where=where, order=order)
    return page_of(page, kind.graphql_type.of, counting)


async def folded_list(
    info: Info,
    kind: RecordKind,
    table: Table[R],
    window: Window,
    where: Filter,
    order: Sequence[Order],
) -> Connection[Any]:
    """A page of the whole list of a kind whose rows only say which records there are."""
    reads = await info.context.loaders.reads()

    async def counting() -> Count:
        return await reads.count(table, where)

    page = await reads.page(table, window, where=where, order=order)
    return await folded_page(info, kind, page, counting, key=table.key[0])


async def folded_page(
    info: Info,
    kind: RecordKind,
    page: Page[R],
    counting: Callable[[], Awaitable[Count]],
    *,
    key: str = "record_id",
    as_of: AsOf = NOW,
) -> Connection[Any]:
    """The records that the page's rows name, by their events."""
    ids = list(dict.fromkeys(getattr(row, key) for row in page.rows))
    folded = await asyncio.gather(*(info.context.loaders.folded(kind, each, as_of) for each in ids))
    records = dict(zip(ids, folded, strict=True))
    return page_of(page, lambda row: records[getattr(row, key)], counting)


def _table(kind: RecordKind) -> Any:
    assert kind.table is not None, f"there is no read model of {kind.name}"
    return kind.table
