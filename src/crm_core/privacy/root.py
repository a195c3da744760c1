"""Root keys: what wraps the tenants' keys, kept outside of the database.

A root key may be held by this process, from a file or from the environment, or by a key management
service that wraps and unwraps for it and never gives the key away.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self

from crm_core.kernel.errors import SetupError
from crm_core.privacy.cipher import KEY_BYTES, Cipher

__all__ = ["HeldRootKeys", "KmsClient", "KmsRootKeys", "RootKeys"]


class RootKeys(Protocol):
    """Wraps under the present root key; unwraps what it or a former one has wrapped."""

    async def wrap(self, key: bytes, place: bytes) -> bytes:
        """The key, sealed for its place; it opens at no other place."""

    async def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        """Raises SetupError `privacy.cannot_open` where none of the root keys opens it."""


class HeldRootKeys:
    """Root keys in this process: the present one, and former ones until all is wrapped anew."""

    def __init__(self, keys: bytes) -> None:
        """`keys` is one key of 32 bytes, or several after each other, the present one first.

        Raises SetupError `root_key.wrong_shape`.
        """
        if not keys or len(keys) % KEY_BYTES:
            raise _wrong_shape()
        self.keys = keys
        self._ciphers = [
            Cipher(keys[start : start + KEY_BYTES]) for start in range(0, len(keys), KEY_BYTES)
        ]

    @classmethod
    def parse(cls, text: str) -> Self:
        """From base64: a key, or several with white space between, the present one first."""
        try:
            return cls(b"".join(_decoded(word) for word in text.split()))
        except binascii.Error:
            raise _wrong_shape() from None

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Raises SetupError `root_key.unreadable` as well."""
        try:
            return cls.parse(path.read_text())
        except OSError as error:
            raise SetupError(
                "root_key.unreadable", f"make {path} readable for this user", cause=error.strerror
            ) from error

    @classmethod
    def from_environment(cls, variable: str = "CRM_ROOT_KEY") -> Self:
        """Raises SetupError `root_key.missing` as well."""
        text = os.environ.get(variable)
        if text is None:
            raise SetupError("root_key.missing", f"set {variable} to 32 bytes in base64")
        return cls.parse(text)

    async def wrap(self, key: bytes, place: bytes) -> bytes:
        return self._ciphers[0].seal(key, place)

    async def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        for cipher in self._ciphers[:-1]:
            try:
                return cipher.open(wrapped, place)
            except SetupError:
                continue
        return self._ciphers[-1].open(wrapped, place)


class KmsClient(Protocol):
    """What we need of a client such as `boto3.client("kms")`: calls that wait for the answer."""

    def encrypt(
        self, *, KeyId: str, Plaintext: bytes, EncryptionContext: Mapping[str, str]
    ) -> Mapping[str, Any]: ...

    def decrypt(
        self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: Mapping[str, str]
    ) -> Mapping[str, Any]: ...


class KmsRootKeys:
    """A root key in a key management service: AWS KMS, or any that speaks its language.

    The client is yours, with its credentials and retries; it is used in threads. The service keeps
    its former keys itself; `former` are root keys of another kind, from before it was used.
    """

    def __init__(self, client: KmsClient, key_id: str, *, former: RootKeys | None = None) -> None:
        self._client = client
        self._key_id = key_id
        self._former = former

    async def wrap(self, key: bytes, place: bytes) -> bytes:
        answer = await asyncio.to_thread(
            self._client.encrypt,
            KeyId=self._key_id,
            Plaintext=key,
            EncryptionContext={"place": place.hex()},
        )
        return bytes(answer["CiphertextBlob"])

    async def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        try:
            answer = await asyncio.to_thread(
                self._client.decrypt,
                KeyId=self._key_id,
                CiphertextBlob=wrapped,
                EncryptionContext={"place": place.hex()},
            )
        except Exception as error:
            if not _is_not_its_own(error):
                raise
            if self._former is not None:
                return await self._former.unwrap(wrapped, place)
            raise SetupError(
                "privacy.cannot_open", "the key service did not wrap this; name the former root key"
            ) from error
        return bytes(answer["Plaintext"])


def _is_not_its_own(error: Exception) -> bool:
    """Whether the service says that it cannot read this, and not that it is away or refuses us."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return code in ("InvalidCiphertextException", "IncorrectKeyException")


def _decoded(word: str) -> bytes:
    key = base64.b64decode(word, validate=True)
    if len(key) != KEY_BYTES:
        raise _wrong_shape()
    return key


def _wrong_shape() -> SetupError:
    return SetupError(
        "root_key.wrong_shape", f"the root key is {KEY_BYTES} bytes, written in base64"
    )
