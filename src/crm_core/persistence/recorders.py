"""The recorders of the `eventsourcing` library over a ledger.

A notification id is a position: gapless from 1, in the order of commits. Every insert may name an
`actor`, a `correlation_id`, a `causation_id` and a `reason` for the envelope; what is given to
`Application.save` as keyword arguments comes here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InterfaceError,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)

from crm_core.ledger import records
from crm_core.ledger.selection import Page, Selection
from crm_core.persistence.errors import library_errors
from crm_core.persistence.log import ApplicationLog
from crm_core.persistence.streams import as_notification, as_stored_event, stream_id_of

__all__ = [
    "LedgerAggregateRecorder",
    "LedgerApplicationRecorder",
    "LedgerProcessRecorder",
    "LedgerSubscription",
    "LedgerTrackingRecorder",
]

_VERSION_MAX = 2**31 - 2
_PAGE_EVENTS = 500


class LedgerRecorder:
    """What every recorder here has: the application's log."""

    def __init__(self, log: ApplicationLog) -> None:
        self.log = log


class LedgerAggregateRecorder(LedgerRecorder, AggregateRecorder):
    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        self.log.append(stored_events, **kwargs)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        return self.log.call(self._select(originator_id, gt, lte, desc, limit))

    async def _select(
        self,
        originator_id: UUID | str,
        gt: int | None,
        lte: int | None,
        desc: bool,
        limit: int | None,
    ) -> list[StoredEvent]:
        """Reads the versions that can be meant, however the stream counts, and picks from them."""
        ledger, tenant_id = self.log.ledger, self.log.tenant_id
        stream_id = stream_id_of(tenant_id, originator_id)
        first = max(gt or 0, 0) + 1
        last = min(_VERSION_MAX, lte if lte is not None else _VERSION_MAX) + 1
        if limit is not None and desc:
            last = min(last, await ledger.last_version(tenant_id, stream_id))
            first = max(first, last - limit)
        elif limit is not None:
            last = min(last, first + limit)
        stored = await ledger.stream(
            tenant_id, [stream_id], after_version=first - 1, up_to_version=last
        )
        events = [as_stored_event(event) for event in stored]
        return [
            event
            for event in (reversed(events) if desc else events)
            if (gt is None or event.originator_version > gt)
            and (lte is None or event.originator_version <= lte)
        ][:limit]


class LedgerApplicationRecorder(LedgerAggregateRecorder, ApplicationRecorder):
    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        return self.log.append(stored_events, **kwargs)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        after = max((start or 0) - (1 if inclusive_of_start else 0), 0)
        page = self.log.ledger.page(
            self.log.tenant_id,
            after=after,
            limit=limit,
            up_to=stop,
            selection=Selection(types=topics or None),
        )
        return [as_notification(stored) for stored in self.log.call(page)]

    def max_notification_id(self) -> int | None:
        return self.log.call(self.log.ledger.head(self.log.tenant_id)).position or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        return LedgerSubscription(self, gt, topics)


class LedgerTrackingRecorder(LedgerRecorder, TrackingRecorder):
    def insert_tracking(self, tracking: Tracking) -> None:
        self.log.append((), tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        return self.log.call(self.log.ledger.tracked(self.log.tenant_id, application_name))


class LedgerProcessRecorder(LedgerTrackingRecorder, LedgerApplicationRecorder, ProcessRecorder):
    """Tracking and events that are inserted together are stored together or not at all."""


class LedgerSubscription(Subscription[LedgerApplicationRecorder]):
    """Holds one page of events; the next is read when that one has been taken.

    The ledger's signal wakes it when this process appends, a look at the ledger when others do.
    """

    def __init__(
        self, recorder: LedgerApplicationRecorder, gt: int | None, topics: Sequence[str]
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._scanned_to = gt or 0
        self._page: deque[records.StoredEvent] = deque()
        self._reading: Future[Page[records.StoredEvent]] | None = None

    def __next__(self) -> Notification:
        if not self._page and not self._has_been_stopped:
            self._take_page()
        if self._has_been_stopped:
            raise StopIteration
        return as_notification(self._page.popleft())

    def stop(self) -> None:
        super().stop()
        if self._reading is not None:
            self._reading.cancel()

    def _take_page(self) -> None:
        """Waits for the next page, unless the subscription is stopped meanwhile."""
        self._reading = self._recorder.log.start(self._read(self._scanned_to))
        if self._has_been_stopped:  # before there was something to cancel
            self._reading.cancel()
        try:
            with library_errors():
                page = self._reading.result()
        except CancelledError:
            if not self._has_been_stopped:
                raise InterfaceError("the application was closed") from None
        except BaseException:  # Ctrl-C, say: nobody waits for this page any more
            self._reading.cancel()
            raise
        else:
            self._page.extend(page)
            self._scanned_to = page.scanned_to

    async def _read(self, after: int) -> Page[records.StoredEvent]:
        """The next page that has events."""
        ledger, tenant_id = self._recorder.log.ledger, self._recorder.log.tenant_id
        selection = Selection(types=self._topics or None)
        while True:
            await ledger.wait(tenant_id, after=after, seconds=None)
            page = await ledger.page(
                tenant_id, after=after, limit=_PAGE_EVENTS, selection=selection
            )
            if page:
                return page
            after = page.scanned_to
