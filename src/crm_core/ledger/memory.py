"""A ledger in this process's memory: as strict as the one in Postgres, gone with the process."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from crm_core.kernel.clock import Clock, SystemClock
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.ledger.admission import Admission, Remembered
from crm_core.ledger.conflicts import name_the_intervening
from crm_core.ledger.records import Append, Appended, Claim, Head, StoredEvent
from crm_core.ledger.selection import EVERYTHING, Page, Selection
from crm_core.ledger.signal import Signal

__all__ = ["InMemoryLedger"]


class _Tenant:
    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self.event_ids: set[UUID] = set()
        self.by_stream: defaultdict[UUID, list[StoredEvent]] = defaultdict(list)
        self.holders: dict[tuple[str, bytes], UUID] = {}
        self.commands: dict[UUID, Remembered] = {}
        self.tracked: dict[str, int] = {}

    @property
    def head(self) -> Head:
        if not self.events:
            return Head(0, None)
        return Head(self.events[-1].position, self.events[-1].recorded_at)

    def keep(self, events: Sequence[StoredEvent]) -> None:
        self.events.extend(events)
        self.event_ids.update(event.event_id for event in events)
        for event in events:
            self.by_stream[event.stream_id].append(event)


class InMemoryLedger:
    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self._tenants: defaultdict[UUID, _Tenant] = defaultdict(_Tenant)
        self._signal = Signal()

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        tenant = self._tenants[tenant_id]  # no await before it is kept: nobody appends in between
        admission = Admission(
            tenant_id,
            tenant.head,
            self.clock.now(),
            versions={
                stream.stream_id: len(tenant.by_stream.get(stream.stream_id, ()))
                for append in appends
                for stream in append.streams
            },
            holders={
                (claim.kind, claim.key): tenant.holders[claim.kind, claim.key]
                for append in appends
                for claim in (*append.take, *append.release)
                if (claim.kind, claim.key) in tenant.holders
            },
            commands=tenant.commands,
            found_at={
                append.condition: _last_with(tenant.events, append.condition.tags)
                for append in appends
                if append.condition is not None
            },
            tracked=tenant.tracked,
            known_ids={
                event_id
                for append in appends
                for event_id in append.event_ids
                if event_id in tenant.event_ids
            },
        )
        outcomes = [admission.admit(append) for append in appends]
        tenant.keep(admission.events)
        for key in admission.released:
            tenant.holders.pop(key, None)
        tenant.holders |= {key: claim.holder_id for key, claim in admission.taken.items()}
        self._signal.raise_to(tenant_id, tenant.head.position)
        await name_the_intervening(self, tenant_id, outcomes)
        return outcomes

    async def results(
        self, tenant_id: UUID, command_ids: Collection[UUID]
    ) -> dict[UUID, Remembered]:
        known = self._tenants[tenant_id].commands
        return {command_id: known[command_id] for command_id in command_ids if command_id in known}

    async def stream(
        self,
        tenant_id: UUID,
        stream_ids: Collection[UUID],
        *,
        after_version: int = 0,
        up_to_version: int | None = None,
        up_to: int | None = None,
    ) -> list[StoredEvent]:
        tenant = self._tenants[tenant_id]
        found = [
            event
            for stream_id in set(stream_ids)
            for event in tenant.by_stream.get(stream_id, ())[after_version:up_to_version]
            if up_to is None or event.position <= up_to
        ]
        return sorted(found, key=lambda event: event.position)

    async def last_version(self, tenant_id: UUID, stream_id: UUID) -> int:
        return len(self._tenants[tenant_id].by_stream.get(stream_id, ()))

    async def page(
        self,
        tenant_id: UUID,
        *,
        after: int,
        limit: int,
        up_to: int | None = None,
        selection: Selection = EVERYTHING,
    ) -> Page[StoredEvent]:
        events = self._tenants[tenant_id].events
        end = len(events) if up_to is None else min(up_to, len(events))
        following = (events[index] for index in range(after, end))
        return selection.page_of(following, after=after, limit=limit)

    async def head(self, tenant_id: UUID) -> Head:
        return self._tenants[tenant_id].head

    async def heads(self) -> dict[UUID, int]:
        return {
            tenant_id: tenant.head.position
            for tenant_id, tenant in self._tenants.items()
            if tenant.events
        }

    async def position_at(self, tenant_id: UUID, moment: datetime) -> int:
        return bisect_right(self._tenants[tenant_id].events, moment, key=lambda e: e.recorded_at)

    async def holders(
        self, tenant_id: UUID, keys: Collection[tuple[str, bytes]]
    ) -> dict[tuple[str, bytes], UUID]:
        held = self._tenants[tenant_id].holders
        return {key: held[key] for key in keys if key in held}

    async def tracked(self, tenant_id: UUID, upstream: str) -> int | None:
        return self._tenants[tenant_id].tracked.get(upstream)

    async def wait(self, tenant_id: UUID, *, after: int, seconds: float | None) -> int:
        position = self._tenants[tenant_id].head.position
        return position if position > after else await self._signal.wait(tenant_id, after, seconds)

    async def restore(
        self, tenant_id: UUID, events: Sequence[StoredEvent], claims: Sequence[Claim] = ()
    ) -> None:
        tenant = self._tenants[tenant_id]
        for offset, event in enumerate(events, start=1):
            if event.position != tenant.head.position + offset:
                raise Rejected("ledger.gap", head=tenant.head.position, position=event.position)
        tenant.keep(events)
        tenant.holders |= {(claim.kind, claim.key): claim.holder_id for claim in claims}
        self._signal.raise_to(tenant_id, tenant.head.position)

    async def close(self) -> None:
        self._signal.close()


def _last_with(events: Sequence[StoredEvent], tags: tuple[str, ...]) -> int:
    wanted = set(tags)
    return next((e.position for e in reversed(events) if wanted <= set(e.tags)), 0)
