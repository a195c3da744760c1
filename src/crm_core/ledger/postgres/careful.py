"""Storing a group of appends with every check: two round trips, whatever the group's size.

The first locks the heads of the group's tenants and reads what the appends depend on; `Admission`
decides; the second stores what was let in and commits.

Appends of a tenant take turns at its head row, so positions become visible in order and a tailing
reader never steps over one (tests/crm_core/ledger/contract.py::test_no_position_is_skipped). Each
statement after the lock sees what was committed before the lock was given (READ COMMITTED).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from crm_core.ledger.admission import Admission, Remembered
from crm_core.ledger.postgres.arrays import (
    BYTEA,
    INT2,
    INT4,
    INT8,
    TEXT,
    TIMESTAMPTZ,
    UUIDS,
    BinaryArray,
    ElementType,
    literal,
)
from crm_core.ledger.postgres.connections import Connection
from crm_core.ledger.records import Append, Appended, Claim, Head, StoredEvent

__all__ = [
    "EVENT_COLUMNS",
    "open_admissions",
    "select_appended",
    "select_holders",
    "select_results",
    "store",
]

Cursor: TypeAlias = psycopg.AsyncCursor[tuple[Any, ...]]

_LOCK_HEADS = """
select tenant_id, position, recorded_at from ledger.head
 where tenant_id = any(%s) order by tenant_id for update
"""
_LAST_VERSIONS = """
select wanted.tenant_id, wanted.id, last.version
  from unnest(%s, %s) as wanted (tenant_id, id),
       lateral (select version from ledger.event as e
                 where e.tenant_id = wanted.tenant_id and e.stream_id = wanted.id
                 order by version desc limit 1) as last
"""
# Key by key: a table without statistics, as in a new database, would else be read as a whole.
_RESULTS = """
select found.* from unnest(%s, %s) as wanted (tenant_id, id), lateral (
    select c.tenant_id, c.command_id, fingerprint, first_position, last_position, event_ids,
           recorded_at
      from ledger.command as c
     where c.tenant_id = wanted.tenant_id and c.command_id = wanted.id limit 1) as found
"""
_HOLDERS = """
select found.* from unnest(%s, %s, %s) as wanted (tenant_id, kind, key), lateral (
    select c.tenant_id, c.kind, c.key, holder_id from ledger.claim as c
     where c.tenant_id = wanted.tenant_id and c.kind = wanted.kind and c.key = wanted.key
     limit 1) as found
"""
_TRACKED = """
select t.tenant_id, t.upstream, position from ledger.tracking as t
  join unnest(%s, %s) as wanted (tenant_id, upstream) using (tenant_id, upstream)
"""
_LAST_TAGGED = """
select coalesce(max(position), 0) from ledger.event
 where tenant_id = %s and ledger.tags_of(tenant_id, tags) @> ledger.tags_of(%s, %s::text[])
   and tags <> '{}' and position > %s
"""

_EVENT_TYPES: dict[str, ElementType] = {
    "position": INT8, "event_id": UUIDS, "stream_type": TEXT, "stream_id": UUIDS, "version": INT4,
    "type": TEXT, "schema_version": INT2, "recorded_at": TIMESTAMPTZ, "effective_at": TIMESTAMPTZ,
    "actor_kind": TEXT, "actor_id": TEXT, "on_behalf_of": TEXT, "command_id": UUIDS,
    "correlation_id": UUIDS, "causation_id": UUIDS, "reason": TEXT, "subject_ids": TEXT,
    "tags": TEXT, "data": BYTEA,
}  # fmt: skip
EVENT_COLUMNS = ", ".join(_EVENT_TYPES)
_INSERT_EVENTS = f"""
insert into ledger.event (tenant_id, {EVENT_COLUMNS})
select tenant_id, position, event_id, stream_type, stream_id, version, type, schema_version,
       recorded_at, effective_at, actor_kind, actor_id, on_behalf_of, command_id, correlation_id,
       causation_id, reason, subject_ids::uuid[], tags::text[], data
  from unnest({", ".join(["%s"] * (1 + len(_EVENT_TYPES)))}) as new (tenant_id, {EVENT_COLUMNS})
"""
_MOVE_HEADS = """
update ledger.head as h set position = new.position, recorded_at = new.recorded_at
  from unnest(%s, %s, %s) as new (tenant_id, position, recorded_at)
 where h.tenant_id = new.tenant_id
