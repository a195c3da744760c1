"""Snapshots of an application's aggregates, in a table beside the ledger.

A snapshot has the version of the event it was taken at, so its versions have gaps, and it can be
dropped and taken again: it is not an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, StoredEvent

from crm_core.ledger.postgres.connections import Pool
from crm_core.persistence.log import ApplicationLog
from crm_core.persistence.streams import stream_id_of

__all__ = ["PostgresSnapshotRecorder"]


class PostgresSnapshotRecorder(AggregateRecorder):
    def __init__(self, log: ApplicationLog, pool: Pool) -> None:
        self._log = log
        self._pool = pool

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        self._log.call(self._insert(stored_events))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        order = "desc" if desc else "asc"
        rows = self._log.call(
            self._select(
                "select version, topic, state from ledger.application_snapshot"
                " where tenant_id = %s and stream_id = %s"
                " and version > coalesce(%s, -1) and version <= coalesce(%s, 2147483647)"
                f" order by version {order} limit %s",
                [self._log.tenant_id, self._stream_id(originator_id), gt, lte, limit],
            )
        )
        return [
            StoredEvent(originator_id, version, topic, bytes(state))
            for version, topic, state in rows
        ]

    async def _insert(self, snapshots: Sequence[StoredEvent]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(
                "insert into ledger.application_snapshot"
                " (tenant_id, stream_id, version, topic, state)"
                " select %s, * from unnest(%s::uuid[], %s::integer[], %s::text[], %s::bytea[])",
                [
                    self._log.tenant_id,
                    [self._stream_id(snapshot.originator_id) for snapshot in snapshots],
                    [snapshot.originator_version for snapshot in snapshots],
                    [snapshot.topic for snapshot in snapshots],
                    [snapshot.state for snapshot in snapshots],
                ],
            )

    async def _select(self, query: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query, parameters, binary=True)).fetchall()

    def _stream_id(self, originator_id: UUID | str) -> UUID:
        return stream_id_of(self._log.tenant_id, originator_id)
