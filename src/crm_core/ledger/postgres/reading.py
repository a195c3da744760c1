"""Reading the ledger in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg_pool import PoolClosed

from crm_core.kernel.messages import Actor, ActorKind
from crm_core.ledger.admission import Remembered
from crm_core.ledger.postgres.appending import EVENT_COLUMNS, select_holders, select_results
from crm_core.ledger.postgres.connections import Pool
from crm_core.ledger.postgres.selecting import page_query
from crm_core.ledger.records import Head, StoredEvent
from crm_core.ledger.selection import EVERYTHING, Page, Selection
from crm_core.ledger.signal import Closed
from crm_core.ledger.watch import Pauses, Relay, Watch

__all__ = ["PostgresReader"]

_LAST = 2**63 - 1  # no ledger gets this far
_NEAR_POSITIONS = 100  # so few are read as they come, and selected here


class PostgresReader:
    """The half of the ledger that changes nothing.

    `relay` carries wake-ups between processes; `pauses` are those between two looks at the heads.
    """

    def __init__(self, pool: Pool, *, relay: Relay | None, pauses: Pauses) -> None:
        self._pool = pool
        self._signal = Watch(self._look, pauses=pauses, relay=relay)

    async def results(
        self, tenant_id: UUID, command_ids: Collection[UUID]
    ) -> dict[UUID, Remembered]:
        async with self._pool.connection() as connection:
            return await select_results(connection, tenant_id, command_ids)

    async def stream(
        self,
        tenant_id: UUID,
        stream_ids: Collection[UUID],
        *,
        after_version: int = 0,
        up_to: int | None = None,
    ) -> list[StoredEvent]:
        return await self._events(
            tenant_id,
            f"select {EVENT_COLUMNS} from ledger.event where tenant_id = %(tenant)s"
            " and stream_id = any(%(streams)s) and version > %(after)s"
            " and (%(up_to)s::bigint is null or position <= %(up_to)s) order by position",
            {"tenant": tenant_id, "streams": list(stream_ids), "after": after_version,
             "up_to": up_to},
        )  # fmt: skip

    async def page(
        self,
        tenant_id: UUID,
        *,
        after: int,
        limit: int,
        up_to: int | None = None,
        selection: Selection = EVERYTHING,
    ) -> Page[StoredEvent]:
        if selection == EVERYTHING:
            return await self._following(tenant_id, after, up_to, limit)
        if up_to is None or up_to - after > _NEAR_POSITIONS:
            head = (await self.head(tenant_id)).position
            up_to = head if up_to is None else min(head, up_to)
        if up_to <= after:
            return Page((), after)
        if up_to - after <= _NEAR_POSITIONS:
            near = await self._following(tenant_id, after, up_to, _NEAR_POSITIONS)
            return selection.page_of(near, after=after, limit=limit)
        query = page_query(tenant_id, selection, after=after, up_to=up_to, limit=limit)
        # Not prepared: a plan for these values, not one for any.
        found = await self._events(tenant_id, *query, prepare=False)
        return Page(found, found[-1].position if len(found) == limit else up_to)

    async def head(self, tenant_id: UUID) -> Head:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select position, recorded_at from ledger.head where tenant_id = %s", [tenant_id]
            )
            row = await found.fetchone()
            return Head(*row) if row else Head(0, None)

    async def heads(self) -> dict[UUID, int]:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select tenant_id, position from ledger.head where position > 0"
            )
            return dict(await found.fetchall())

    async def position_at(self, tenant_id: UUID, moment: datetime) -> int:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select ledger.position_at(%s, %s)", [tenant_id, moment]
            )
            row = await found.fetchone()
            assert row is not None
            return int(row[0])

    async def holders(
        self, tenant_id: UUID, keys: Collection[tuple[str, bytes]]
    ) -> dict[tuple[str, bytes], UUID]:
        async with self._pool.connection() as connection:
            return await select_holders(connection, tenant_id, keys)

    async def wait(self, tenant_id: UUID, *, after: int, seconds: float | None) -> int:
        return await self._signal.wait(tenant_id, after, seconds)

    async def _look(self, tenant_ids: Collection[UUID]) -> dict[UUID, int]:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select tenant_id, position from ledger.head where tenant_id = any(%s)",
                [list(tenant_ids)],
            )
            return dict(await found.fetchall())

    async def _following(
        self, tenant_id: UUID, after: int, up_to: int | None, limit: int
    ) -> Page[StoredEvent]:
        found = await self._events(
            tenant_id,
            f"select {EVENT_COLUMNS} from ledger.event where tenant_id = %(tenant)s"
            " and position > %(after)s and position <= %(up_to)s order by position limit %(limit)s",
            {"tenant": tenant_id, "after": after, "up_to": _LAST if up_to is None else up_to,
             "limit": limit},
        )  # fmt: skip
        return Page(found, found[-1].position if found else after)

    async def _events(
        self,
        tenant_id: UUID,
        query: str,
        parameters: dict[str, Any],
        *,
        prepare: bool | None = None,
    ) -> list[StoredEvent]:
        try:
            async with self._pool.connection() as connection:
                found = await connection.execute(query, parameters, binary=True, prepare=prepare)
                return [_event(tenant_id, row) for row in await found.fetchall()]
        except PoolClosed:
            raise Closed from None


_KINDS = {kind.value: kind for kind in ActorKind}


def _event(tenant_id: UUID, row: tuple[Any, ...]) -> StoredEvent:
    (position, event_id, stream_type, stream_id, version, type_, schema_version, recorded_at,
     effective_at, actor_kind, actor_id, on_behalf_of, command_id, correlation_id, causation_id,
     reason, subject_ids, tags, data) = row  # fmt: skip
    return StoredEvent(
        tenant_id=tenant_id,
        position=position,
        event_id=event_id,
        stream_type=stream_type,
        stream_id=stream_id,
        version=version,
        type=type_,
        schema_version=schema_version,
        recorded_at=recorded_at,
        effective_at=effective_at,
        actor=Actor(_KINDS[actor_kind], actor_id, on_behalf_of),
        command_id=command_id,
        correlation_id=correlation_id,
        causation_id=causation_id,
        reason=reason,
        subject_ids=tuple(subject_ids),
        tags=tuple(tags),
        data=bytes(data),
    )
