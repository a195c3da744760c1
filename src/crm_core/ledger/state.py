"""The state of an aggregate as bytes and back, typed by what its class declares."""

from __future__ import annotations

import hashlib
import inspect
import secrets
import sys
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import msgspec

from crm_core.kernel.aggregate import Aggregate, state_parts
from crm_core.kernel.errors import SetupError
from crm_core.kernel.events import EVENT_CLASSES

__all__ = ["StateForm", "state_form_of"]

# What every aggregate has beside its state; the moment of a decision (`_at`) is over with it.
_BESIDE = frozenset({"_id", "_version", "_created_on", "_modified_on", "_pending_events", "_at"})


@cache
def state_form_of(aggregate_class: type[Aggregate]) -> StateForm:
    return StateForm(aggregate_class)


class StateForm:
    """How the state of one aggregate class is stored: MessagePack, by the order of its parts.

    No form outlives its class: what was stored under another `fingerprint` is not read.
    """

    def __init__(self, aggregate_class: type[Aggregate]) -> None:
        parts = state_parts(aggregate_class)
        self._class = aggregate_class
        self._names = tuple(parts)
        self._state = msgspec.defstruct(
            aggregate_class.__name__,
            [("created_on", datetime), ("modified_on", datetime), *parts.items()],
            array_like=True,
        )
        self._decoder = msgspec.msgpack.Decoder(self._state)
        self.fingerprint = _fingerprint(aggregate_class, self._state)

    def encode(self, aggregate: Aggregate) -> bytes:
        """Raises SetupError `snapshot.undeclared_state` where a part would be forgotten."""
        undeclared = vars(aggregate).keys() - _BESIDE - set(self._names)
        if undeclared:
            raise SetupError(
                "snapshot.undeclared_state",
                "declare these parts in the body of the class, with type and default",
                kind=self._class.TOPIC,
                parts=sorted(undeclared),
            )
        values = (getattr(aggregate, name) for name in self._names)
        return msgspec.msgpack.encode(
            self._state(aggregate.created_on, aggregate.modified_on, *values)
        )

    def decode(self, state: bytes, record_id: UUID, version: int) -> Aggregate:
        """The aggregate as it was. Raises msgspec.DecodeError where these bytes are no state."""
        read: Any = self._decoder.decode(state)
        aggregate = self._class.__new__(self._class)
        aggregate.__base_init__(record_id, version, read.created_on)
        aggregate.modified_on = read.modified_on
        for name in self._names:
            setattr(aggregate, name, getattr(read, name))
        return aggregate


def _fingerprint(aggregate_class: type[Aggregate], state: type[msgspec.Struct]) -> bytes:
    """Differs wherever the same events could make another state, or the same bytes another one.

    That is decided by the types of the state, and by the text of the modules that fold: those of
    the aggregate and of its events, upcasters included. A changed comment costs a few snapshots; a
    changed `when` that went unnoticed would cost the truth.
    """
    folding = [kind for kind in aggregate_class.__mro__ if issubclass(kind, Aggregate)]
    facts = [kind for topic, kind in EVENT_CLASSES.items() if _is_of(topic, aggregate_class)]
    modules = sorted({kind.__module__ for kind in (*folding, *facts)})
    schema = msgspec.json.encode(msgspec.json.schema(state), order="sorted")
    return hashlib.sha256(b"\x00".join((schema, *map(_text_of, modules)))).digest()


def _text_of(module: str) -> bytes:
    """Something that no other process has, where the text cannot be read, as in a notebook."""
    try:
        return inspect.getsource(sys.modules[module]).encode()
    except (KeyError, OSError, TypeError):
        return secrets.token_bytes(32)


def _is_of(topic: str, aggregate_class: type[Aggregate]) -> bool:
    return topic.rpartition(".")[0] == aggregate_class.TOPIC
