"""Applies to the slots of a tenant what follows on them, batch by batch."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from crm_core import RecordedEvent
from crm_core.ledger.event_store import EventStore
from crm_projections import checkpoints
from crm_projections.batch import Batch, Poison, is_passing, poison, read_batch
from crm_projections.checkpoints import Slot, StaleWorker
from crm_projections.envelopes import is_copied_unread
from crm_projections.projection import Projection
from crm_projections.storage import Storage

__all__ = ["Applier"]

log = structlog.get_logger()

_BATCH_EVENTS = 5_000
_BUSY_EVENTS = 4  # in a batch at the head: then several write at once, and more come in a moment
_BUSY_SECONDS = 0.025  # from one such batch to the next: each costs about the same, few or many


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
        go together, so that an event is read once for all of them. The next batch is read while one
        is applied. At the head, while much is written, a batch waits until it is worth its price.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        ahead: asyncio.Task[Batch | None] | None = None
        try:
            while slots:
                behind = min(slot.position for slot in slots)
                now = [slot for slot in slots if slot.position == behind]
                later = [slot for slot in slots if slot.position > behind]
                up_to = min((slot.position for slot in later), default=None)
                names = {slot.projection for slot in now}
                tenant_id = now[0].tenant_id
                batch = await (ahead or self._read(tenant_id, behind, up_to, names))
                ahead = None
                if batch is None:
                    return
                began, taken = loop.time(), batch.scanned_to - behind
                if up_to is None and taken >= _BATCH_EVENTS and began < until:
                    ahead = asyncio.ensure_future(
                        self._read(tenant_id, batch.scanned_to, None, names)
                    )
                slots = later + await self._apply_all(now, batch)
                pause = began + _BUSY_SECONDS
                if ahead is None and max(loop.time(), pause) > until:
                    return
                if _BUSY_EVENTS <= taken < _BATCH_EVENTS:
                    await asyncio.sleep(pause - loop.time())
        finally:
            if ahead is not None:
                ahead.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await ahead

    async def _read(
        self, tenant_id: UUID, after: int, up_to: int | None, names: Collection[str]
    ) -> Batch | None:
        """The next batch for these projections; None at the head."""
        projections = [self._projections[name] for name in names]
        reading = [p for p in projections if not is_copied_unread(p)]
        if not reading:
            head = (await self._store.ledger.head(tenant_id)).position
            to = min(after + _BATCH_EVENTS, head if up_to is None else min(head, up_to))
            return Batch((), to) if to > after else None
        stored = await self._store.ledger.page(
            tenant_id, after=after, limit=_BATCH_EVENTS, up_to=up_to
        )
        if not stored:
            return None
        return await read_batch(self._store, stored, reading)

    async def _apply_all(self, slots: Collection[Slot], batch: Batch) -> list[Slot]:
        """The slots that were moved; those that were lost or stopped are not among them."""
        outcomes = await asyncio.gather(
            *(self._apply(slot, batch) for slot in slots), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Slot)]

    async def _apply(self, slot: Slot, batch: Batch) -> Slot | None:
        projection = self._projections[slot.projection]
        events: Sequence[RecordedEvent] = ()
        undecoded = None
        if not is_copied_unread(projection):
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
