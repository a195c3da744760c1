"""The ledger in the order of its streams: for whoever needs each record's events together.

Read by the key (tenant_id, stream_id, version), so it costs about what a page by position does.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import psycopg

from crm_core.ledger.postgres.careful import EVENT_COLUMNS
from crm_core.ledger.postgres.rows import stored_events
from crm_core.ledger.records import StoredEvent

__all__ = ["select_streams", "stream_quantiles"]

_SELECT = f"""
select {EVENT_COLUMNS} from ledger.event
 where tenant_id = %s and stream_id between %s and %s and position <= %s and type like any(%s)
 order by stream_id, version limit %s
"""
# A sample is enough: the parts need not be equal.
_QUANTILES = """
select percentile_disc(array(select i::float8 / %(parts)s from generate_series(1, %(parts)s - 1) i))
           within group (order by stream_id)
  from ledger.event tablesample system (%(percent)s) where tenant_id = %(tenant)s
"""


async def select_streams(
    connection: psycopg.AsyncConnection[Any],
    tenant_id: UUID,
    first: UUID,
    last: UUID,
    *,
    up_to: int,
    types_begin_with: Collection[str],
    limit: int,
) -> list[StoredEvent]:
    """About so many events with position ≤ `up_to`, of whole streams, from `first` on to `last`.

    By stream and version; only those of types that begin so. What follows begins after the last
    event's stream. A stream that is longer than the limit comes whole, and alone.
    """
    types = [prefix.replace("\\", r"\\").replace("_", r"\_") + "%" for prefix in types_begin_with]
    bounds = [tenant_id, first, last, up_to, types]
    events = await _select(connection, [*bounds, limit])
    if len(events) < limit:
        return events
    cut = events[-1].stream_id
    whole = [event for event in events if event.stream_id != cut]
    if whole:
        return whole
    return await _select(connection, [tenant_id, cut, cut, up_to, types, None])


async def _select(
    connection: psycopg.AsyncConnection[Any], parameters: list[Any]
) -> list[StoredEvent]:
    cursor = await connection.execute(_SELECT, parameters, binary=True)
    assert cursor.pgresult is not None
    return stored_events(cursor.pgresult, parameters[0])


async def stream_quantiles(
    connection: psycopg.AsyncConnection[Any], tenant_id: UUID, parts: int, *, events: int
) -> list[UUID]:
    """Streams that cut the tenant's events into about so many equal parts; rising, distinct.

    `events` is how many there are about, to know how large a sample is enough.
    """
    if parts < 2:
        return []
    percent = min(100.0, 100.0 * 200 * parts / max(events, 1))
    found = await connection.execute(
        _QUANTILES, {"parts": parts, "percent": percent, "tenant": tenant_id}
    )
    row = await found.fetchone()
    return sorted(set(row[0])) if row is not None and row[0] is not None else []
