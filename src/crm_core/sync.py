"""The same CRM without `await`: a portal to a loop in a background thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from datetime import datetime
from typing import Any, Self, TypeVar
from uuid import UUID

from crm_core.as_of import NOW, AsOf
from crm_core.crm import Crm
from crm_core.diff import RecordDiff
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.clock import Clock
from crm_core.kernel.errors import CrmError
from crm_core.kernel.messages import Actor, Command, Receipt, Request
from crm_core.ledger.event_store import RecordedEvent

__all__ = ["SyncCrm"]

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")


class SyncCrm:
    """`Crm` for scripts, notebooks and Django; a context manager, safe to use from many threads."""

    def __init__(self, portal: _Portal, crm: Crm) -> None:
        self._portal = portal
        self.crm = crm

    @classmethod
    def open(
        cls, url: str, *, root_key: bytes, tenant: str = "main", clock: Clock | None = None
    ) -> Self:
        """See `Crm.open`."""
        portal = _Portal()
        try:
            crm = portal.call(Crm.open(url, root_key=root_key, tenant=tenant, clock=clock))
        except BaseException:
            portal.stop()
            raise
        return cls(portal, crm)

    @classmethod
    def in_memory(cls, *, tenant: str = "main", clock: Clock | None = None) -> Self:
        """See `Crm.in_memory`."""
        return cls(_Portal(), Crm.in_memory(tenant=tenant, clock=clock))

    def close(self) -> None:
        self._portal.call(self.crm.close())
        self._portal.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(
        self,
        command: Command,
        actor: Actor,
        *,
        command_id: UUID | None = None,
        effective_at: datetime | None = None,
        expected_version: int | None = None,
        reason: str | None = None,
    ) -> Receipt:
        """See `Crm.execute`."""
        return self._portal.call(
            self.crm.execute(
                command,
                actor=actor,
                command_id=command_id,
                effective_at=effective_at,
                expected_version=expected_version,
                reason=reason,
            )
        )

    def execute_many(self, requests: Sequence[Request]) -> list[Receipt | CrmError]:
        """See `Crm.execute_many`."""
        return self._portal.call(self.crm.execute_many(requests))

    def get(self, kind: type[A], record_id: UUID, as_of: AsOf = NOW) -> A:
        """See `Crm.get`."""
        return self._portal.call(self.crm.get(kind, record_id, as_of))

    def history(self, record_id: UUID, as_of: AsOf = NOW) -> list[RecordedEvent]:
        """See `Crm.history`."""
        return self._portal.call(self.crm.history(record_id, as_of))

    def diff(self, record_id: UUID, before: AsOf, after: AsOf = NOW) -> RecordDiff:
        """See `Crm.diff`."""
        return self._portal.call(self.crm.diff(record_id, before, after))

    def events(self, *, after: int = 0) -> Iterator[list[RecordedEvent]]:
        """See `Crm.events`."""
        pages = self.crm.events(after=after)
        while (page := self._portal.call(_next(pages))) is not None:
            yield page


async def _next(pages: Any) -> list[RecordedEvent] | None:
    return await anext(pages, None)


class _Portal:
    """A loop in a daemon thread that runs coroutines for other threads."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="crm", daemon=True)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


Crm.sync = SyncCrm
