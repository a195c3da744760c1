"""Erasure from end to end: keys destroyed, every store asked to forget, their receipts recorded.

A command records the request and frees the unique keys; what follows is done here, step by step,
each of which may be done again. So an erasure that was broken off is finished by whoever finds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol
from uuid import UUID

import structlog

from crm_core.kernel.errors import CrmError
from crm_core.kernel.events import EVENT_CLASSES
from crm_core.kernel.messages import SYSTEM, Actor, Command, Receipt
from crm_core.ledger.aggregate_store import AggregateStore
from crm_core.ledger.selection import Selection
from crm_core.privacy.disclosure.events import (
    DisclosureDestroyed,
    DisclosureKind,
    DisclosureMade,
)
from crm_core.privacy.erasure.commands import CompleteErasure, RecordKeyDestroyed
from crm_core.privacy.erasure.erasure import Erasure, ErasureStatus
from crm_core.privacy.erasure.events import (
    StoreReceipt,
    SubjectErasureCompleted,
    SubjectErasureRequested,
)

__all__ = ["Erasing", "Forgets"]

log = structlog.get_logger()

_LOOK_SECONDS = 2.0

_COPIES = Selection(types=(DisclosureMade.TOPIC, DisclosureDestroyed.TOPIC))
_STEPS = Selection(types=(SubjectErasureRequested.TOPIC, SubjectErasureCompleted.TOPIC))

Execute = Callable[[Command, Actor], Awaitable[Receipt]]


class Forgets(Protocol):
    """A store that keeps something of subjects, outside of what their keys seal."""

    async def forget(
        self, tenant_id: UUID, subject_ids: Sequence[UUID], destroyed_at: int
    ) -> Sequence[StoreReceipt]:
        """Takes away what it has of the subjects, and says what that was.

        Their keys were destroyed before position `destroyed_at`, where SubjectKeyDestroyed lies.
        May be asked again. Raises CrmError where it cannot do it now.
        """


class Erasing:
    """The erasures of one tenant."""

    def __init__(self, aggregates: AggregateStore, tenant_id: UUID, execute: Execute) -> None:
        self._aggregates = aggregates
        self._tenant_id = tenant_id
        self._execute = execute

    async def destroy_keys(self, erasure_id: UUID) -> Erasure:
        """Makes the subjects unreadable, and says so in the ledger, where readers come by.

        The order matters: once the event can be read, no key can be.
        """
        erasure = await self._load(erasure_id)
        adopted: tuple[UUID, ...] = ()
        if erasure.status is ErasureStatus.REQUESTED:
            adopted = await self._adopted(erasure.subject_ids)
        for subject_id in (*erasure.subject_ids, *adopted):
            await self._aggregates.events.keyring.destroy(self._tenant_id, subject_id)
        await self._execute(RecordKeyDestroyed(erasure_id=erasure_id, adopted_ids=adopted), SYSTEM)
        return await self._load(erasure_id)

    async def _adopted(self, subject_ids: Sequence[UUID]) -> tuple[UUID, ...]:
        """The records that were nobody's until they were given to one of these subjects."""
        events = self._aggregates.events
        adopting = [topic for topic, of in EVENT_CLASSES.items() if of.adopts]
        found: dict[UUID, None] = {}
        for subject_id in subject_ids:
            selection = Selection(subject_id=subject_id, types=adopting)
            async for page in events.stored_pages(self._tenant_id, selection=selection):
                found |= dict.fromkeys(event.stream_id for event in page)
        return tuple(found)

    async def finish(self, erasure_id: UUID, stores: Sequence[Forgets] = ()) -> Erasure:
        """Takes the erasure to its end; `stores` are those beside the ledger and its snapshots.

        One that was completed before is left as it is. Raises what a store raises; the erasure
        stays pending then.
        """
        erasure = await self.destroy_keys(erasure_id)
        if erasure.status is ErasureStatus.COMPLETED:
            return erasure
        receipts = [
            StoreReceipt(
                store="keys",
                count=len(erasure.subject_ids),
                note="keys destroyed; what events, snapshots and exports seal is unreadable",
            ),
            StoreReceipt(
                store="unique keys", count=erasure.keys_released, note="released for others"
            ),
            StoreReceipt(
                store="snapshots",
                count=await self._aggregates.drop_snapshots_about(
                    self._tenant_id, erasure.subject_ids
                ),
                note="dropped; long records get new ones as they change",
            ),
            StoreReceipt(store="redis", count=0, note="holds positions only, of no subject"),
            *await self._copies(erasure.subject_ids),
        ]
        destroyed_at = await self._destroyed_at(erasure_id)
        for store in stores:
            receipts += await store.forget(self._tenant_id, erasure.subject_ids, destroyed_at)
        await self._execute(
            CompleteErasure(erasure_id=erasure_id, receipts=tuple(receipts)), SYSTEM
        )
        return await self._load(erasure_id)

    async def _copies(self, subject_ids: Sequence[UUID]) -> list[StoreReceipt]:
        """The copies that left with something about the subjects, for whoever calls them back, and
        those of keys, which come to their end by a date.
        """
        out: dict[UUID, None] = {}
        keys: dict[UUID, None] = {}
        async for page in self._aggregates.events.pages(self._tenant_id, selection=_COPIES):
            for event in page:
                if isinstance(event.data, DisclosureDestroyed):
                    out.pop(event.record_id, None)
                    keys.pop(event.record_id, None)
                elif isinstance(event.data, DisclosureMade) and (
                    event.data.subject_id is None or event.data.subject_id in subject_ids
                ):
                    of_keys = event.data.kind is DisclosureKind.KEY_COPY
                    (keys if of_keys else out)[event.record_id] = None
        named = f"call back: {', '.join(map(str, out))}" if out else "none left with readable data"
        left = "they open it until `crm keys prune` destroys them" if keys else "none is left"
        return [
            StoreReceipt(store="exports", count=len(out), note=named),
            StoreReceipt(store="key backups", count=len(keys), note=left),
        ]

    async def pending(self) -> list[UUID]:
        """The erasures that were requested and are not completed, the oldest first."""
        pending: dict[UUID, None] = {}
        await self._look(pending, after=0)
        return list(pending)

    async def _look(self, pending: dict[UUID, None], *, after: int) -> int:
        """Takes into account what follows a position; how far that was."""
        pages = self._aggregates.events.pages(self._tenant_id, after=after, selection=_STEPS)
        async for page in pages:
            for event in page:
                if isinstance(event.data, SubjectErasureRequested):
                    pending[event.record_id] = None
                else:
                    pending.pop(event.record_id, None)
            after = page.scanned_to
        return after

    async def run(self, stores: Sequence[Forgets]) -> None:
        """Finishes what is pending, now and as it comes, until it is cancelled."""
        pending: dict[UUID, None] = {}
        seen = 0
        while True:
            seen = await self._look(pending, after=seen)
            for erasure_id in list(pending):
                try:
                    await self.finish(erasure_id, stores)
                    log.info("erasure.completed", erasure_id=str(erasure_id))
                except CrmError as error:
                    log.warning("erasure.pending", erasure_id=str(erasure_id), error=error.code)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _load(self, erasure_id: UUID) -> Erasure:
        loaded = await self._aggregates.load(self._tenant_id, [erasure_id])
        erasure = loaded[erasure_id]
        assert isinstance(erasure, Erasure)
        return erasure

    async def _destroyed_at(self, erasure_id: UUID) -> int:
        events = await self._aggregates.events.ledger.stream(self._tenant_id, [erasure_id])
        return events[1].position  # the second of the three steps, always
