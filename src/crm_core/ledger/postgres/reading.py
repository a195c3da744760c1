"""Reading the ledger in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from crm_core.kernel.messages import Actor, ActorKind
from crm_core.ledger.admission import Remembered
from crm_core.ledger.postgres.appending import EVENT_COLUMNS, select_holders, select_results
from crm_core.ledger.postgres.connections import Pool
from crm_core.ledger.records import Head, StoredEvent
from crm_core.ledger.signal import Signal

__all__ = ["PostgresReader"]

_POLL_SECONDS_MIN = 0.02
_POLL_SECONDS_MAX = 0.25


class PostgresReader:
    """The half of the ledger that changes nothing."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._signal = Signal()

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
        return await self._select(
            tenant_id,
            "stream_id = any(%s) and version > %s and (%s::bigint is null or position <= %s)"
            " order by position",
            [list(stream_ids), after_version, up_to, up_to],
        )

    async def page(
        self,
        tenant_id: UUID,
        *,
        after: int,
        limit: int,
        up_to: int | None = None,
        types: Collection[str] | None = None,
    ) -> list[StoredEvent]:
        condition = "position > %s"
        parameters: list[Any] = [after]
        if up_to is not None:
            condition, parameters = condition + " and position <= %s", [*parameters, up_to]
        if types is not None:
            condition, parameters = condition + " and type = any(%s)", [*parameters, list(types)]
        return await self._select(
            tenant_id, condition + " order by position limit %s", [*parameters, limit]
        )

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

    async def wait(self, tenant_id: UUID, *, after: int, seconds: float) -> int:
        """Wakes by this process's signal, and polls with growing pauses for other processes."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        pause = _POLL_SECONDS_MIN
        while True:
            position = (await self.head(tenant_id)).position
            left = deadline - loop.time()
            if position > after or left <= 0:
                return position
            await self._signal.wait(tenant_id, after, min(pause, left))
            pause = min(pause * 2, _POLL_SECONDS_MAX)

    async def _select(
        self, tenant_id: UUID, condition: str, parameters: list[Any]
    ) -> list[StoredEvent]:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                f"select {EVENT_COLUMNS} from ledger.event where tenant_id = %s and {condition}",
                [tenant_id, *parameters],
                binary=True,
            )
            return [_event(tenant_id, row) for row in await found.fetchall()]


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
