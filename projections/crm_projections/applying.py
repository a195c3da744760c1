"""Applies to the slots of a tenant what follows on them, batch by batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from crm_core import RecordedEvent
from crm_core.ledger.event_store import EventStore
from crm_projections import checkpoints
from crm_projections.batch import Batch, Poison, is_passing, poison, read_batch
from crm_projections.checkpoints import Slot, StaleWorker
from crm_projections.envelopes import EnvelopeProjection
from crm_projections.projection import Projection
from crm_projections.storage import Storage
from crm_projections.stretch import Stretch, stretch

__all__ = ["Applier"]

log = structlog.get_logger()

_BATCH_EVENTS = 5_000


class Applier:
    """`moved` is called with each slot whose checkpoint was moved, as it is then."""

    def __init__(
        self,
        store: EventStore,
        storage: Storage,
        projections: Mapping[str, Projection],
        moved: Callable[[Slot], None],
    ) -> None:
        self._store = store
        self._storage = storage
        self._projections = projections
        self._moved = moved

    async def advance(self, slots: Sequence[Slot], *, seconds: float) -> None:
        """Takes the slots of one tenant to its head, or works for about so long; one batch at
        least, for one that takes longer than that to read would never be applied.

        Slots that are furthest behind go first, up to where the next ones are; from there on they
        go together, so that an event is read once for all of them.
        """
        until = asyncio.get_running_loop().time() + seconds
        while slots:
            behind = min(slot.position for slot in slots)
            now = [slot for slot in slots if slot.position == behind]
            later = [slot for slot in slots if slot.position > behind]
            up_to = min((slot.position for slot in later), default=None)
            moved = await self._advance_together(now, up_to, until)
            if up_to is None or asyncio.get_running_loop().time() > until:
                return
            slots = later + moved

    async def _advance_together(
        self, slots: Sequence[Slot], up_to: int | None, until: float
    ) -> list[Slot]:
        """The slots that were moved on; those that were lost or stopped are not among them."""
        tenant_id, after = slots[0].tenant_id, slots[0].position
        names = {slot.projection for slot in slots}

        async def read(behind: int) -> Batch | None:
            return await self._read(tenant_id, behind, up_to, names)

        async with stretch(names, after, read, full=_BATCH_EVENTS, until=until) as along:
            outcomes = await asyncio.gather(
                *(self._walk(slot, along) for slot in slots), return_exceptions=True
            )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Slot)]

    async def _walk(self, slot: Slot, along: Stretch) -> Slot | None:
        """The slot at the end of the stretch; None where it was lost or stopped."""
        number = 0
        try:
            while (batch := await along.batch(number)) is not None:
                moved = await self._apply(slot, batch)
                if moved is None:
                    return None
                slot = moved
                along.done(slot.projection, number)
                number += 1
        finally:
            along.left(slot.projection)
        return slot

    async def _read(
        self, tenant_id: UUID, after: int, up_to: int | None, names: Collection[str]
    ) -> Batch | None:
        """The next batch for these projections; None at the head."""
        projections = [self._projections[name] for name in names]
        folded = [p for p in projections if not isinstance(p, EnvelopeProjection)]
        if not folded:
            head = (await self._store.ledger.head(tenant_id)).position
            to = min(after + _BATCH_EVENTS, head if up_to is None else min(head, up_to))
            return Batch((), to) if to > after else None
        stored = await self._store.ledger.page(
            tenant_id, after=after, limit=_BATCH_EVENTS, up_to=up_to
        )
        if not stored:
            return None
        return await read_batch(self._store, stored, folded)

    async def _apply(self, slot: Slot, batch: Batch) -> Slot | None:
        projection = self._projections[slot.projection]
        events: Sequence[RecordedEvent] = ()
        undecoded = None
        if not isinstance(projection, EnvelopeProjection):
            events, undecoded = batch.share_of(projection, slot.skipped)
        scanned_to = batch.scanned_to if undecoded is None else undecoded.position - 1
        try:
            moved = await self._apply_batch(projection, slot, events, scanned_to)
        except StaleWorker:
            return None
        if moved is not None and undecoded is not None:
            await self._stop(moved, undecoded)
            return None
        return moved

    async def _apply_batch(
        self, projection: Projection, slot: Slot, events: Sequence[RecordedEvent], to: int
    ) -> Slot | None:
        """The slot after the batch; None where it was stopped at one of its events."""
        try:
            await self._storage.apply(projection, slot, events, to)
        except StaleWorker:
            raise
        except Exception as error:
            if is_passing(error) or not events:
                raise
            if len(events) == 1:
                before = await self._apply_batch(projection, slot, (), events[0].position - 1)
                assert before is not None
                await self._stop(before, poison(events[0].stored, error))
                return None
        else:
            moved = replace(slot, position=to)
            self._moved(moved)
            return moved
        # One of them cannot be applied: what is before it can, and is found by halving.
        half = len(events) // 2
        between = events[half].position - 1
        first = await self._apply_batch(projection, slot, events[:half], between)
        if first is None:
            return None
        return await self._apply_batch(projection, first, events[half:], to)

    async def _stop(self, slot: Slot, bad: Poison) -> None:
        log.error(
            "projection.poisoned",
            projection=slot.projection,
            tenant_id=str(slot.tenant_id),
            position=bad.position,
            event_type=bad.event_type,
            error=bad.error,
        )
        async with self._storage.pool.connection() as connection:
            await checkpoints.stop(connection, slot, bad)
