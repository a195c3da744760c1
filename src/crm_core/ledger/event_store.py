"""Typed events in and out of a ledger, personal fields sealed on the way in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from crm_core.kernel.aggregate import Aggregate, HeldKey
from crm_core.kernel.collecting import collector_paused
from crm_core.kernel.events import Event
from crm_core.kernel.messages import Actor
from crm_core.ledger.codec import form_of, resolve
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.records import APPLICATION, NewEvent, StoredEvent
from crm_core.ledger.selection import EVERYTHING, Page, Selection
from crm_core.privacy.cipher import Cipher, sealing_under
from crm_core.privacy.keys import Keyring

__all__ = ["PAGE_EVENTS", "EventStore", "RecordedEvent", "fold"]

PAGE_EVENTS = 2_000


class RecordedEvent(Struct, frozen=True):
    """A typed event with its envelope. `data` is the event, `stored` all else about it."""

    data: Event
    stored: StoredEvent

    @property
    def tenant_id(self) -> UUID:
        return self.stored.tenant_id

    @property
    def position(self) -> int:
        return self.stored.position

    @property
    def event_id(self) -> UUID:
        return self.stored.event_id

    @property
    def type(self) -> str:
        return self.stored.type

    @property
    def record_type(self) -> str:
        return self.stored.stream_type

    @property
    def record_id(self) -> UUID:
        return self.stored.stream_id

    @property
    def version(self) -> int:
        return self.stored.version

    @property
    def actor(self) -> Actor:
        return self.stored.actor

    @property
    def recorded_at(self) -> datetime:
        return self.stored.recorded_at

    @property
    def happened_at(self) -> datetime:
        """On the effective clock: the effective time where one was given."""
        return self.stored.happened_at


class EventStore:
    def __init__(self, ledger: Ledger, keyring: Keyring) -> None:
        self.ledger = ledger
        self.keyring = keyring

    def encode(
        self,
        tenant_id: UUID,
        subject_id: UUID,
        events: Sequence[Event],
        event_ids: Sequence[UUID],
        effective_at: datetime | None,
        ciphers: dict[UUID, Cipher],
    ) -> tuple[NewEvent, ...]:
        """The events as they will be stored, under ids given by the caller, about this subject
        and those that an event names itself.
        """
        new = []
        for event, event_id in zip(events, event_ids, strict=True):
            form = form_of(type(event))
            subject_ids = (subject_id, *event.also_about)
            new.append(
                NewEvent(
                    event_id=event_id,
                    type=form.topic,
                    schema_version=form.version,
                    data=form.encode(
                        event, event_id, tenant_id, sealing_under(subject_ids, ciphers)
                    ),
                    effective_at=effective_at,
                    subject_ids=subject_ids,
                )
            )
        return tuple(new)

    async def decode(self, stored: Sequence[StoredEvent]) -> list[RecordedEvent]:
        """The typed events, of one tenant; what other applications recorded is left out."""
        stored = [event for event in stored if not event.stream_type.startswith(APPLICATION)]
        if not stored:
            return []
        forms = [resolve(event) for event in stored]
        subjects = {
            subject
            for form, event in zip(forms, stored, strict=True)
            if form.is_personal
            for subject in event.subject_ids
        }
        ciphers = await self.keyring.for_opening(stored[0].tenant_id, subjects) if subjects else {}
        with collector_paused():
            return [
                RecordedEvent(
                    form.decode(
                        event,
                        sealing_under(event.subject_ids, ciphers) if form.is_personal else None,
                    ),
                    event,
                )
                for form, event in zip(forms, stored, strict=True)
            ]

    async def decode_to_keep(self, stored: Sequence[StoredEvent]) -> list[RecordedEvent]:
        """The same for who keeps what was personal in plain: never by a key that had been destroyed
        when these events were read.

        A key that is destroyed later is told of by a SubjectKeyDestroyed beyond these events, and
        who keeps them blanks the subject when it comes there.
        """
        if stored:
            await self.keyring.notice_destroyed(stored[0].tenant_id)
        return await self.decode(stored)

    async def holders(self, tenant_id: UUID, keys: Collection[HeldKey]) -> dict[HeldKey, UUID]:
        """The records that hold these unique keys; free ones are absent."""
        blind = {(key.kind, await self.keyring.blind(tenant_id, *key)): key for key in keys}
        found = await self.ledger.holders(tenant_id, blind)
        return {blind[key]: holder_id for key, holder_id in found.items()}

    async def stream(
        self, tenant_id: UUID, stream_ids: Collection[UUID], *, up_to: int | None = None
    ) -> list[RecordedEvent]:
        """The events of these streams up to a position, by position."""
        return await self.decode(await self.ledger.stream(tenant_id, stream_ids, up_to=up_to))

    async def pages(
        self,
        tenant_id: UUID,
        *,
        after: int = 0,
        up_to: int | None = None,
        selection: Selection = EVERYTHING,
        page_events: int = PAGE_EVENTS,
    ) -> AsyncIterator[Page[RecordedEvent]]:
        """The selected events there are, page by page, in bounded memory; no page is empty."""
        async for stored in self.stored_pages(
            tenant_id, after=after, up_to=up_to, selection=selection, page_events=page_events
        ):
            events = await self.decode(stored)
            if events:
                yield Page(events, stored.scanned_to)

    async def stored_pages(
        self,
        tenant_id: UUID,
        *,
        after: int = 0,
        up_to: int | None = None,
        selection: Selection = EVERYTHING,
        page_events: int = PAGE_EVENTS,
    ) -> AsyncIterator[Page[StoredEvent]]:
        """The same as they are stored, those of other applications among them."""
        while True:
            stored = await self.ledger.page(
                tenant_id, after=after, limit=page_events, up_to=up_to, selection=selection
            )
            if stored:
                yield stored
            if len(stored) < page_events:
                return
            after = stored.scanned_to


def fold(events: Iterable[Event], aggregate: Aggregate | None = None) -> Aggregate | None:
    """What these events of one stream make of the aggregate that those before them made."""
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate
