"""The log of one application: a tenant of the ledger, for callers without a loop."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.persistence import StoredEvent, Tracking

from crm_core.kernel.errors import CrmError, VersionConflict
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Actor
from crm_core.kernel.portal import Portal
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.records import APPLICATION, Append, Appended, TrackingMark
from crm_core.persistence.errors import library_errors
from crm_core.persistence.streams import shift_of, stream_appends, stream_id_of

__all__ = ["ApplicationLog"]

T = TypeVar("T")


class ApplicationLog:
    """What the recorders of an application share. It closes itself when the last one is gone."""

    def __init__(
        self, portal: Portal, ledger: Ledger, *, tenant_id: UUID, application: str, actor: Actor
    ) -> None:
        self.ledger = ledger
        self.tenant_id = tenant_id
        self.close = weakref.finalize(self, _close, portal, ledger)
        self._portal = portal
        self._stream_type = APPLICATION + application
        self._actor = actor

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What the coroutine returns. Raises the library's errors."""
        with library_errors():
            return self._portal.call(coroutine)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """The coroutine's future; see `Portal.start`."""
        with library_errors():
            return self._portal.start(coroutine)

    def append(
        self,
        events: Sequence[StoredEvent],
        tracking: Tracking | None = None,
        *,
        actor: Actor | None = None,
        correlation_id: UUID | None = None,
        causation_id: UUID | None = None,
        reason: str | None = None,
    ) -> list[int]:
        """Stores the events, and how far an upstream was followed, together; their positions."""
        if not events and tracking is None:
            return []
        command_id = new_id()
        append = partial(
            Append,
            command_id=command_id,
            actor=actor or self._actor,
            correlation_id=correlation_id or command_id,
            causation_id=causation_id,
            reason=reason,
            tracking=_mark(tracking),
        )
        last = self.call(self._append(append, events)).last_position
        return list(range(last - len(events) + 1, last + 1))

    async def _append(
        self, append: Callable[..., Append], events: Sequence[StoredEvent]
    ) -> Appended:
        try:
            return await self._append_as(append, events, {})
        except VersionConflict:
            # Perhaps only because a stream counts from 0, which what lies there tells.
            shifts = await self._shifts(events)
            if not any(shifts.values()):
                raise
            return await self._append_as(append, events, shifts)

    async def _append_as(
        self,
        append: Callable[..., Append],
        events: Sequence[StoredEvent],
        shifts: Mapping[UUID, int],
    ) -> Appended:
        streams = stream_appends(self.tenant_id, self._stream_type, events, shifts)
        (outcome,) = await self.ledger.append(self.tenant_id, [append(streams=streams)])
        if isinstance(outcome, CrmError):
            raise outcome
        return outcome

    async def _shifts(self, events: Sequence[StoredEvent]) -> dict[UUID, int]:
        """How the events' streams count, by the last event of each."""
        shifts = {}
        for originator_id in {event.originator_id for event in events}:
            stream_id = stream_id_of(self.tenant_id, originator_id)
            last = await self.ledger.last_version(self.tenant_id, stream_id)
            for stored in await self.ledger.stream(
                self.tenant_id, [stream_id], after_version=max(last - 1, 0), up_to_version=last
            ):
                shifts[stream_id] = shift_of(stored)
        return shifts


def _mark(tracking: Tracking | None) -> TrackingMark | None:
    if tracking is None:
        return None
    return TrackingMark(tracking.application_name, tracking.notification_id)


def _close(portal: Portal, ledger: Ledger) -> None:
    portal.stop(ledger.close())
