"""The same CRM without `await`: a portal to a loop in a background thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Self, TypeVar
from uuid import UUID

from crm_core.as_of import NOW, AsOf
from crm_core.crm import Crm
from crm_core.diff import RecordDiff
from crm_core.explain import Explanation
from crm_core.identity.breached import KnownPasswords
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.clock import Clock
from crm_core.kernel.errors import CrmError
from crm_core.kernel.messages import Actor, Command, Receipt, Request
from crm_core.kernel.portal import Portal
from crm_core.ledger.aggregate_store import SNAPSHOT_EVERY
from crm_core.ledger.event_store import RecordedEvent
from crm_core.ledger.selection import EVERYTHING, Page, Selection
from crm_core.privacy.root import RootKeys

__all__ = ["SyncCrm"]

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")


class SyncCrm:
    """`Crm` for scripts, notebooks and Django; a context manager, safe to use from many threads."""

    def __init__(self, portal: Portal, crm: Crm) -> None:
        self._portal = portal
        self.crm = crm

    @classmethod
    def open(
        cls,
        url: str,
        *,
        root_key: bytes | RootKeys,
        tenant: str = "main",
        clock: Clock | None = None,
        redis_url: str | None = None,
        snapshot_every: int = SNAPSHOT_EVERY,
        breached: KnownPasswords | None = None,
    ) -> Self:
        """See `Crm.open`."""
        portal = Portal()
        opening = Crm.open(
            url,
            root_key=root_key,
            tenant=tenant,
            clock=clock,
            redis_url=redis_url,
            snapshot_every=snapshot_every,
            breached=breached,
        )
        try:
            crm = portal.call(opening)
        except BaseException:
            portal.stop()
            raise
        return cls(portal, crm)

    @classmethod
    def in_memory(cls, *, tenant: str = "main", clock: Clock | None = None) -> Self:
        """See `Crm.in_memory`."""
        return cls(Portal(), Crm.in_memory(tenant=tenant, clock=clock))

    def close(self) -> None:
        self._portal.stop(self.crm.close())

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

    def explain(self, record_id: UUID, field: str, as_of: AsOf = NOW) -> Explanation:
        """See `Crm.explain`."""
        return self._portal.call(self.crm.explain(record_id, field, as_of))

    def events(
        self, selection: Selection = EVERYTHING, *, after: int = 0, up_to: int | None = None
    ) -> Iterator[Page[RecordedEvent]]:
        """See `Crm.events`."""
        return self._each(self.crm.events(selection, after=after, up_to=up_to))

    def subscribe(
        self, selection: Selection = EVERYTHING, *, after: int = 0
    ) -> Iterator[RecordedEvent]:
        """See `Crm.subscribe`. Waits for each event; ends when the CRM is closed."""
        return self._each(self.crm.subscribe(selection, after=after))

    def _each(self, items: AsyncIterator[T]) -> Iterator[T]:
        while (item := self._portal.call(_next(items))) is not None:
            yield item


async def _next(items: AsyncIterator[T]) -> T | None:
    return await anext(items, None)


Crm.sync = SyncCrm
