"""Following a ledger: what was recorded after a position, then what is being recorded."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Self, TypeAlias
from uuid import UUID

from crm_core.ledger.event_store import PAGE_EVENTS, EventStore, RecordedEvent
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.records import StoredEvent
from crm_core.ledger.selection import Page, Selection
from crm_core.ledger.signal import Closed

__all__ = ["Subscription", "Tail"]

_TAIL_EVENTS_MAX = 500  # a subscriber that is further behind reads by itself


class Subscription:
    """The selected events after a position, then each one as it is recorded: an async iterator.

    None is skipped and none is doubled. Waiting for the next event may be cancelled, by a timeout
    for example, and taken up again. It ends when the CRM is closed, and raises what the database
    raises; then a new one goes on after the last event that was dealt with. It has one reader.
    """

    def __init__(
        self,
        store: EventStore,
        tail: Tail,
        tenant_id: UUID,
        selection: Selection,
        *,
        after: int,
        page_events: int = PAGE_EVENTS,
    ) -> None:
        self._store = store
        self._tail = tail
        self._tenant_id = tenant_id
        self._selection = selection
        self._page_events = page_events
        self._position = after
        self._scanned_to = after
        self._reached = after  # as far as the ledger was said to reach
        self._is_caught_up = False  # as far as the watch knows: then nothing is there to read
        self._ahead: deque[RecordedEvent] = deque()  # read, but not handed out yet

    @property
    def position(self) -> int:
        """All that was selected up to here has been handed out; it moves on where nothing was."""
        return self._position

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RecordedEvent:
        if not self._ahead:
            try:
                self._ahead.extend(await self._next_page(None))
            except Closed:
                raise StopAsyncIteration from None
        event = self._ahead.popleft()
        self._position = event.position
        return event

    async def next_page(self, *, seconds: float | None = None) -> Page[RecordedEvent]:
        """The next events, as soon as there are any; an empty page after that many seconds.

        Raises Closed.
        """
        page = Page(self._ahead, self._scanned_to)
        if page:
            self._ahead.clear()
        else:
            page = await self._next_page(seconds)
        self._position = page.scanned_to
        return page

    async def _next_page(self, seconds: float | None) -> Page[RecordedEvent]:
        loop = asyncio.get_running_loop()
        deadline = None if seconds is None else loop.time() + seconds
        while True:
            if self._is_caught_up:
                page: Page[RecordedEvent] = Page([], self._scanned_to)
            else:
                page = await self._read()
                self._scanned_to = page.scanned_to
            left = None if deadline is None else deadline - loop.time()
            if page or (left is not None and left <= 0):
                return page
            self._position = page.scanned_to
            self._reached = await self._store.ledger.wait(
                self._tenant_id, after=page.scanned_to, seconds=left
            )
            self._is_caught_up = self._reached <= page.scanned_to

    async def _read(self) -> Page[RecordedEvent]:
        after, limit = self._scanned_to, self._page_events
        if after < self._reached <= after + _TAIL_EVENTS_MAX:
            newest = await self._tail.between(self._tenant_id, after, self._reached)
            stored = self._selection.page_of(newest, after=after, limit=limit)
        else:
            stored = await self._store.ledger.page(
                self._tenant_id, after=after, limit=limit, selection=self._selection
            )
        return Page(await self._store.decode(stored), stored.scanned_to)


_Part: TypeAlias = tuple[UUID, int, int]


class Tail:
    """The newest events, read once for all subscribers of this process that wait for them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._reading: dict[_Part, asyncio.Task[Page[StoredEvent]]] = {}

    async def between(self, tenant_id: UUID, after: int, up_to: int) -> Page[StoredEvent]:
        """All events after one position and up to another that the ledger is known to reach.

        These never change, so whoever asks while they are being read gets the same answer.
        """
        part = (tenant_id, after, up_to)
        reading = self._reading.get(part)
        if reading is None:
            page = self._ledger.page(tenant_id, after=after, up_to=up_to, limit=up_to - after)
            self._reading[part] = reading = asyncio.ensure_future(page)
            reading.add_done_callback(lambda _: self._reading.pop(part))
        return await asyncio.shield(reading)  # who gives up takes nothing from the others
