"""Which appends of a batch are let in: the one rule that every ledger follows.

A ledger reads what the batch depends on (under the tenant's head, so that nobody else appends
meanwhile), lets `Admission` decide append by append, and stores what was admitted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from crm_core.kernel.errors import (
    CommandReused,
    ConditionFailed,
    CrmError,
    Rejected,
    VersionConflict,
)
from crm_core.ledger.limits import too_large
from crm_core.ledger.records import (
    Append,
    Appended,
    Claim,
    Expected,
    Head,
    StoredEvent,
    StreamAppend,
    TagCondition,
)

__all__ = ["Admission", "Remembered"]

_TICK = timedelta(microseconds=1)  # the smallest step of recorded_at


@dataclass(frozen=True, slots=True)
class Remembered:
    """The result of a command whose sender named its id."""

    fingerprint: bytes
    first_position: int
    last_position: int
    event_ids: tuple[UUID, ...]
    recorded_at: datetime

    def repeated(self, command_id: UUID, fingerprint: bytes) -> Appended | CommandReused:
        """The outcome of sending the command again: the first result, or a no to other content."""
        if fingerprint != self.fingerprint:
            return CommandReused(command_id)
        return Appended(
            command_id, self.event_ids, self.last_position, self.recorded_at, replayed=True
        )


@dataclass(slots=True)
class Admission:
    """What the batch depends on as it stands, and what was let in so far.

    `versions` has the last version of each named stream that has events, `holders` the holder of
    each claimed key that is held, `commands` the remembered ones, `found_at` the last position
    with the tags of each condition, `tracked` the last mark of each upstream that has one,
    `known_ids` those event ids of the batch that are taken (where a key of the table does not see
    to it).
    """

    tenant_id: UUID
    head: Head
    now: datetime
    versions: dict[UUID, int] = field(default_factory=dict)
    holders: dict[tuple[str, bytes], UUID] = field(default_factory=dict)
    commands: dict[UUID, Remembered] = field(default_factory=dict)
    found_at: dict[TagCondition, int] = field(default_factory=dict)
    known_ids: set[UUID] = field(default_factory=set)
    tracked: dict[str, int] = field(default_factory=dict)

    events: list[StoredEvent] = field(default_factory=list)
    taken: dict[tuple[str, bytes], Claim] = field(default_factory=dict)
    released: dict[tuple[str, bytes], Claim] = field(default_factory=dict)
    remembered: dict[UUID, Remembered] = field(default_factory=dict)
    marked: dict[str, int] = field(default_factory=dict)

    def admit(self, append: Append) -> Appended | CrmError:
        """Lets the append in, or says why not; a refused one leaves no trace."""
        if append.fingerprint is not None:
            known = self.commands.get(append.command_id)
            if known is not None:
                return known.repeated(append.command_id, append.fingerprint)
        error = self._refusal(append)
        if error is not None:
            return error
        first = self.head.position + 1
        for stream in append.streams:
            self._store(append, stream)
        self._move_claims(append)
        if append.tracking is not None:
            mark = append.tracking
            self.tracked[mark.upstream] = self.marked[mark.upstream] = mark.position
        recorded_at = self.head.recorded_at or self.now
        event_ids = append.event_ids
        self.known_ids.update(event_ids)
        if append.fingerprint is not None:
            result = Remembered(
                append.fingerprint, first, self.head.position, event_ids, recorded_at
            )
            self.commands[append.command_id] = self.remembered[append.command_id] = result
        return Appended(append.command_id, event_ids, self.head.position, recorded_at)

    def _refusal(self, append: Append) -> CrmError | None:
        if (refusal := too_large(append)) is not None:
            return refusal
        event_ids = append.event_ids
        if len(set(event_ids)) < len(event_ids) or not self.known_ids.isdisjoint(event_ids):
            return Rejected("ledger.event_exists")
        for stream in append.streams:
            actual = self.versions.get(stream.stream_id, 0)
            if not _is_as_expected(stream, actual):
                expected = stream.expected
                wanted = expected.value if isinstance(expected, Expected) else expected
                return VersionConflict(stream.name, wanted, actual)
        released = {(claim.kind, claim.key, claim.holder_id) for claim in append.release}
        taken: dict[tuple[str, bytes], UUID] = {}
        for claim in append.take:
            key = (claim.kind, claim.key)
            holder = self.holders.get(key)
            if holder is None or (*key, holder) in released:
                holder = taken.setdefault(key, claim.holder_id)
            if holder != claim.holder_id:
                return Rejected("claim.taken", kind=claim.kind, holder_id=str(holder))
        if append.condition is not None:
            found = self._last_with(append.condition)
            if found > append.condition.after:
                return ConditionFailed(append.condition.tags, append.condition.after, found)
        if append.tracking is not None:
            upstream, position = append.tracking.upstream, append.tracking.position
            last = self.tracked.get(upstream, 0)
            if position <= last:
                return Rejected(
                    "ledger.already_tracked", upstream=upstream, position=position, last=last
                )
        return None

    def _last_with(self, condition: TagCondition) -> int:
        wanted = set(condition.tags)
        here = (e.position for e in reversed(self.events) if wanted <= set(e.tags))
        return next(here, self.found_at.get(condition, 0))

    def _store(self, append: Append, stream: StreamAppend) -> None:
        version = self.versions.get(stream.stream_id, 0)
        for event in stream.events:
            version += 1
            last = self.head.recorded_at
            recorded_at = self.now if last is None or self.now > last else last + _TICK
            self.head = Head(self.head.position + 1, recorded_at)
            self.events.append(
                StoredEvent(
                    tenant_id=self.tenant_id,
                    position=self.head.position,
                    event_id=event.event_id,
                    stream_type=stream.stream_type,
                    stream_id=stream.stream_id,
                    version=version,
                    type=event.type,
                    schema_version=event.schema_version,
                    recorded_at=recorded_at,
                    effective_at=event.effective_at,
                    actor=append.actor,
                    command_id=append.command_id,
                    correlation_id=append.correlation_id,
                    causation_id=append.causation_id,
                    reason=append.reason,
                    subject_ids=event.subject_ids,
                    tags=event.tags,
                    data=event.data,
                )
            )
        if version:
            self.versions[stream.stream_id] = version

    def _move_claims(self, append: Append) -> None:
        for claim in append.release:
            key = (claim.kind, claim.key)
            if self.holders.get(key) == claim.holder_id:
                del self.holders[key]
                self.taken.pop(key, None)
                self.released[key] = claim
        for claim in append.take:
            key = (claim.kind, claim.key)
            self.holders[key] = claim.holder_id
            self.taken[key] = claim


def _is_as_expected(stream: StreamAppend, actual: int) -> bool:
    match stream.expected:
        case Expected.NONE:
            return actual == 0
        case Expected.EXISTS:
            return actual > 0
        case Expected.ANY:
            return True
        case version:
            return actual == version
