"""What a backup says of itself."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec

from crm_core.kernel.errors import SetupError

__all__ = ["FORMAT", "KEYS", "LOG", "MANIFEST", "BackupManifest", "TenantMark", "digest_of_file"]

FORMAT = "crm-backup/v1"
LOG, KEYS, MANIFEST = "log.dump", "keys.dump", "manifest.json"


class TenantMark(msgspec.Struct, frozen=True):
    """How far a tenant's ledger goes, and its Merkle root (hex) there. `checkpoint`: the last note
    that was signed by then; None where nothing is signed.
    """

    position: int
    root: str
    checkpoint: str | None


class BackupManifest(msgspec.Struct, frozen=True):
    """`files`: SHA-256 (hex) of each dump. `migrations`: the schema that it was taken from."""

    made_at: datetime
    keys_expire_at: datetime
    migrations: list[str]
    tenants: dict[UUID, TenantMark]
    files: dict[str, str]
    format: str = FORMAT

    def write(self, folder: Path) -> None:
        raw = msgspec.json.format(msgspec.json.encode(self))
        (folder / MANIFEST).write_bytes(raw + b"\n")

    @classmethod
    def read(cls, folder: Path) -> BackupManifest:
        """Raises SetupError `backup.no_backup` or `backup.manifest_broken`."""
        try:
            raw = (folder / MANIFEST).read_bytes()
        except OSError as error:
            raise SetupError(
                "backup.no_backup", "name the folder that `crm backup` made", folder=str(folder)
            ) from error
        try:
            manifest = msgspec.json.decode(raw, type=cls)
            if manifest.format != FORMAT:
                raise msgspec.ValidationError
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise SetupError(
                "backup.manifest_broken", "take another backup; this manifest is not of the form"
            ) from None
        return manifest


def digest_of_file(path: Path) -> str:
    """SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