"""
_RELEASE = """
delete from ledger.claim where tenant_id = %s and kind = %s and key = %s and holder_id = %s
"""
_TAKE = """
insert into ledger.claim (tenant_id, kind, key, holder_id)
select * from unnest(%s, %s, %s, %s)
    on conflict (tenant_id, kind, key) do update set holder_id = excluded.holder_id
"""
_REMEMBER = """
insert into ledger.command (tenant_id, command_id, fingerprint, first_position, last_position,
                            event_ids, recorded_at)
select tenant_id, command_id, fingerprint, first_position, last_position, event_ids::uuid[],
       recorded_at
  from unnest(%s, %s, %s, %s, %s, %s, %s)
       as new (tenant_id, command_id, fingerprint, first_position, last_position, event_ids,
               recorded_at)
"""
_MARK = """
insert into ledger.tracking (tenant_id, upstream, position) select * from unnest(%s, %s, %s)
    on conflict (tenant_id, upstream) do update set position = excluded.position
"""


async def open_admissions(
    connection: Connection, now: datetime, wanted: dict[UUID, list[Append]]
) -> dict[UUID, Admission]:
    """Begins a transaction and locks the tenants' heads; an admission for each tenant."""
    tenants = sorted(wanted)
    admissions = await _begin(connection, now, tenants, wanted)
    missing = [tenant for tenant in tenants if tenant not in admissions]
    if missing:  # their first event: make the head rows, and read all again under their locks
        await connection.execute("rollback")
        await connection.execute(
            "insert into ledger.head (tenant_id, position) select *, 0 from unnest(%s)"
            " on conflict (tenant_id) do nothing",
            [BinaryArray(UUIDS, missing)],
        )
        admissions = await _begin(connection, now, tenants, wanted)
    return admissions


async def _begin(
    connection: Connection,
    now: datetime,
    tenants: Sequence[UUID],
    wanted: dict[UUID, list[Append]],
) -> dict[UUID, Admission]:
    appends = [(tenant, append) for tenant in tenants for append in wanted[tenant]]
    streams = {(tenant, s.stream_id) for tenant, append in appends for s in append.streams}
    commands = {(tenant, a.command_id) for tenant, a in appends if a.fingerprint is not None}
    keys = {(tenant, c.kind, c.key) for tenant, a in appends for c in (*a.take, *a.release)}
    upstreams = {(tenant, a.tracking.upstream) for tenant, a in appends if a.tracking is not None}
    conditions = [(tenant, a.condition) for tenant, a in appends if a.condition is not None]
    async with connection.pipeline():
        await connection.execute("begin")
        heads = await connection.execute(_LOCK_HEADS, [BinaryArray(UUIDS, tenants)], binary=True)
        versions = await _select(connection, _LAST_VERSIONS, (UUIDS, UUIDS), streams)
        results = await _select(connection, _RESULTS, (UUIDS, UUIDS), commands)
        holders = await _select(connection, _HOLDERS, (UUIDS, TEXT, BYTEA), keys)
        tracked = await _select(connection, _TRACKED, (UUIDS, TEXT), upstreams)
        tagged = [
            await connection.execute(
                _LAST_TAGGED, [tenant, tenant, list(c.tags), c.after], binary=True
            )
            for tenant, c in conditions
        ]
        admissions = {
            tenant: Admission(tenant, Head(position, recorded_at), now)
            for tenant, position, recorded_at in await heads.fetchall()
        }
        for tenant, stream_id, version in await _rows(versions):
            if tenant in admissions:
                admissions[tenant].versions[stream_id] = version
        for tenant, command_id, *result in await _rows(results):
            admissions[tenant].commands[command_id] = _remembered(*result)
        for tenant, kind, key, holder_id in await _rows(holders):
            admissions[tenant].holders[kind, bytes(key)] = holder_id
        for tenant, upstream, position in await _rows(tracked):
            admissions[tenant].tracked[upstream] = position
        for (tenant, condition), cursor in zip(conditions, tagged, strict=True):
            ((found_at,),) = await cursor.fetchall()
            if tenant in admissions:
                admissions[tenant].found_at[condition] = found_at
    return admissions


