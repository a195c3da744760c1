"""Passwords as argon2id hashes (RFC 9106), with the RFC's parameters for little memory."""

from __future__ import annotations

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerifyMismatchError

__all__ = ["hash_of", "is_right"]

_HASHER = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
_DECOY = _HASHER.hash("a password that nobody has")


def hash_of(password: str) -> str:
    return _HASHER.hash(password)


def is_right(password: str, password_hash: str | None) -> bool:
    """Takes as long for an unknown user (None) as for a known one, so that timing tells nothing."""
    try:
        _HASHER.verify(password_hash or _DECOY, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return password_hash is not None
