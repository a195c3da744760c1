"""Aggregates out of a ledger: from a snapshot and what came after it, or from all their events.

Both ways give the same. A snapshot that does not open, or is not of this very history, is dropped,
and the stream is folded (docs/decisions/0012-a-snapshot-is-a-shortcut.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec
import structlog
from cachetools import TTLCache

from crm_core.kernel.aggregate import AGGREGATE_CLASSES, Aggregate
from crm_core.kernel.errors import CrmError, Invalid
from crm_core.ledger.event_store import EventStore, fold
from crm_core.ledger.records import StoredEvent
from crm_core.ledger.snapshots import Snapshot, SnapshotStore
from crm_core.ledger.state import state_form_of
from crm_core.privacy.cipher import Cipher

__all__ = ["SNAPSHOT_EVERY", "AggregateStore", "is_of_present_form", "opened"]

log = structlog.get_logger()

SNAPSHOT_EVERY = 100  # events; benchmarks/README.md has where a snapshot begins to pay
_TENANTS_MAX = 1_000
_KNOWN_SECONDS = 600  # what other processes took or dropped is known here within this time


@dataclass(frozen=True, slots=True)
class _Past:
    """A stream: what a snapshot says, if there is one, and the events after it."""

    snapshot: Snapshot | None
    aggregate: Aggregate | None
    later: list[StoredEvent]


class AggregateStore:
    """Loads aggregates, and takes a snapshot of a stream at every `every`-th of its versions.

    With `every` 0 it takes and reads none. Raises Invalid below 0.
    """

    def __init__(self, events: EventStore, snapshots: SnapshotStore, every: int) -> None:
        if every < 0:
            raise Invalid("snapshot_every", "is a number of events, or 0 for no snapshots")
        self.events = events
        self.snapshots = snapshots
        self._every = every
        # By tenant, the streams that have snapshots and the newest version of each: nearly all
        # streams are short and cost no question. What is missing here only costs time.
        self._known: TTLCache[UUID, dict[UUID, int]] = TTLCache(_TENANTS_MAX, _KNOWN_SECONDS)

    async def load(
        self, tenant_id: UUID, stream_ids: Collection[UUID], *, up_to: int | None = None
    ) -> dict[UUID, Aggregate]:
        """The aggregates of these streams, now or as of a position; absent where there is none."""
        pasts = await self._pasts(tenant_id, stream_ids, up_to)
        loaded = {p.aggregate.id: p.aggregate for p in pasts.values() if p.aggregate is not None}
        for event in await self.events.decode([e for past in pasts.values() for e in past.later]):
            aggregate = event.data.mutate(loaded.get(event.record_id))
            assert aggregate is not None, "no event of ours ends an aggregate"
            loaded[event.record_id] = aggregate
        return loaded

    # --- taking and dropping ------------------------------------------------------------------

    def due(self, tenant_id: UUID, stream_id: UUID, version: int) -> int:
        """The version of which a stream that is at this one lacks a snapshot; 0 if of none."""
        wanted = version // self._every * self._every if self._every else 0
        known = self._known.get(tenant_id, {}).get(stream_id, 0)
        return wanted if wanted > known else 0

    async def take_snapshot(self, tenant_id: UUID, stream_id: UUID, version: int) -> None:
        """Stores what the stream was at the version, folded from what is stored of it.

        Nothing, where a newer one is there, or where one of its subjects was erased.
        """
        past = (await self._pasts(tenant_id, [stream_id], None))[stream_id]
        taken = [event for event in past.later if event.version <= version]
        if not taken:
            return
        aggregate = fold((e.data for e in await self.events.decode(taken)), past.aggregate)
        assert aggregate is not None
        subjects = {subject for event in taken for subject in event.subject_ids}
        subjects.update(past.snapshot.subject_ids if past.snapshot else ())
        ciphers = await self.events.keyring.for_sealing(tenant_id, subjects)
        if subjects - ciphers.keys():
            return
        form = state_form_of(type(aggregate))
        last = taken[-1]
        unsealed = Snapshot(
            tenant_id=tenant_id,
            stream_id=stream_id,
            stream_type=last.stream_type,
            version=last.version,
            position=last.position,
            event_id=last.event_id,
            subject_ids=tuple(sorted(subjects)),
            fingerprint=form.fingerprint,
        )
        await self.snapshots.keep(unsealed.seal(form.encode(aggregate), ciphers))
        (await self._known_of(tenant_id))[stream_id] = last.version

    async def drop_snapshots(
        self, tenant_id: UUID, stream_ids: Collection[UUID] | None = None
    ) -> int:
        """Drops those of these streams, or all of the tenant; how many there were."""
        dropped = await self.snapshots.drop(tenant_id, stream_ids)
        self._known.pop(tenant_id, None)
        return dropped

    async def drop_snapshots_about(self, tenant_id: UUID, subject_ids: Collection[UUID]) -> int:
        """Drops those that are about one of these subjects; how many there were."""
        dropped = await self.snapshots.drop_about(tenant_id, subject_ids)
        self._known.pop(tenant_id, None)
        return dropped

    # --- the shortest way ---------------------------------------------------------------------

    async def _pasts(
        self, tenant_id: UUID, stream_ids: Collection[UUID], up_to: int | None
    ) -> dict[UUID, _Past]:
        found = await self._snapshotted(tenant_id, stream_ids, up_to)
        rest = [stream_id for stream_id in stream_ids if stream_id not in found]
        if rest:
            streams = await self._streams(tenant_id, rest, 0, up_to)
            found |= {stream_id: _Past(None, None, streams[stream_id]) for stream_id in rest}
        return found

    async def _snapshotted(
        self, tenant_id: UUID, stream_ids: Collection[UUID], up_to: int | None
    ) -> dict[UUID, _Past]:
        """Those streams that a snapshot stands for the beginning of."""
        newest = await self._newest(tenant_id, stream_ids, up_to)
        by_version: defaultdict[int, list[Snapshot]] = defaultdict(list)
        for snapshot in newest:
            by_version[snapshot.version].append(snapshot)
        subjects = {subject for snapshot in newest for subject in snapshot.subject_ids}
        ciphers = await self.events.keyring.for_opening(tenant_id, subjects) if subjects else {}
        found = {}
        for version, snapshots in by_version.items():
            ids = [snapshot.stream_id for snapshot in snapshots]
            # From the snapshot's own last event on: it must be the one that the snapshot names.
            streams = await self._streams(tenant_id, ids, version - 1, up_to)
            for snapshot in snapshots:
                events = streams[snapshot.stream_id]
                aggregate = opened(snapshot, ciphers) if _follow(snapshot, events) else None
                if aggregate is not None:
                    found[snapshot.stream_id] = _Past(snapshot, aggregate, events[1:])
        useless = {snapshot.stream_id for snapshot in newest} - found.keys()
        if useless:
            log.info("snapshots.dropped", streams=sorted(map(str, useless)))
            await self.drop_snapshots(tenant_id, useless)
        return found

    async def _newest(
        self, tenant_id: UUID, stream_ids: Collection[UUID], up_to: int | None
    ) -> list[Snapshot]:
        """The newest snapshots there are in the present form."""
        if not self._every:
            return []
        known = await self._known_of(tenant_id)
        wanted = [stream_id for stream_id in stream_ids if stream_id in known]
        if not wanted:
            return []
        newest = await self.snapshots.newest(tenant_id, wanted, up_to=up_to)
        present = [snapshot for snapshot in newest.values() if is_of_present_form(snapshot)]
        if up_to is None:
            for stream_id in set(wanted) - {snapshot.stream_id for snapshot in present}:
                known.pop(stream_id, None)  # dropped by another process, or of another release
        return present

    async def _streams(
        self, tenant_id: UUID, stream_ids: Collection[UUID], after_version: int, up_to: int | None
    ) -> Mapping[UUID, list[StoredEvent]]:
        streams: defaultdict[UUID, list[StoredEvent]] = defaultdict(list)
        for event in await self.events.ledger.stream(
            tenant_id, stream_ids, after_version=after_version, up_to=up_to
        ):
            streams[event.stream_id].append(event)
        return streams

    async def _known_of(self, tenant_id: UUID) -> dict[UUID, int]:
        known = self._known.get(tenant_id)
        if known is None:
            known = self._known[tenant_id] = await self.snapshots.versions(tenant_id)
        return known


def is_of_present_form(snapshot: Snapshot) -> bool:
    """Whether the classes of this process read the state as those that stored it."""
    kind = AGGREGATE_CLASSES.get(snapshot.stream_type)
    return kind is not None and state_form_of(kind).fingerprint == snapshot.fingerprint


def opened(snapshot: Snapshot, ciphers: Mapping[UUID, Cipher]) -> Aggregate | None:
    """The aggregate in a snapshot of the present form; None where it was erased or changed."""
    form = state_form_of(AGGREGATE_CLASSES[snapshot.stream_type])
    try:
        return form.decode(snapshot.open(ciphers), snapshot.stream_id, snapshot.version)
    except (KeyError, CrmError, msgspec.DecodeError):
        return None


def _follow(snapshot: Snapshot, events: list[StoredEvent]) -> bool:
    """Whether these begin with the event that the snapshot ends with."""
    named = (snapshot.version, snapshot.position, snapshot.event_id)
    return [(event.version, event.position, event.event_id) for event in events[:1]] == [named]
