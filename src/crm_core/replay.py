"""Replays a ledger, whole or up to a position, into an empty one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from crm_core.kernel.aggregate import AGGREGATE_CLASSES, Aggregate
from crm_core.kernel.errors import Rejected
from crm_core.ledger.event_store import EventStore, RecordedEvent
from crm_core.ledger.records import Claim

__all__ = ["Progress", "replay"]

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
    await _require_same_past(source, target, tenant_id)
    await target.keyring.store.take_keys(tenant_id, await source.keyring.store.all_keys(tenant_id))
    holders = _Holders()
    reached = (await target.ledger.head(tenant_id)).position
    async for page in source.pages(tenant_id, up_to=up_to):
        holders.apply(page)
        new = [event.stored for event in page if event.position > reached]
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

    def apply(self, page: Iterable[RecordedEvent]) -> None:
        for event in page:
            kind = AGGREGATE_CLASSES[event.record_type]
            if kind.held_keys is not Aggregate.held_keys:
                record = self._records.get(event.record_id)
                self._records[event.record_id] = event.data.mutate(record)

    async def claims(self, target: EventStore, tenant_id: UUID) -> list[Claim]:
        return [
            Claim(key.kind, await target.keyring.blind(tenant_id, *key), record.id)
            for record in self._records.values()
            if record is not None
            for key in sorted(record.held_keys())
        ]


async def _require_same_past(source: EventStore, target: EventStore, tenant_id: UUID) -> None:
    head = (await target.ledger.head(tenant_id)).position
    if head == 0:
        return
    (last,) = await target.ledger.page(tenant_id, after=head - 1, limit=1)
    theirs = await source.ledger.page(tenant_id, after=head - 1, limit=1)
    if not theirs or theirs[0].event_id != last.event_id:
        raise Rejected("replay.other_ledger", position=head)
