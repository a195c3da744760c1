"""Snapshots in PostgreSQL, in a table of their own beside the events."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from crm_core.ledger.postgres.connections import Pool
from crm_core.ledger.snapshots import Snapshot

__all__ = ["PostgresSnapshotStore"]

_COLUMNS = "stream_id, version, stream_type, position, event_id, subject_ids, fingerprint, sealed"
_KEEP = f"""
insert into ledger.snapshot (tenant_id, {_COLUMNS})
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (tenant_id, stream_id, version) do update
   set (stream_type, position, event_id, subject_ids, fingerprint, sealed)
     = (excluded.stream_type, excluded.position, excluded.event_id, excluded.subject_ids,
        excluded.fingerprint, excluded.sealed)
"""


class PostgresSnapshotStore:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def versions(self, tenant_id: UUID) -> dict[UUID, int]:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select stream_id, max(version) from ledger.snapshot where tenant_id = %s"
                " group by stream_id",
                [tenant_id],
                binary=True,
            )
            return dict(await found.fetchall())

    async def newest(
        self, tenant_id: UUID, stream_ids: Collection[UUID], *, up_to: int | None = None
    ) -> dict[UUID, Snapshot]:
        found = await self._select(
            tenant_id,
            f"select distinct on (stream_id) {_COLUMNS} from ledger.snapshot"
            " where tenant_id = %s and stream_id = any(%s)"
            " and (%s::bigint is null or position <= %s) order by stream_id, version desc",
            [list(stream_ids), up_to, up_to],
        )
        return {snapshot.stream_id: snapshot for snapshot in found}

    async def of_stream(self, tenant_id: UUID, stream_id: UUID) -> list[Snapshot]:
        return await self._select(
            tenant_id,
            f"select {_COLUMNS} from ledger.snapshot where tenant_id = %s and stream_id = %s"
            " order by version",
            [stream_id],
        )

    async def keep(self, snapshot: Snapshot) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(
                _KEEP,
                [
                    snapshot.tenant_id, snapshot.stream_id, snapshot.version,
                    snapshot.stream_type, snapshot.position, snapshot.event_id,
                    list(snapshot.subject_ids), snapshot.fingerprint, snapshot.sealed,
                ],
            )  # fmt: skip

    async def drop(self, tenant_id: UUID, stream_ids: Collection[UUID] | None = None) -> int:
        async with self._pool.connection() as connection:
            dropped = await connection.execute(
                "delete from ledger.snapshot where tenant_id = %s"
                " and (%s::uuid[] is null or stream_id = any(%s))",
                [tenant_id, *[None if stream_ids is None else list(stream_ids)] * 2],
            )
            return dropped.rowcount

    async def drop_about(self, tenant_id: UUID, subject_ids: Collection[UUID]) -> int:
        async with self._pool.connection() as connection:
            dropped = await connection.execute(
                "delete from ledger.snapshot where tenant_id = %s and subject_ids && %s::uuid[]",
                [tenant_id, list(subject_ids)],
            )
            return dropped.rowcount

    async def _select(self, tenant_id: UUID, query: str, parameters: list[Any]) -> list[Snapshot]:
        async with self._pool.connection() as connection:
            found = await connection.execute(query, [tenant_id, *parameters], binary=True)
            return [_snapshot(tenant_id, row) for row in await found.fetchall()]


def _snapshot(tenant_id: UUID, row: tuple[Any, ...]) -> Snapshot:
    stream_id, version, stream_type, position, event_id, subject_ids, fingerprint, sealed = row
    return Snapshot(
        tenant_id=tenant_id,
        stream_id=stream_id,
        stream_type=stream_type,
        version=version,
        position=position,
        event_id=event_id,
        subject_ids=tuple(subject_ids),
        fingerprint=bytes(fingerprint),
        sealed=bytes(sealed),
    )
