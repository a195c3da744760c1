"""Secrets that are made here and shown once: API keys, and the refresh tokens of sessions.

A key is `crmk_<id>_<secret>`, 256 random bits; only the SHA-256 of the secret is recorded. A
session's refresh token is `<id>.<secret>`, kept in the same way, and good once.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple
from uuid import UUID

__all__ = [
    "Made",
    "is_key",
    "made_key",
    "made_refresh_token",
    "parsed_key",
    "parsed_refresh_token",
]

_KEY = "crmk_"
_LENGTH_MAX = 200


class Made(NamedTuple):
    """A secret that is shown once, and the digest that is kept of it."""

    secret: str
    digest: str


def made_key(key_id: UUID) -> Made:
    secret = secrets.token_urlsafe(32)
    return Made(f"{_KEY}{key_id.hex}_{secret}", _digest(secret))


def made_refresh_token(session_id: UUID) -> Made:
    secret = secrets.token_urlsafe(32)
    return Made(f"{session_id.hex}.{secret}", _digest(secret))


def is_key(credential: str) -> bool:
    """Whether it looks like one."""
    return credential.startswith(_KEY)


def parsed_key(credential: str) -> tuple[UUID, str] | None:
    """The key's id and the digest of its secret; None where it is no key."""
    return _parted(credential.removeprefix(_KEY), "_")


def parsed_refresh_token(token: str) -> tuple[UUID, str] | None:
    """The session and the digest of the secret; None where it is no refresh token."""
    return _parted(token, ".")


def _parted(text: str, glue: str) -> tuple[UUID, str] | None:
    name, found, secret = text.partition(glue)
    if not found or len(text) > _LENGTH_MAX:
        return None
    try:
        return UUID(hex=name), _digest(secret)
    except ValueError:
        return None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
