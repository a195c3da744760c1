"""An event as a line of an export: CloudEvents 1.0 in JSON, in one form only.

The envelope is in extension attributes, the data the base64 of the exact bytes that were hashed.
The form is in docs/guides/audit-format.md; `crm_verify` takes no other.
"""

from __future__ import annotations

import json
from binascii import b2a_base64
from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import Any
from uuid import UUID

import msgspec

from crm_core.kernel.messages import Actor, ActorKind
from crm_core.ledger.records import StoredEvent

__all__ = ["event_of_line", "line_of"]

_text: Any = encode_basestring


def line_of(event: StoredEvent) -> str:
    """The line, without its end."""
    actor = event.actor
    effective = behalf = causation = reason = subjects = tags = ""
    if event.effective_at is not None:
        effective = f',"effectivetime":"{_time(event.effective_at)}"'
    if actor.on_behalf_of is not None:
        behalf = f',"onbehalfof":{_text(actor.on_behalf_of)}'
    if event.causation_id is not None:
        causation = f',"causationid":"{event.causation_id}"'
    if event.reason is not None:
        reason = f',"reason":{_text(event.reason)}'
    if event.subject_ids:
        subjects = f',"subjectids":"{" ".join(map(str, event.subject_ids))}"'
    if event.tags:
        listed = json.dumps(event.tags, ensure_ascii=False, separators=(",", ":"))
        tags = f',"tags":{_text(listed)}'
    return (
        f'{{"specversion":"1.0","id":"{event.event_id}","source":"urn:uuid:{event.tenant_id}"'
        f',"type":{_text(event.type)},"subject":{_text(f"{event.stream_type}/{event.stream_id}")}'
        f',"time":"{_time(event.recorded_at)}","datacontenttype":"application/json"'
        f',"position":"{event.position}","streamversion":{event.version}'
        f',"schemaversion":{event.schema_version}{effective},"actorkind":{_text(actor.kind.value)}'
        f',"actorid":{_text(actor.id)}{behalf},"commandid":"{event.command_id}"'
        f',"correlationid":"{event.correlation_id}"{causation}{reason}{subjects}{tags}'
        f',"data_base64":"{b2a_base64(event.data, newline=False).decode()}"}}'
    )


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


class _Line(msgspec.Struct):
    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    position: str
    streamversion: int
    schemaversion: int
    actorkind: ActorKind
    actorid: str
    commandid: UUID
    correlationid: UUID
    data_base64: bytes
    effectivetime: datetime | None = None
    onbehalfof: str | None = None
    causationid: UUID | None = None
    reason: str | None = None
    subjectids: str | None = None
    tags: str | None = None


_decoder = msgspec.json.Decoder(_Line)


def event_of_line(line: bytes) -> StoredEvent:
    """The event that `line_of` made the line of; for lines that `crm_verify` has checked."""
    held = _decoder.decode(line)
    return StoredEvent(
        tenant_id=UUID(held.source.removeprefix("urn:uuid:")),
        position=int(held.position),
        event_id=held.id,
        stream_type=held.subject[:-37],
        stream_id=UUID(held.subject[-36:]),
        version=held.streamversion,
        type=held.type,
        schema_version=held.schemaversion,
        recorded_at=held.time,
        effective_at=held.effectivetime,
        actor=Actor(held.actorkind, held.actorid, held.onbehalfof),
        command_id=held.commandid,
        correlation_id=held.correlationid,
        causation_id=held.causationid,
        reason=held.reason,
        subject_ids=tuple(map(UUID, held.subjectids.split(" "))) if held.subjectids else (),
        tags=tuple(msgspec.json.decode(held.tags)) if held.tags else (),
        data=held.data_base64,
    )
