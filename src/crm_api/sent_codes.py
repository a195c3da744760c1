"""Codes that are sent to a user's address, by whatever the embedder sends with.

A code has eight digits of the system's generator, and is good for ten minutes, for one user, one
purpose and one taking (OWASP ASVS 5.0, 6.5 and 6.6). Of it there is a keyed digest in what the
client keeps, sealed, and nothing anywhere else.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import UUID

import msgspec

from crm_api.kept import Kept, NotKept
from crm_core import Clock, new_id

__all__ = [
    "CODE_MINUTES",
    "CodePurpose",
    "CodeRefused",
    "CodeSender",
    "NotSent",
    "Sending",
    "SentCodes",
    "SpooledCodes",
]

CODE_MINUTES = 10
_DIGITS = 8
_SENDING_SECONDS_MAX = 10.0


class CodePurpose(StrEnum):
    SIGN_IN = "SIGN_IN"
    TURN_ON = "TURN_ON"  # to see that the address is reached, before codes are asked for


class CodeSender(Protocol):
    """What an embedder gives, such as one that hands an e-mail to a service."""

    async def send(self, address: str, code: str, purpose: CodePurpose) -> None:
        """Returns once the code is on its way to the user's address. Raises NotSent.

        It takes at most ten seconds, and logs neither.
        """


class NotSent(Exception):
    """The code is not on its way."""


class SpooledCodes:
    """For development: each code is a file in a folder, which only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, address: str, code: str, purpose: CodePurpose) -> None:
        await asyncio.to_thread(self._write, f"{purpose} {address} {code}\n")

    def _write(self, line: str) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(self._folder / f"{new_id()}.txt", flags, 0o600), "w") as file:
                file.write(line)
        except OSError as error:
            raise NotSent from error


class CodeRefused(Exception):
    """The code proves nothing; `cause` is a word for the log."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Sending(msgspec.Struct, frozen=True):
    """A code that was sent: what the client keeps of it. Its taking is recorded under its id."""

    id: UUID
    user_id: UUID
    purpose: CodePurpose
    digest: bytes

    def __repr__(self) -> str:
        return f"Sending({self.id})"


class SentCodes:
    """`secret` is the server's own, from which the keys are made."""

    def __init__(self, sender: CodeSender, secret: bytes, clock: Clock) -> None:
        self._sender = sender
        self._key = hmac.digest(secret, b"crm-api sent codes", hashlib.sha256)
        self._flows = Kept(Sending, "crm-api sent code", secret, clock, minutes=CODE_MINUTES)

    async def send(self, user_id: UUID, address: str, purpose: CodePurpose) -> str:
        """What the client keeps. Raises NotSent."""
        code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"
        sending_id = new_id()
        sending = Sending(sending_id, user_id, purpose, self._digest(sending_id, code))
        try:
            async with asyncio.timeout(_SENDING_SECONDS_MAX):
                await self._sender.send(address, code, purpose)
        except TimeoutError:
            raise NotSent from None
        return self._flows.seal(sending)

    def opened(self, flow: str, purpose: CodePurpose) -> Sending:
        """Which code is to come, so that attempts can be counted. Raises CodeRefused."""
        try:
            sending = self._flows.open(flow)
        except NotKept as lost:
            raise CodeRefused(lost.cause) from None
        if sending.purpose is not purpose:
            raise CodeRefused("another purpose")
        return sending

    def is_right(self, sending: Sending, code: str) -> bool:
        return hmac.compare_digest(sending.digest, self._digest(sending.id, code.strip()))

    def _digest(self, sending_id: UUID, code: str) -> bytes:
        said = sending_id.bytes + code.encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, said, hashlib.sha256)
