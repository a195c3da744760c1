"""The ledger in PostgreSQL: appends in groups, under the heads of their tenants; reads."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from crm_core.kernel.clock import Clock, SystemClock
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.kernel.messages import Actor, ActorKind
from crm_core.ledger.admission import Remembered
from crm_core.ledger.conflicts import name_the_intervening
from crm_core.ledger.postgres.appender import Appender
from crm_core.ledger.postgres.careful import (
    EVENT_COLUMNS,
    open_admissions,
    select_holders,
    select_results,
    store,
)
from crm_core.ledger.postgres.connections import Pool
from crm_core.ledger.postgres.group_commit import GroupCommit
from crm_core.ledger.records import Append, Appended, Claim, Head, StoredEvent
from crm_core.ledger.signal import Signal

__all__ = ["PostgresLedger"]

_POLL_SECONDS_MIN = 0.02
_POLL_SECONDS_MAX = 0.25


class PostgresLedger:
    def __init__(
        self, pool: Pool, clock: Clock | None = None, *, recovery_seconds: float = 10.0
    ) -> None:
        """`recovery_seconds`: how long an append waits for a database that went away, before it
        fails with Unavailable `database.gone`.
        """
        self.clock: Clock = clock or SystemClock()
        self._pool = pool
        self._signal = Signal()
        self._appender = Appender(
            pool, self.clock, self._signal.raise_to, recovery_seconds=recovery_seconds
        )
        self._commits = GroupCommit(self._appender.write)

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        outcomes = await self._commits.append(tenant_id, appends)
        await name_the_intervening(self, tenant_id, outcomes)
        return outcomes

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
        up_to_version: int | None = None,
        up_to: int | None = None,
    ) -> list[StoredEvent]:
        return await self._select(
            tenant_id,
            "stream_id = any(%s) and version > %s and version <= coalesce(%s, 2147483647)"
            " and (%s::bigint is null or position <= %s) order by position",
            [list(stream_ids), after_version, up_to_version, up_to, up_to],
        )

    async def last_version(self, tenant_id: UUID, stream_id: UUID) -> int:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select coalesce(max(version), 0) from ledger.event"
                " where tenant_id = %s and stream_id = %s",
                [tenant_id, stream_id],
            )
            row = await found.fetchone()
            assert row is not None
            return int(row[0])

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

    async def tracked(self, tenant_id: UUID, upstream: str) -> int | None:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select position from ledger.tracking where tenant_id = %s and upstream = %s",
                [tenant_id, upstream],
            )
            row = await found.fetchone()
            return None if row is None else int(row[0])

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

    async def restore(
        self, tenant_id: UUID, events: Sequence[StoredEvent], claims: Sequence[Claim] = ()
    ) -> None:
        async with self._pool.connection() as connection:
            now = self.clock.now()
            admission = (await open_admissions(connection, now, {tenant_id: []}))[tenant_id]
            for offset, event in enumerate(events, start=1):
                position = admission.head.position
                if event.position != position + offset:
                    await connection.execute("rollback")
                    raise Rejected("ledger.gap", head=position, position=event.position)
            if events:
                admission.head = Head(events[-1].position, events[-1].recorded_at)
            admission.events = list(events)
            admission.taken = {(claim.kind, claim.key): claim for claim in claims}
            await store(connection, [admission])
        self._signal.raise_to(tenant_id, admission.head.position)

    async def close(self) -> None:
        await self._commits.close()
        await self._appender.close()
        await self._pool.close()

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
