"""Typed events to stored bytes and back: msgspec JSON, with personal fields sealed one by one.

A personal field is stored as the base64 of what AES-256-GCM made of its JSON, under the key of the
event's subject, bound to tenant, stream, event and field, so that nothing sealed here opens
elsewhere (docs/decisions/0003-a-sealed-field-is-bound-to-its-event.md).
"""

from __future__ import annotations

from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

import msgspec

from crm_core.kernel.errors import Rejected, SetupError
from crm_core.kernel.events import (
    EVENT_CLASSES,
    REDACTED,
    Created,
    Event,
    Personal,
    Redacted,
    own_fields,
)
from crm_core.ledger.records import StoredEvent
from crm_core.privacy.cipher import Cipher

__all__ = ["EventForm", "form_of", "resolve"]


def resolve(stored: StoredEvent) -> EventForm:
    """The form of the class that this event was recorded as."""
    event_class = EVENT_CLASSES.get(stored.type)
    if event_class is None:
        context = stored.type.partition(".")[0]
        raise SetupError(
            "ledger.unknown_type",
            f"install or switch on the module `{context}` that records this type",
            type=stored.type,
            position=stored.position,
        )
    return form_of(event_class)


@cache
def form_of(event_class: type[Event]) -> EventForm:
    return EventForm(event_class)


class EventForm:
    """How one event class is stored. Made once a class; encoding costs about 2 µs, plus sealing."""

    def __init__(self, event_class: type[Event]) -> None:
        self.event_class = event_class
        self.topic = event_class.TOPIC
        self.version = event_class.class_version
        fields = own_fields(event_class)
        self.names = tuple(fields)
        self._personal = {
            name: msgspec.json.Decoder(_without_redacted(of)) for name, of in fields.items()
            if _is_personal(of)
        }  # fmt: skip
        stored = [
            (name, bytes | None if name in self._personal else of) for name, of in fields.items()
        ]
        self._decoder = msgspec.json.Decoder(
            msgspec.defstruct(event_class.__name__, stored, kw_only=True)
        )
        self._is_created = issubclass(event_class, Created)

    @property
    def is_personal(self) -> bool:
        return bool(self._personal)

    def encode(self, event: Event, event_id: UUID, tenant_id: UUID, cipher: Cipher | None) -> bytes:
        """The bytes to store. Raises Rejected `subject.erased` where there is something personal
        and no cipher for it: nothing personal can be recorded about who was erased.
        """
        data = {name: getattr(event, name) for name in self.names}
        for name in self._personal:
            value = data[name]
            if value is None or value is REDACTED:
                data[name] = None
                continue
            if cipher is None:
                raise Rejected("subject.erased", type=self.topic)
            place = _place(tenant_id, event.originator_id, event_id, name)
            data[name] = cipher.seal(msgspec.json.encode(value), place)
        return msgspec.json.encode(data)

    def decode(self, stored: StoredEvent, cipher: Cipher | None) -> Event:
        """The event as it was recorded; personal fields are REDACTED where there is no cipher."""
        raw = stored.data
        if stored.schema_version != self.version:
            raw = self._upcast(stored)
        data = self._decoder.decode(raw)
        values = {name: getattr(data, name) for name in self.names}
        for name, decoder in self._personal.items():
            sealed = values[name]
            if sealed is None:
                continue
            if cipher is None:
                values[name] = REDACTED
            else:
                place = _place(stored.tenant_id, stored.stream_id, stored.event_id, name)
                values[name] = decoder.decode(cipher.open(sealed, place))
        values["originator_id"] = stored.stream_id
        values["originator_version"] = stored.version
        values["timestamp"] = stored.happened_at
        if self._is_created:
            values["originator_topic"] = stored.stream_type
        # Its values were checked when it was recorded: no second pass through a slow __init__.
        event = object.__new__(self.event_class)
        event.__dict__.update(values)
        return event

    def _upcast(self, stored: StoredEvent) -> bytes:
        """Older data, step by step through the class's `upcast_vN_vM` (the library's names)."""
        if stored.schema_version > self.version:
            raise SetupError(
                "ledger.newer_schema",
                "a newer release recorded this event; install that release or a later one",
                type=stored.type,
                schema_version=stored.schema_version,
            )
        state: dict[str, Any] = msgspec.json.decode(stored.data)
        for version in range(stored.schema_version, self.version):
            getattr(self.event_class, f"upcast_v{version}_v{version + 1}")(state)
        return msgspec.json.encode(state)


def _place(tenant_id: UUID, stream_id: UUID, event_id: UUID, field: str) -> bytes:
    return tenant_id.bytes + stream_id.bytes + event_id.bytes + field.encode()


def _is_personal(of: Any) -> bool:
    return get_origin(of) is Annotated and any(
        isinstance(mark, Personal) for mark in of.__metadata__
    )


def _without_redacted(of: Any) -> Any:
    inner = get_args(of)[0]
    if get_origin(inner) not in (Union, UnionType):
        return inner
    kept = tuple(part for part in get_args(inner) if part is not Redacted)
    return Union[kept]  # noqa: UP007 - built from a tuple
