"""Typed events to stored bytes and back: msgspec JSON, with personal fields sealed one by one.

A personal field is stored as the base64 of what AES-256-GCM made of its JSON, under the key of the
event's subject, bound to tenant, stream, event and field, so that nothing sealed here opens
elsewhere (docs/decisions/0003-a-sealed-field-is-bound-to-its-event.md).

Stored bytes are never rewritten. A class whose form has changed raises its `class_version` and
says how the form before becomes this one; old events go through every step on their way out:

    class CustomerRenamed(Event):
        TOPIC = "customers.customer.renamed"
        class_version = 2
        full_name: Annotated[str | Redacted, Personal(sealed_as="name")]

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["full_name"] = state.pop("name")

`state` is the stored JSON. What is sealed in it is base64 there and stays so: a step may carry it
to another name (which then says what it was `sealed_as`) or drop it, and never needs a key. So the
type of a personal field may only grow by parts with defaults; what needs more is a new field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Any, TypedDict, Union, get_args, get_origin
from uuid import UUID

import msgspec

from crm_core.kernel.errors import Rejected, SetupError
from crm_core.kernel.events import (
    EVENT_CLASSES,
    REDACTED,
    Created,
    Event,
    Redacted,
    own_fields,
    personal_mark,
)
from crm_core.kernel.messages import invalid
from crm_core.ledger.records import StoredEvent
from crm_core.privacy.cipher import Sealing

__all__ = ["EventForm", "form_of", "resolve"]


def resolve(stored: StoredEvent) -> EventForm:
    """The form of the class that this event was recorded as."""
    event_class = EVENT_CLASSES.get(stored.type)
    if event_class is None:
        module = stored.type.partition(".")[0]
        raise SetupError(
            "ledger.unknown_type",
            f"install or switch on the module `{module}` that records this type",
            module=module,
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
        self._upcasts = [_upcast_of(event_class, since) for since in range(1, self.version)]
        fields = own_fields(event_class)
        self.names = tuple(fields)
        self._personal = {
            name: (mark.sealed_as or name, msgspec.json.Decoder(_without_redacted(of)))
            for name, of in fields.items()
            if (mark := personal_mark(of)) is not None
        }
        _require_apart([sealed_as for sealed_as, _ in self._personal.values()], event_class)
        stored = [
            (name, bytes | None if name in self._personal else of) for name, of in fields.items()
        ]
        as_dict: Any = TypedDict  # made at run time, which its type does not foresee
        self._decoder = msgspec.json.Decoder(as_dict(event_class.__name__, dict(stored)))
        self.is_personal = bool(self._personal)
        self._is_created = issubclass(event_class, Created)

    def encode(
        self, event: Event, event_id: UUID, tenant_id: UUID, cipher: Sealing | None
    ) -> bytes:
        """The bytes to store. Raises Rejected `subject.erased` where there is something personal
        and no cipher for it: nothing personal can be recorded about who was erased.
        """
        data = {name: getattr(event, name) for name in self.names}
        for name, (sealed_as, _) in self._personal.items():
            value = data[name]
            if value is None or value is REDACTED:
                data[name] = None
                continue
            if cipher is None:
                raise Rejected("subject.erased", type=self.topic)
            place = _place(tenant_id, event.originator_id, event_id, sealed_as)
            data[name] = cipher.seal(msgspec.json.encode(value), place)
        return msgspec.json.encode(data)

    def decode(self, stored: StoredEvent, cipher: Sealing | None) -> Event:
        """The event as it was recorded; personal fields are REDACTED where there is no cipher.

        Raises SetupError `ledger.newer_schema`, `ledger.upcast_failed`, `ledger.misread`, and
        `privacy.cannot_open`.
        """
        raw = stored.data
        if stored.schema_version != self.version:
            raw = self._upcast(stored)
        try:
            values: dict[str, Any] = self._decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise _misread(stored, invalid(error, "data").path) from None
        for name, (sealed_as, decoder) in self._personal.items():
            sealed = values[name]
            if sealed is None:
                continue
            if cipher is None:
                values[name] = REDACTED
                continue
            place = _place(stored.tenant_id, stored.stream_id, stored.event_id, sealed_as)
            try:
                values[name] = decoder.decode(cipher.open(sealed, place))
            except msgspec.ValidationError:  # its text could say what was in there
                raise _misread(stored, name) from None
        values["originator_id"] = stored.stream_id
        values["originator_version"] = stored.version
        values["timestamp"] = stored.happened_at
        if self._is_created:
            values["originator_topic"] = stored.stream_type
        # Its values were checked when it was recorded: no second pass through a slow __init__.
        event = object.__new__(self.event_class)
        object.__setattr__(event, "__dict__", values)
        return event

    def _upcast(self, stored: StoredEvent) -> bytes:
        """Older data as the present form has it, step by step."""
        if stored.schema_version > self.version:
            raise SetupError(
                "ledger.newer_schema",
                "a newer release recorded this event; install that release or a later one",
                type=stored.type,
                schema_version=stored.schema_version,
            )
        state: dict[str, Any] = msgspec.json.decode(stored.data)
        for since in range(stored.schema_version, self.version):
            try:
                self._upcasts[since - 1](state)
            except Exception as error:
                # The type of the error only: its text could hold data of the event.
                raise SetupError(
                    "ledger.upcast_failed",
                    "mend the upcaster that failed; what is stored is as it was",
                    type=stored.type,
                    position=stored.position,
                    schema_version=stored.schema_version,
                    upcaster=_upcaster_name(since),
                    error=type(error).__name__,
                ) from error
        return msgspec.json.encode(state)


def _upcaster_name(since: int) -> str:
    return f"upcast_v{since}_v{since + 1}"  # as the library calls it


def _upcast_of(event_class: type[Event], since: int) -> Callable[[dict[str, Any]], None]:
    """The step to the next version; a version that was released is never without one."""
    upcast: Callable[[dict[str, Any]], None] | None = getattr(
        event_class, _upcaster_name(since), None
    )
    if upcast is None:
        raise SetupError(
            "ledger.no_upcaster",
            "give the class its upcaster back: events of that version may be stored",
            type=event_class.TOPIC,
            upcaster=_upcaster_name(since),
        )
    return upcast


def _misread(stored: StoredEvent, field: str) -> SetupError:
    return SetupError(
        "ledger.misread",
        "the class of this event was changed without a new version; restore its form, or raise its"
        " `class_version` and say how the old form becomes the new one",
        type=stored.type,
        position=stored.position,
        schema_version=stored.schema_version,
        field=field,
    )


def _require_apart(sealed_as: list[str], event_class: type[Event]) -> None:
    """Two fields sealed for one place could change places in the stored bytes, unseen."""
    twice = [name for name, times in Counter(sealed_as).items() if times > 1]
    assert not twice, f"two fields of {event_class.__name__} are sealed as {twice}"


def _place(tenant_id: UUID, stream_id: UUID, event_id: UUID, field: str) -> bytes:
    ids = tenant_id.int << 256 | stream_id.int << 128 | event_id.int
    return ids.to_bytes(48, "big") + field.encode()


def _without_redacted(of: Any) -> Any:
    inner = get_args(of)[0]
    if get_origin(inner) not in (Union, UnionType):
        return inner
    kept = tuple(part for part in get_args(inner) if part is not Redacted)
    return Union[kept]  # noqa: UP007 - built from a tuple
