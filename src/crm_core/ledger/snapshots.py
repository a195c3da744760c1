"""Snapshots: stored states, so that long streams load fast. Any may vanish at any time.

They lie apart from the events and prove nothing; `AggregateStore` makes them and reads them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol
from uuid import UUID

from crm_core.privacy.cipher import Cipher, Sealing, sealing_under

__all__ = ["InMemorySnapshotStore", "Snapshot", "SnapshotStore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state of a stream after the event that `version`, `position` and `event_id` name.

    `fingerprint` is that of the form that the state was stored in, `subject_ids` are those of all
    its events: the state is `sealed` under the key of each of them, so it goes with any.
    """

    tenant_id: UUID
    stream_id: UUID
    stream_type: str
    version: int
    position: int
    event_id: UUID
    subject_ids: tuple[UUID, ...]
    fingerprint: bytes
    sealed: bytes = field(default=b"", repr=False)

    def seal(self, state: bytes, ciphers: Mapping[UUID, Cipher]) -> Snapshot:
        """The snapshot with this state in it."""
        return replace(self, sealed=self._under(ciphers).seal(state, self._place))

    def open(self, ciphers: Mapping[UUID, Cipher]) -> bytes:
        """The state. Raises KeyError without the key of one of its subjects, and SetupError
        `privacy.cannot_open` where it was changed or belongs elsewhere.
        """
        return self._under(ciphers).open(self.sealed, self._place)

    def _under(self, ciphers: Mapping[UUID, Cipher]) -> Sealing:
        sealing = sealing_under(self.subject_ids, ciphers)
        if sealing is None:
            raise KeyError("the key of a subject")
        return sealing

    @property
    def _place(self) -> bytes:
        ids = (self.tenant_id, self.stream_id, self.event_id, *self.subject_ids)
        at = b"snapshot\x1f%d\x1f%d\x1f" % (self.version, self.position)
        return at + b"".join(named.bytes for named in ids) + self.fingerprint


class SnapshotStore(Protocol):
    """Keeps snapshots; `tests/crm_core/ledger/test_snapshot_stores.py` says what that means."""

    async def versions(self, tenant_id: UUID) -> dict[UUID, int]:
        """The streams that have snapshots, each with the version of its newest one."""

    async def newest(
        self, tenant_id: UUID, stream_ids: Collection[UUID], *, up_to: int | None = None
    ) -> dict[UUID, Snapshot]:
        """The newest snapshot of each stream at or before a position; by stream."""

    async def of_stream(self, tenant_id: UUID, stream_id: UUID) -> list[Snapshot]:
        """All that the stream has, by version."""

    async def keep(self, snapshot: Snapshot) -> None:
        """Stores the snapshot, in place of one of the same version."""

    async def drop(self, tenant_id: UUID, stream_ids: Collection[UUID] | None = None) -> int:
        """Deletes the snapshots of these streams, or all of the tenant; how many there were."""

    async def drop_about(self, tenant_id: UUID, subject_ids: Collection[UUID]) -> int:
        """Deletes those that are about one of these subjects; how many there were."""


class InMemorySnapshotStore:
    """Snapshots that end with the process; the store of `Crm.in_memory()`."""

    def __init__(self) -> None:
        self._by_stream: defaultdict[UUID, dict[UUID, dict[int, Snapshot]]]
        self._by_stream = defaultdict(lambda: defaultdict(dict))

    async def versions(self, tenant_id: UUID) -> dict[UUID, int]:
        return {stream_id: max(kept) for stream_id, kept in self._by_stream[tenant_id].items()}

    async def newest(
        self, tenant_id: UUID, stream_ids: Collection[UUID], *, up_to: int | None = None
    ) -> dict[UUID, Snapshot]:
        found = {}
        for stream_id in stream_ids:
            for snapshot in await self.of_stream(tenant_id, stream_id):
                if up_to is None or snapshot.position <= up_to:
                    found[stream_id] = snapshot
        return found

    async def of_stream(self, tenant_id: UUID, stream_id: UUID) -> list[Snapshot]:
        kept = self._by_stream[tenant_id].get(stream_id, {})
        return [kept[version] for version in sorted(kept)]

    async def keep(self, snapshot: Snapshot) -> None:
        self._by_stream[snapshot.tenant_id][snapshot.stream_id][snapshot.version] = snapshot

    async def drop(self, tenant_id: UUID, stream_ids: Collection[UUID] | None = None) -> int:
        of_tenant = self._by_stream[tenant_id]
        dropped = [s for s in of_tenant if stream_ids is None or s in stream_ids]
        return sum(len(of_tenant.pop(stream_id)) for stream_id in dropped)

    async def drop_about(self, tenant_id: UUID, subject_ids: Collection[UUID]) -> int:
        about = [
            stream_id
            for stream_id, kept in self._by_stream[tenant_id].items()
            if any(not set(subject_ids).isdisjoint(s.subject_ids) for s in kept.values())
        ]
        return await self.drop(tenant_id, about)
