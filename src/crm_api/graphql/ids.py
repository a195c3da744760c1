"""Global ids: opaque to clients, the type and the id inside."""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple
from uuid import UUID

import strawberry

from crm_api.graphql.errors import ErrorCode, Refused

__all__ = ["GlobalId", "global_id", "parsed", "required_uuid", "uuid_of"]

_WRITTEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_LENGTH_MAX = 200


class GlobalId(NamedTuple):
    """`key` is a UUID in text, or a position for an event."""

    type_name: str
    key: str


def global_id(type_name: str, key: UUID | int) -> strawberry.ID:
    """Base64url of `Type:key`, without padding."""
    raw = f"{type_name}:{key}".encode()
    return strawberry.ID(base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


def parsed(text: str) -> GlobalId | None:
    """What a global id stands for, or None where it is none."""
    if len(text) > _LENGTH_MAX:
        return None
    try:
        raw = base64.b64decode((text + "=" * (-len(text) % 4)).encode("ascii"), b"-_", True)
        type_name, separator, key = raw.decode("ascii").partition(":")
    except (binascii.Error, UnicodeError, ValueError):
        return None
    return GlobalId(type_name, key) if separator else None


def uuid_of(text: str, type_name: str | None = None) -> UUID | None:
    """The record that an argument names: by a global id, of this type if one is given, or by a
    bare UUID. None where it is neither.
    """
    if _WRITTEN.fullmatch(text):
        return UUID(text)
    found = parsed(text)
    if found is None or not _WRITTEN.fullmatch(found.key):
        return None
    if type_name is not None and found.type_name != type_name:
        return None
    return UUID(found.key)


def required_uuid(text: str, type_name: str | None = None) -> UUID:
    """The same, where it must be one. Raises Refused `id.malformed`."""
    found = uuid_of(text, type_name)
    if found is None:
        raise Refused(ErrorCode.BAD_ID, "id.malformed")
    return found
