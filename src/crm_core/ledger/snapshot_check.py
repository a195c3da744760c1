"""Holds every snapshot against what the events of its stream come to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from crm_core.kernel.aggregate import Aggregate
from crm_core.ledger.aggregate_store import AggregateStore, is_of_present_form, opened
from crm_core.ledger.event_store import RecordedEvent
from crm_core.ledger.snapshots import Snapshot
from crm_core.privacy.cipher import Cipher

__all__ = ["Checked", "Verdict", "check_snapshots"]


class Verdict(StrEnum):
    EQUAL = "EQUAL"
    DIFFERENT = "DIFFERENT"  # from what its events come to, or it cannot be opened
    OUTDATED = "OUTDATED"  # of another release's form, never read by this one
    FORGOTTEN = "FORGOTTEN"  # one of its subjects was erased, and it with them


@dataclass(frozen=True, slots=True)
class Checked:
    snapshot: Snapshot
    verdict: Verdict


async def check_snapshots(
    aggregates: AggregateStore, tenant_id: UUID
) -> AsyncIterator[list[Checked]]:
    """What each snapshot was found to be, stream by stream.

    A stream that has others than equal ones loses all it has; it gets a new one at the next commit
    that is due.
    """
    for stream_id in sorted(await aggregates.snapshots.versions(tenant_id)):
        checked = await _checked(aggregates, tenant_id, stream_id)
        if any(found.verdict is not Verdict.EQUAL for found in checked):
            await aggregates.drop_snapshots(tenant_id, [stream_id])
        yield checked


async def _checked(aggregates: AggregateStore, tenant_id: UUID, stream_id: UUID) -> list[Checked]:
    snapshots = await aggregates.snapshots.of_stream(tenant_id, stream_id)
    subjects = {subject for snapshot in snapshots for subject in snapshot.subject_ids}
    ciphers = await aggregates.events.keyring.for_opening(tenant_id, subjects)
    of_version = {snapshot.version: snapshot for snapshot in snapshots}
    proven = set()
    aggregate: Aggregate | None = None
    seen: set[UUID] = set()
    for event in await aggregates.events.stream(tenant_id, [stream_id]):
        aggregate = event.data.mutate(aggregate)
        seen.update(event.stored.subject_ids)
        snapshot = of_version.get(event.version)
        if snapshot is None or not is_of_present_form(snapshot):
            continue
        if _is_of(snapshot, event, seen) and opened(snapshot, ciphers) == aggregate:
            proven.add(event.version)
    return [
        Checked(snapshot, _verdict(snapshot, ciphers, snapshot.version in proven))
        for snapshot in snapshots
    ]


def _is_of(snapshot: Snapshot, event: RecordedEvent, subjects: set[UUID]) -> bool:
    """Whether it ends with this event, and is sealed for all whom its events are about."""
    named = (snapshot.stream_type, snapshot.position, snapshot.event_id)
    return (
        named == (event.record_type, event.position, event.event_id)
        and set(snapshot.subject_ids) == subjects
    )


def _verdict(snapshot: Snapshot, ciphers: Mapping[UUID, Cipher], is_proven: bool) -> Verdict:
    if is_proven:
        return Verdict.EQUAL
    if not is_of_present_form(snapshot):
        return Verdict.OUTDATED
    if set(snapshot.subject_ids) - ciphers.keys():
        return Verdict.FORGOTTEN
    return Verdict.DIFFERENT
