"""The ledger in PostgreSQL: one transaction a batch, under the tenant's head row."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from crm_core.kernel.clock import Clock, SystemClock
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.kernel.messages import Actor, ActorKind
from crm_core.ledger.admission import Admission, Remembered
from crm_core.ledger.postgres.connections import Pool
from crm_core.ledger.records import Append, Appended, Claim, Head, StoredEvent, TagCondition
from crm_core.ledger.signal import Signal

__all__ = ["PostgresLedger"]

_POLL_SECONDS_MIN = 0.02
_POLL_SECONDS_MAX = 0.25

_COLUMNS = (
    "position, event_id, stream_type, stream_id, version, type, schema_version, recorded_at,"
    " effective_at, actor_kind, actor_id, on_behalf_of, command_id, correlation_id, causation_id,"
    " reason, subject_ids, tags, data"
)

# Appends of a tenant take turns at its head row, so positions become visible in order and a tailing
# reader never steps over one (tests/crm_core/ledger/contract.py::test_no_position_is_skipped).
_LOCK_HEAD = "select position, recorded_at from ledger.head where tenant_id = %s for update"

_INSERT = f"""
insert into ledger.event (tenant_id, {_COLUMNS})
select %s, position, event_id, stream_type, stream_id, version, type, schema_version, recorded_at,
       effective_at, actor_kind, actor_id, on_behalf_of, command_id, correlation_id, causation_id,
       reason, subject_ids::uuid[], tags::text[], data
  from unnest(%s::bigint[], %s::uuid[], %s::text[], %s::uuid[], %s::int[], %s::text[],
              %s::smallint[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[],
              %s::text[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[],
              %s::bytea[])
       as new ({_COLUMNS})
"""


class PostgresLedger:
    def __init__(self, pool: Pool, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self._pool = pool
        self._signal = Signal()

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        async with self._pool.connection() as connection, connection.transaction():
            head = await _locked_head(connection, tenant_id)
            admission = await _dependencies(connection, tenant_id, head, self.clock, appends)
            outcomes = [admission.admit(append) for append in appends]
            await _store(connection, admission)
        self._signal.raise_to(tenant_id, admission.head.position)
        return outcomes

    async def results(
        self, tenant_id: UUID, command_ids: Collection[UUID]
    ) -> dict[UUID, Remembered]:
        async with self._pool.connection() as connection:
            return await _results(await _select_results(connection, tenant_id, command_ids))

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
            return await _holders(await _select_holders(connection, tenant_id, keys))

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
        async with self._pool.connection() as connection, connection.transaction():
            head = await _locked_head(connection, tenant_id)
            for offset, event in enumerate(events, start=1):
                if event.position != head.position + offset:
                    raise Rejected("ledger.gap", head=head.position, position=event.position)
            last = Head(events[-1].position, events[-1].recorded_at) if events else head
            admission = Admission(tenant_id, last, self.clock.now(), events=list(events))
            admission.taken = {(claim.kind, claim.key): claim for claim in claims}
            await _store(connection, admission)
        self._signal.raise_to(tenant_id, admission.head.position)

    async def close(self) -> None:
        await self._pool.close()

    async def _select(
        self, tenant_id: UUID, condition: str, parameters: list[Any]
    ) -> list[StoredEvent]:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from ledger.event where tenant_id = %s and {condition}",
                [tenant_id, *parameters],
                binary=True,
            )
            return [_event(tenant_id, row) for row in await found.fetchall()]


async def _locked_head(connection: psycopg.AsyncConnection[Any], tenant_id: UUID) -> Head:
    for _ in range(2):
        found = await connection.execute(_LOCK_HEAD, [tenant_id])
        row = await found.fetchone()
        if row is not None:
            return Head(*row)
        await connection.execute(
            "insert into ledger.head (tenant_id, position) values (%s, 0)"
            " on conflict (tenant_id) do nothing",
            [tenant_id],
        )
    raise AssertionError("a head row is never deleted")


async def _dependencies(
    connection: psycopg.AsyncConnection[Any],
    tenant_id: UUID,
    head: Head,
    clock: Clock,
    appends: Sequence[Append],
) -> Admission:
    """What the batch's admission depends on, read after the head was locked, in one round trip."""
    streams = list({stream.stream_id for append in appends for stream in append.streams})
    commands = [append.command_id for append in appends if append.fingerprint is not None]
    keys = {(c.kind, c.key) for append in appends for c in (*append.take, *append.release)}
    conditions = [append.condition for append in appends if append.condition is not None]
    async with connection.pipeline():
        versions = await connection.execute(
            "select wanted.id, last.version from unnest(%s::uuid[]) as wanted (id),"
            " lateral (select version from ledger.event where tenant_id = %s"
            " and stream_id = wanted.id order by version desc limit 1) as last",
            [streams, tenant_id],
        )
        remembered = await _select_results(connection, tenant_id, commands)
        holders = await _select_holders(connection, tenant_id, keys)
        found_at: dict[TagCondition, int] = {}
        for condition in conditions:
            found = await connection.execute(
                "select coalesce(max(position), 0) from ledger.event"
                " where tenant_id = %s and tags @> %s and tags <> '{}' and position > %s",
                [tenant_id, list(condition.tags), condition.after],
            )
            row = await found.fetchone()
            assert row is not None
            found_at[condition] = row[0]
        return Admission(
            tenant_id,
            head,
            clock.now(),
            versions=dict(await versions.fetchall()),
            commands=await _results(remembered),
            holders=await _holders(holders),
            found_at=found_at,
        )


_Cursor: TypeAlias = psycopg.AsyncCursor[tuple[Any, ...]]


async def _select_results(
    connection: psycopg.AsyncConnection[Any], tenant_id: UUID, command_ids: Collection[UUID]
) -> _Cursor:
    return await connection.execute(
        "select command_id, fingerprint, first_position, last_position, event_ids, recorded_at"
        " from ledger.command where tenant_id = %s and command_id = any(%s)",
        [tenant_id, list(command_ids)],
    )


async def _results(cursor: _Cursor) -> dict[UUID, Remembered]:
    return {
        command_id: Remembered(bytes(fingerprint), first, last, tuple(event_ids), recorded_at)
        for command_id, fingerprint, first, last, event_ids, recorded_at in await cursor.fetchall()
    }


async def _select_holders(
    connection: psycopg.AsyncConnection[Any], tenant_id: UUID, keys: Collection[tuple[str, bytes]]
) -> _Cursor:
    return await connection.execute(
        "select kind, key, holder_id from ledger.claim"
        " join unnest(%s::text[], %s::bytea[]) as wanted (kind, key) using (kind, key)"
        " where tenant_id = %s",
        [[kind for kind, _ in keys], [key for _, key in keys], tenant_id],
    )


async def _holders(cursor: _Cursor) -> dict[tuple[str, bytes], UUID]:
    return {(kind, bytes(key)): holder for kind, key, holder in await cursor.fetchall()}


async def _store(connection: psycopg.AsyncConnection[Any], admission: Admission) -> None:
    tenant_id = admission.tenant_id
    async with connection.pipeline():
        if admission.events:
            columns = zip(*map(_row, admission.events), strict=True)
            await connection.execute(_INSERT, [tenant_id, *map(list, columns)])
            await connection.execute(
                "update ledger.head set position = %s, recorded_at = %s where tenant_id = %s",
                [admission.head.position, admission.head.recorded_at, tenant_id],
            )
        if admission.released:
            await connection.execute(
                "delete from ledger.claim as held"
                " using unnest(%s::text[], %s::bytea[], %s::uuid[]) as gone (kind, key, holder_id)"
                " where held.tenant_id = %s and held.kind = gone.kind and held.key = gone.key"
                " and held.holder_id = gone.holder_id",
                [*_claim_columns(admission.released.values()), tenant_id],
            )
        if admission.taken:
            await connection.execute(
                "insert into ledger.claim (tenant_id, kind, key, holder_id)"
                " select %s, * from unnest(%s::text[], %s::bytea[], %s::uuid[])"
                " on conflict (tenant_id, kind, key) do update set holder_id = excluded.holder_id",
                [tenant_id, *_claim_columns(admission.taken.values())],
            )
        if admission.remembered:
            results = [
                (command_id, result.fingerprint, result.first_position, result.last_position,
                 _array(result.event_ids), result.recorded_at)
                for command_id, result in admission.remembered.items()
            ]  # fmt: skip
            await connection.execute(
                "insert into ledger.command (tenant_id, command_id, fingerprint, first_position,"
                " last_position, event_ids, recorded_at)"
                " select %s, command_id, fingerprint, first_position, last_position,"
                " event_ids::uuid[], recorded_at"
                " from unnest(%s::uuid[], %s::bytea[], %s::bigint[], %s::bigint[], %s::text[],"
                " %s::timestamptz[]) as new (command_id, fingerprint, first_position,"
                " last_position, event_ids, recorded_at)",
                [tenant_id, *map(list, zip(*results, strict=True))],
            )


def _claim_columns(claims: Collection[Claim]) -> list[list[Any]]:
    return [
        [claim.kind for claim in claims],
        [claim.key for claim in claims],
        [claim.holder_id for claim in claims],
    ]


def _row(event: StoredEvent) -> tuple[Any, ...]:
    return (
        event.position, event.event_id, event.stream_type, event.stream_id, event.version,
        event.type, event.schema_version, event.recorded_at, event.effective_at,
        event.actor.kind.value, event.actor.id, event.actor.on_behalf_of, event.command_id,
        event.correlation_id, event.causation_id, event.reason,
        _array(event.subject_ids), _array(event.tags), event.data,
    )  # fmt: skip


def _array(items: Collection[object]) -> str:
    """A one-dimensional array as text: unnest cannot hand out arrays of several lengths."""
    return "{" + ",".join(f'"{item}"' for item in items) + "}"


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
