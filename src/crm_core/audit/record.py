"""The record of an event: the bytes that are its leaf in the tree.

Laid out in docs/guides/audit-format.md. Fixed fields first, in one piece, because every event of
every ledger goes through here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from struct import Struct

from crm_core.ledger.records import StoredEvent

__all__ = ["leaf_of", "record_of"]

_FORM = 1
_FIXED = Struct(">B16sQ16s16sIHqBq16s16s16s32s8I")
_LENGTH = Struct(">I")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_ID = bytes(16)


def leaf_of(event: StoredEvent) -> bytes:
    """The leaf hash (RFC 9162, 2.1.1) of the event's record, 32 bytes."""
    return sha256(b"\x00" + record_of(event)).digest()


def record_of(event: StoredEvent) -> bytes:
    """Every field of the envelope, and the digest of the stored bytes. Injective."""
    actor = event.actor
    effective_at, causation_id = event.effective_at, event.causation_id
    on_behalf_of, reason = actor.on_behalf_of, event.reason
    texts = (
        event.stream_type.encode(),
        event.type.encode(),
        actor.kind.value.encode(),
        actor.id.encode(),
        b"" if on_behalf_of is None else on_behalf_of.encode(),
        b"" if reason is None else reason.encode(),
    )
    fixed = _FIXED.pack(
        _FORM,
        event.tenant_id.bytes,
        event.position,
        event.event_id.bytes,
        event.stream_id.bytes,
        event.version,
        event.schema_version,
        _microseconds(event.recorded_at),
        (effective_at is not None)
        | (causation_id is not None) << 1
        | (on_behalf_of is not None) << 2
        | (reason is not None) << 3,
        0 if effective_at is None else _microseconds(effective_at),
        event.command_id.bytes,
        event.correlation_id.bytes,
        _NO_ID if causation_id is None else causation_id.bytes,
        sha256(event.data).digest(),
        *map(len, texts),
        len(event.subject_ids),
        len(event.tags),
    )
    parts = [fixed, *texts, *[subject.bytes for subject in event.subject_ids]]
    for tag in event.tags:
        encoded = tag.encode()
        parts += (_LENGTH.pack(len(encoded)), encoded)
    return b"".join(parts)


def _microseconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
