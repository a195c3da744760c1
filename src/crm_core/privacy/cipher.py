"""AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce in front of each ciphertext."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crm_core.kernel.errors import SetupError

__all__ = ["KEY_BYTES", "Cipher", "new_key"]

KEY_BYTES = 32
_NONCE_BYTES = 12


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


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
