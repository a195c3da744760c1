"""Takes snapshots after commits, in the background: no caller waits for one, none fails by one."""

from __future__ import annotations

import asyncio
from typing import TypeAlias
from uuid import UUID

import structlog
from cachetools import LRUCache

from crm_core.kernel.errors import SetupError
from crm_core.ledger.aggregate_store import AggregateStore

__all__ = ["SnapshotTaker"]

log = structlog.get_logger()

_AT_ONCE_MAX = 2
_WAITING_MAX = 1_000
_TRIED_MAX = 100_000
_CLOSING_SECONDS_MAX = 5.0

_Stream: TypeAlias = tuple[UUID, UUID]  # tenant and stream


class SnapshotTaker:
    def __init__(self, aggregates: AggregateStore) -> None:
        self._aggregates = aggregates
        self._waiting: dict[_Stream, int] = {}  # each with the version to take
        self._tried: LRUCache[_Stream, int] = LRUCache(_TRIED_MAX)
        self._working: set[asyncio.Task[None]] = set()
        self._reported: set[str] = set()

    def committed(self, tenant_id: UUID, stream_id: UUID, version: int) -> None:
        """Takes note that the stream has come to this version."""
        stream = (tenant_id, stream_id)
        due = self._aggregates.due(tenant_id, stream_id, version)
        # What failed is not tried again before the next one is due; what finds no place now is
        # due at the stream's next commit as well.
        if due <= self._tried.get(stream, 0) or len(self._waiting) >= _WAITING_MAX:
            return
        self._tried[stream] = self._waiting[stream] = due
        if len(self._working) < _AT_ONCE_MAX:
            task = asyncio.create_task(self._work(), name="snapshots")
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    async def settled(self) -> None:
        """Waits until all that was due is taken, but for no longer than a few seconds."""
        if self._working:
            await asyncio.wait(self._working, timeout=_CLOSING_SECONDS_MAX)

    async def close(self) -> None:
        """Finishes, or gives up what takes too long."""
        await self.settled()
        unfinished = list(self._working)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    async def _work(self) -> None:
        while self._waiting:
            stream = next(iter(self._waiting))
            version = self._waiting.pop(stream)
            try:
                await self._aggregates.take_snapshot(*stream, version)
            except Exception as error:  # noqa: BLE001 - whatever it is, the stream is folded instead
                self._report(error)

    def _report(self, error: Exception) -> None:
        """Once for each kind of failure; only what an operator must mend is no one's data."""
        kind = str(error) if isinstance(error, SetupError) else type(error).__name__
        if kind not in self._reported:
            self._reported.add(kind)
            log.warning("snapshot.not_taken", error=kind)
