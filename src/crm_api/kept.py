"""What a client keeps for us from one request to the next, so that any process can go on with it.

It is sealed for one purpose and for some minutes: whoever has it can neither read nor change it,
nor use it for anything else (docs/decisions/0030-a-sign-in-at-a-provider-is-kept-by-its-client.md).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from crm_core import Clock, SetupError
from crm_core.privacy.cipher import Cipher

__all__ = ["Kept", "NotKept"]

T = TypeVar("T", bound=msgspec.Struct)


class NotKept(Exception):
    """This was not sealed here for this purpose, or it is over; `cause` is a word for the log."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Kept(Generic[T]):
    """Seals what is `of` this type. `secret` is the server's own, from which the key is made."""

    def __init__(
        self, of: type[T], purpose: str, secret: bytes, clock: Clock, *, minutes: int
    ) -> None:
        self._place = purpose.encode()
        self._cipher = Cipher(hmac.digest(secret, self._place, hashlib.sha256))
        self._decoder = msgspec.json.Decoder(tuple[datetime, of])  # type: ignore[valid-type]
        self._clock = clock
        self._lasts = timedelta(minutes=minutes)

    def seal(self, said: T) -> str:
        plain = msgspec.json.encode((self._clock.now() + self._lasts, said))
        return base64.urlsafe_b64encode(self._cipher.seal(plain, self._place)).decode()

    def open(self, sealed: str) -> T:
        """Raises NotKept."""
        try:
            opened = self._cipher.open(base64.urlsafe_b64decode(sealed.encode()), self._place)
            until, said = self._decoder.decode(opened)
        except (ValueError, SetupError, msgspec.DecodeError):
            raise NotKept("flow") from None
        if self._clock.now() >= until:
            raise NotKept("too late")
        return said
