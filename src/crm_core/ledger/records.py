"""What the ledger stores and what an append asks for. Bytes here, no types of the domain.

Structs and not dataclasses: a frozen one is made five times as fast, and there is one an event.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import Enum
from typing import TypeAlias
from uuid import UUID

from msgspec import Struct

from crm_core.kernel.messages import Actor

__all__ = ["APPLICATION", "Append", "Appended", "Claim", "Expected", "Head", "NewEvent",
           "StoredEvent", "StreamAppend", "TagCondition", "TrackingMark"]  # fmt: skip


# Begins the stream type of what an application of its own records (crm_core.persistence): events
# in tenants of their own, which are no records of the CRM's and which it cannot decode.
APPLICATION = "eventsourcing:"


class Expected(Enum):
    """What a stream must be like before an append, where it is not an exact version."""

    NONE = "none"  # it has no events
    EXISTS = "exists"  # it has some
    ANY = "any"  # whatever it is like


ExpectedVersion: TypeAlias = int | Expected


class NewEvent(Struct, frozen=True, kw_only=True):
    """An event on its way in. `data` is kept and hashed as these exact bytes."""

    event_id: UUID
    type: str
    schema_version: int
    data: bytes
    effective_at: datetime | None = None
    subject_ids: tuple[UUID, ...] = ()
    tags: tuple[str, ...] = ()


class StreamAppend(Struct, frozen=True):
    """Events for one stream, in order."""

    stream_type: str
    stream_id: UUID
    expected: ExpectedVersion
    events: tuple[NewEvent, ...]

    @property
    def name(self) -> str:
        return f"{self.stream_type}/{self.stream_id}"


class Claim(Struct, frozen=True):
    """A unique key of a tenant and the record that holds it. `key` is a blind index."""

    kind: str
    key: bytes
    holder_id: UUID


class TagCondition(Struct, frozen=True):
    """No event that carries all these tags may lie after this position."""

    tags: tuple[str, ...]
    after: int


class TrackingMark(Struct, frozen=True):
    """How far a tenant has followed a log, by the log's name; each mark lies beyond the last."""

    upstream: str
    position: int


class Append(Struct, frozen=True, kw_only=True):
    """One command's events, stored together or not at all.

    With a fingerprint, the command id is remembered: the same id with the same fingerprint gets
    the first result again, with another one it is refused. Without, the id is only stored.
    """

    command_id: UUID
    actor: Actor
    correlation_id: UUID
    streams: tuple[StreamAppend, ...]
    fingerprint: bytes | None = None
    causation_id: UUID | None = None
    reason: str | None = None
    take: tuple[Claim, ...] = ()
    release: tuple[Claim, ...] = ()
    condition: TagCondition | None = None
    tracking: TrackingMark | None = None

    @property
    def size(self) -> int:
        return sum([len(stream.events) for stream in self.streams])

    @property
    def event_ids(self) -> tuple[UUID, ...]:
        return tuple([event.event_id for stream in self.streams for event in stream.events])

    @property
    def bytes(self) -> int:
        """Of its events' data."""
        return sum([len(event.data) for stream in self.streams for event in stream.events])


class Appended(Struct, frozen=True):
    """The outcome. Without events, `last_position` is the head and `event_ids` is empty."""

    command_id: UUID
    event_ids: tuple[UUID, ...]
    last_position: int
    recorded_at: datetime
    replayed: bool = False


_LINE = re.compile(r":[0-9]+\Z")


class StoredEvent(Struct, frozen=True):
    """An event as it lies in the ledger: the envelope, and the exact bytes of its data."""

    tenant_id: UUID
    position: int
    event_id: UUID
    stream_type: str
    stream_id: UUID
    version: int
    type: str
    schema_version: int
    recorded_at: datetime
    effective_at: datetime | None
    actor: Actor
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
    reason: str | None
    subject_ids: tuple[UUID, ...]
    tags: tuple[str, ...]
    data: bytes

    @property
    def happened_at(self) -> datetime:
        """On the effective clock: when it happened, as far as that is known."""
        return self.effective_at or self.recorded_at

    @property
    def subject_id(self) -> UUID:
        """Whom it is about; of several, the first."""
        return self.subject_ids[0] if self.subject_ids else self.stream_id

    @property
    def source(self) -> str | None:
        """The reason without the number at its end: what the lines of an import have in common."""
        return None if self.reason is None else _LINE.sub("", self.reason)

    def __repr__(self) -> str:
        """Without its data: what is printed ends up in logs."""
        return f"<{self.type} at {self.position}, {self.stream_type}/{self.stream_id}>"


class Head(Struct, frozen=True):
    """Where a tenant's ledger ends: 0 and None while it is empty."""

    position: int
    recorded_at: datetime | None
