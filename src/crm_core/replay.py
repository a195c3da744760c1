"""Replays a ledger, or an export of one, whole or up to a position, into an empty one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from uuid import UUID

from crm_core.audit.export import Export
from crm_core.kernel.aggregate import AGGREGATE_CLASSES, Aggregate
from crm_core.kernel.errors import Rejected
from crm_core.ledger.event_store import EventStore, RecordedEvent
from crm_core.ledger.records import Claim, StoredEvent

__all__ = ["Progress", "replay", "replay_export"]


Progress = Callable[[int, int], None]  # positions done, positions in all


async def replay(
    source: EventStore,
    target: EventStore,
    tenant_id: UUID,
    *,
    up_to: int,
    progress: Progress | None = None,
) -> int:
    """Copies events 1 to `up_to`, envelopes and bytes as they are; the position reached.

    Wrapped keys come along, so both stores need the same root key; unique keys are claimed by what
    the records hold in the end. A replay that was broken off goes on where it stopped. Raises
    Rejected `replay.other_ledger` where the target holds something else.
    """
    head = (await target.ledger.head(tenant_id)).position
    there = await source.ledger.page(tenant_id, after=head - 1, limit=1) if head else []
    await _require_same_past(there, target, tenant_id, head)
    await target.keyring.store.take_keys(tenant_id, await source.keyring.store.all_keys(tenant_id))
    pages = source.stored_pages(tenant_id, up_to=up_to)
    return await _fill(target, tenant_id, pages, up_to, progress)


async def replay_export(
    source: Export, target: EventStore, *, up_to: int, progress: Progress | None = None
) -> int:
    """As `replay`, out of files that were checked; with the keys that lie beside the events.

    Where there are none, personal fields read as erased. Raises Rejected `export.incomplete`
    where the export does not begin at position 1.
    """
    manifest, tenant_id = source.manifest, source.tenant_id
    if manifest.after:
        raise Rejected("export.incomplete", first=manifest.after + 1)
    head = (await target.ledger.head(tenant_id)).position
    there = [source.event_at(head)] if 0 < head <= manifest.size else []
    await _require_same_past(there, target, tenant_id, head)
    keys = source.keys()
    if keys is not None:
        await target.keyring.store.take_keys(tenant_id, keys)
    return await _fill(target, tenant_id, source.pages(up_to), up_to, progress)


async def _fill(
    target: EventStore,
    tenant_id: UUID,
    pages: AsyncIterator[list[StoredEvent]],
    up_to: int,
    progress: Progress | None,
) -> int:
    holders = _Holders()
    reached = (await target.ledger.head(tenant_id)).position
    async for page in pages:
        holders.apply(await target.decode([event for event in page if _Holders.cares(event)]))
        new = [event for event in page if event.position > reached]
        if new:
            await target.ledger.restore(tenant_id, new)
            reached = new[-1].position
        if progress is not None:
            progress(page[-1].position, up_to)
    await target.ledger.restore(tenant_id, (), await holders.claims(target, tenant_id))
    return reached


class _Holders:
    """The records of those kinds that hold unique keys, folded along the way."""

    def __init__(self) -> None:
        self._records: dict[UUID, Aggregate | None] = {}

    @staticmethod
    def cares(event: StoredEvent) -> bool:
        """Whether the event is of a record that may hold unique keys."""
        kind = AGGREGATE_CLASSES.get(event.stream_type)
        return kind is None or kind.held_keys is not Aggregate.held_keys

    def apply(self, page: Iterable[RecordedEvent]) -> None:
        for event in page:
            record = self._records.get(event.record_id)
            self._records[event.record_id] = event.data.mutate(record)

    async def claims(self, target: EventStore, tenant_id: UUID) -> list[Claim]:
        return [
            Claim(key.kind, await target.keyring.blind(tenant_id, *key), record.id)
            for record in self._records.values()
            if record is not None
            for key in sorted(record.held_keys())
        ]


async def _require_same_past(
    there: list[StoredEvent], target: EventStore, tenant_id: UUID, head: int
) -> None:
    if head == 0:
        return
    (last,) = await target.ledger.page(tenant_id, after=head - 1, limit=1)
    if not there or there[0].event_id != last.event_id:
        raise Rejected("replay.other_ledger", position=head)
