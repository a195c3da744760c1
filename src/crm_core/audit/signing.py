"""Signing checkpoints, and never one that contradicts what was signed before.

A checkpoint is a C2SP signed note (c2sp.org/signed-note, c2sp.org/tlog-checkpoint). The signer
remembers the last one of each log in a file beside its key, outside the database: a database that
was rolled back or forked cannot make it forget.
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crm_core.audit.crm_verify import Checkpoint, Finding, VerifierKey
from crm_core.kernel.errors import Rejected, SetupError

__all__ = ["AuditKeys", "Memory", "checkpoint_text", "made_key_file", "new_key_line"]

_SEED_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class AuditKeys:
    """The keys of a log: the first signs, others too during a change-over; retired ones do not."""

    signing: tuple[Ed25519PrivateKey, ...]
    retired: tuple[bytes, ...] = ()

    @classmethod
    def parse(cls, text: str) -> AuditKeys:
        """One key a line: `ed25519 <base64 seed>`, or `retired <base64 public key>`.

        Raises SetupError `audit_key.wrong_shape`.
        """
        signing, retired = [], []
        lines = [line.strip() for line in text.splitlines()]
        for line in (line for line in lines if line and not line.startswith("#")):
            kind, _, encoded = line.partition(" ")
            raw = _decoded(encoded)
            if kind == "ed25519":
                signing.append(Ed25519PrivateKey.from_private_bytes(raw))
            elif kind == "retired":
                retired.append(raw)
            else:
                raise _wrong_shape()
        if not signing:
            raise _wrong_shape()
        return cls(tuple(signing), tuple(retired))

    @classmethod
    def read(cls, path: Path) -> AuditKeys:
        """Raises SetupError `audit_key.unreadable` or `audit_key.wrong_shape`."""
        try:
            return cls.parse(path.read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise SetupError(
                "audit_key.unreadable", f"make {path} readable for this user"
            ) from error

    def verifiers(self, origin: str) -> list[VerifierKey]:
        """The public keys of a log, those that sign first."""
        public = [key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
                  for key in self.signing]  # fmt: skip
        return [VerifierKey(origin, raw) for raw in (*public, *self.retired)]

    def signed(self, origin: str, text: str) -> str:
        """The note: the text, and a signature by every key that signs."""
        lines = [
            f"— {origin} " + base64.b64encode(verifier.id + key.sign(text.encode())).decode()
            for key, verifier in zip(self.signing, self.verifiers(origin), strict=False)
        ]
        return "\n".join([text, *lines, ""])


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """What is signed: origin, size and root, a line each."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def new_key_line() -> str:
    return "ed25519 " + base64.b64encode(secrets.token_bytes(_SEED_BYTES)).decode()


def made_key_file(path: Path) -> AuditKeys:
    """The keys in the file; with none there, one is made that only its owner can read."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return AuditKeys.read(path)
    with os.fdopen(handle, "w") as file:
        file.write(new_key_line() + "\n")
    return AuditKeys.read(path)


class Memory:
    """The last checkpoint that was signed for each log, in a folder outside the database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @asynccontextmanager
    async def held(self, origin: str) -> AsyncIterator[Path]:
        """The log's file, while nobody else on this machine signs for the log."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / hashlib.sha256(origin.encode()).hexdigest()[:32]
        # In a thread: another signer of this process would wait for ever in the loop.
        lock = await asyncio.to_thread(_locked, path.with_suffix(".lock"))
        try:
            yield path.with_suffix(".checkpoint")
        finally:
            os.close(lock)

    @staticmethod
    def last(path: Path, keys: list[VerifierKey]) -> Checkpoint | None:
        """What was signed last. Raises Rejected `audit.memory_broken`."""
        try:
            return Checkpoint.parse(path.read_text(), keys)
        except FileNotFoundError:
            return None
        except (Finding, UnicodeDecodeError) as error:
            raise Rejected("audit.memory_broken", file=str(path)) from error

    @staticmethod
    def remember(path: Path, note: str) -> None:
        """Stores the note for good before anybody gets to see it."""
        fresh = path.with_suffix(".new")
        with open(fresh, "w") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _locked(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _decoded(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise _wrong_shape() from None
    if len(raw) != _SEED_BYTES:
        raise _wrong_shape()
    return raw


def _wrong_shape() -> SetupError:
    return SetupError(
        "audit_key.wrong_shape",
        "write one key a line, `ed25519 <32 bytes in base64>`; `crm audit new-key` prints one",
    )
