"""AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce in front of each ciphertext."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crm_core.kernel.errors import SetupError

__all__ = ["KEY_BYTES", "Cipher", "Sealing", "new_key", "sealing_under"]

KEY_BYTES = 32
_NONCE_BYTES = 12


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


class Sealing(Protocol):
    """Seals and opens for a place."""

    def seal(self, plaintext: bytes, place: bytes) -> bytes: ...

    def open(self, sealed: bytes, place: bytes) -> bytes: ...


class Cipher:
    """Seals and opens with one key. What is sealed for one place opens at no other place."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, plaintext: bytes, place: bytes) -> bytes:
        """Nonce, ciphertext and tag; `place` is authenticated but not stored."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plaintext, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
        except InvalidTag:
            raise SetupError(
                "privacy.cannot_open",
                "the stored data was changed, or the root key is not the one it was sealed under",
            ) from None


def sealing_under(subject_ids: Sequence[UUID], ciphers: Mapping[UUID, Cipher]) -> Sealing | None:
    """What seals under the keys of all these subjects, so that it goes with any of them.

    None where one of them has no key (any more), and where there are no subjects.
    """
    if len(subject_ids) == 1:
        return ciphers.get(subject_ids[0])
    found = [ciphers[subject] for subject in subject_ids if subject in ciphers]
    if not found or len(found) < len(subject_ids):
        return None
    return _Nested(found)


class _Nested:
    """One inside the other, the first one innermost."""

    __slots__ = ("_ciphers",)

    def __init__(self, ciphers: Sequence[Cipher]) -> None:
        self._ciphers = ciphers

    def seal(self, plaintext: bytes, place: bytes) -> bytes:
        for cipher in self._ciphers:
            plaintext = cipher.seal(plaintext, place)
        return plaintext

    def open(self, sealed: bytes, place: bytes) -> bytes:
        for cipher in reversed(self._ciphers):
            sealed = cipher.open(sealed, place)
        return sealed
