"""A ledger as one would explain it on a page: what `Ledger.append` must do, with nothing shared.

It says what an append may come to; where several rules are broken, any of their codes will do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from crm_core.ledger.records import Append, Expected, NewEvent, StreamAppend

__all__ = ["Kept", "Refusal", "Stored", "TenantModel"]


@dataclass(frozen=True)
class Kept:
    """An event as it must come back; its position is its place in the list, from 1."""

    stream_id: UUID
    version: int
    recorded_at: datetime
    command_id: UUID
    event: NewEvent


@dataclass(frozen=True)
class Stored:
    """The append is stored, or was before."""

    event_ids: tuple[UUID, ...]
    last_position: int
    recorded_at: datetime
    replayed: bool = False


@dataclass(frozen=True)
class Refusal:
    """Nothing happens, for one of these reasons."""

    codes: frozenset[str]


@dataclass
class TenantModel:
    log: list[Kept] = field(default_factory=list)
    holders: dict[tuple[str, bytes], UUID] = field(default_factory=dict)
    commands: dict[UUID, tuple[bytes, Stored]] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)

    def append(self, append: Append, now: datetime) -> Stored | Refusal:
        if append.fingerprint is not None and append.command_id in self.commands:
            fingerprint, first = self.commands[append.command_id]
            if fingerprint != append.fingerprint:
                return Refusal(frozenset({"ledger.command_reused"}))
            return Stored(first.event_ids, first.last_position, first.recorded_at, replayed=True)
        broken = frozenset(self._broken_rules(append))
        if broken:
            return Refusal(broken)
        for stream in append.streams:
            for event in stream.events:
                at = (
                    max(now, self.log[-1].recorded_at + timedelta(microseconds=1))
                    if self.log
                    else now
                )
                version = self.version(stream.stream_id) + 1
                self.log.append(Kept(stream.stream_id, version, at, append.command_id, event))
        for claim in append.release:
            if self.holders.get((claim.kind, claim.key)) == claim.holder_id:
                del self.holders[claim.kind, claim.key]
        for claim in append.take:
            self.holders[claim.kind, claim.key] = claim.holder_id
        if append.tracking is not None:
            self.marks[append.tracking.upstream] = append.tracking.position
        stored = Stored(
            tuple(event.event_id for stream in append.streams for event in stream.events),
            len(self.log),
            self.log[-1].recorded_at if self.log else now,
        )
        if append.fingerprint is not None:
            self.commands[append.command_id] = append.fingerprint, stored
        return stored

    def version(self, stream_id: UUID) -> int:
        return sum(kept.stream_id == stream_id for kept in self.log)

    def _broken_rules(self, append: Append) -> Iterator[str]:
        new = [event.event_id for stream in append.streams for event in stream.events]
        if len(set(new)) < len(new) or {kept.event.event_id for kept in self.log} & set(new):
            yield "ledger.event_exists"
        if not all(self._is_as_expected(stream) for stream in append.streams):
            yield "ledger.version_conflict"
        given_back = {
            (claim.kind, claim.key)
            for claim in append.release
            if self.holders.get((claim.kind, claim.key)) == claim.holder_id
        }
        taken = {key: holder for key, holder in self.holders.items() if key not in given_back}
        for claim in append.take:
            if taken.setdefault((claim.kind, claim.key), claim.holder_id) != claim.holder_id:
                yield "claim.taken"
        if append.condition is not None:
            later = self.log[append.condition.after :]
            if any(set(append.condition.tags) <= set(kept.event.tags) for kept in later):
                yield "ledger.condition_failed"
        mark = append.tracking
        if mark is not None and mark.position <= self.marks.get(mark.upstream, 0):
            yield "ledger.already_tracked"

    def _is_as_expected(self, stream: StreamAppend) -> bool:
        there = self.version(stream.stream_id)
        match stream.expected:
            case Expected.NONE:
                return there == 0
            case Expected.EXISTS:
                return there > 0
            case Expected.ANY:
                return True
            case version:
                return there == version