async def store(connection: Connection, admissions: Collection[Admission]) -> None:
    """Stores what was let in and commits."""
    async with connection.pipeline():
        await _insert(
            connection,
            _INSERT_EVENTS,
            (UUIDS, *_EVENT_TYPES.values()),
            [(event.tenant_id, *_row(event)) for a in admissions for event in a.events],
        )
        await _insert(
            connection,
            _MOVE_HEADS,
            (UUIDS, INT8, TIMESTAMPTZ),
            [(a.tenant_id, a.head.position, a.head.recorded_at) for a in admissions if a.events],
        )
        claims = (UUIDS, TEXT, BYTEA, UUIDS)
        for claim in [_claim(a, claim) for a in admissions for claim in a.released.values()]:
            await connection.execute(_RELEASE, claim)
        taken = [_claim(a, claim) for a in admissions for claim in a.taken.values()]
        await _insert(connection, _TAKE, claims, taken)
        await _insert(
            connection,
            _REMEMBER,
            (UUIDS, UUIDS, BYTEA, INT8, INT8, TEXT, TIMESTAMPTZ),
            [
                (a.tenant_id, command_id, result.fingerprint, result.first_position,
                 result.last_position, literal(result.event_ids), result.recorded_at)
                for a in admissions for command_id, result in a.remembered.items()
            ],
        )  # fmt: skip
        marks = [(a.tenant_id, *mark) for a in admissions for mark in a.marked.items()]
        await _insert(connection, _MARK, (UUIDS, TEXT, INT8), marks)
        await connection.execute("commit")


async def select_results(
    connection: Connection, tenant_id: UUID, command_ids: Collection[UUID]
) -> dict[UUID, Remembered]:
    """The first results of these commands."""
    wanted = {(tenant_id, command_id) for command_id in command_ids}
    found = await _rows(await _select(connection, _RESULTS, (UUIDS, UUIDS), wanted))
    return {command_id: _remembered(*result) for _, command_id, *result in found}


async def select_holders(
    connection: Connection, tenant_id: UUID, keys: Collection[tuple[str, bytes]]
) -> dict[tuple[str, bytes], UUID]:
    """The holders of these keys."""
    wanted = {(tenant_id, kind, key) for kind, key in keys}
    found = await _rows(await _select(connection, _HOLDERS, (UUIDS, TEXT, BYTEA), wanted))
    return {(kind, bytes(key)): holder_id for _, kind, key, holder_id in found}


async def select_appended(
    connection: Connection, tenant_id: UUID, append: Append
) -> Appended | None:
    """What became of an append, by the id of its last event; None where it was not stored."""
    event_ids = append.event_ids
    if not event_ids:
        return None
    found = await connection.execute(
        "select position, recorded_at from ledger.event"
        " where tenant_id = %s and event_id = %s and command_id = %s",
        [tenant_id, event_ids[-1], append.command_id],
        binary=True,
    )
    row = await found.fetchone()
    return None if row is None else Appended(append.command_id, event_ids, *row)


async def _select(
    connection: Connection,
    query: str,
    types: Sequence[ElementType],
    keys: Collection[tuple[Any, ...]],
) -> Cursor | None:
    """The query over columns of keys; nothing is asked where there are none."""
    if not keys:
        return None
    return await connection.execute(query, _arrays(types, keys), binary=True)


async def _rows(cursor: Cursor | None) -> list[tuple[Any, ...]]:
    return [] if cursor is None else await cursor.fetchall()


async def _insert(
    connection: Connection,
    statement: str,
    types: Sequence[ElementType],
    rows: Collection[tuple[Any, ...]],
) -> None:
    if rows:
        await connection.execute(statement, _arrays(types, rows))


def _arrays(types: Sequence[ElementType], rows: Collection[tuple[Any, ...]]) -> list[BinaryArray]:
    columns = zip(*rows, strict=True) if rows else [()] * len(types)
    return [BinaryArray(of, column) for of, column in zip(types, columns, strict=True)]


def _remembered(
    fingerprint: bytes, first: int, last: int, event_ids: list[UUID], recorded_at: datetime
) -> Remembered:
    return Remembered(bytes(fingerprint), first, last, tuple(event_ids), recorded_at)


def _claim(admission: Admission, claim: Claim) -> tuple[Any, ...]:
    return (admission.tenant_id, claim.kind, claim.key, claim.holder_id)


def _row(event: StoredEvent) -> tuple[Any, ...]:
    return (
        event.position, event.event_id, event.stream_type, event.stream_id, event.version,
        event.type, event.schema_version, event.recorded_at, event.effective_at,
        event.actor.kind.value, event.actor.id, event.actor.on_behalf_of, event.command_id,
        event.correlation_id, event.causation_id, event.reason,
        literal(event.subject_ids), literal(event.tags), event.data,
    )  # fmt: skip
