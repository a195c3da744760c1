"""Copies of keys come to an end: a label beside each says when, so that it is found wherever it is.

    monday.keys          the wrapped keys, of a backup or beside an export
    monday.keys.label    until when they may be used, and as what copy the ledger knows them

Who finds a label beside no file finds what was broken off.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import msgspec

from crm_core.backup.manifest import digest_of_file
from crm_core.crm import Crm
from crm_core.kernel.errors import NotFound, Rejected, SetupError
from crm_core.kernel.messages import SYSTEM
from crm_core.privacy import RecordDisclosureDestroyed

__all__ = ["Checked", "KeyLabel", "Verdict", "key_dumps", "prune"]

FORMAT = "crm-keys/v1"
_SUFFIX = ".label"


class KeyLabel(msgspec.Struct, frozen=True, kw_only=True):
    """`digest`: SHA-256 (hex) of the dump. `disclosure_id`: the copy, in the ledger of the tenant
    and of those whose keys are in it `also`.
    """

    expires_at: datetime
    digest: str
    tenant_id: UUID
    disclosure_id: UUID
    also: tuple[UUID, ...] = ()
    format: str = FORMAT

    @property
    def tenant_ids(self) -> tuple[UUID, ...]:
        return (self.tenant_id, *self.also)

    def write(self, dump: Path) -> None:
        raw = msgspec.json.format(msgspec.json.encode(self))
        _label_of(dump).write_bytes(raw + b"\n")

    @classmethod
    def read(cls, dump: Path) -> KeyLabel | None:
        """None where there is none. Raises SetupError `backup.label_broken`."""
        path = _label_of(dump)
        try:
            label = msgspec.json.decode(path.read_bytes(), type=cls)
            if label.format != FORMAT:
                raise msgspec.ValidationError
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise SetupError(
                "backup.label_broken",
                "bring the label back, or destroy the key dump beside it by hand",
                file=str(path),
            ) from None
        return label


class Verdict(StrEnum):
    KEPT = "kept"
    DESTROYED = "destroyed"
    UNRECORDED = "destroyed; a ledger knows of no such copy"  # one that was restored, perhaps
    CHANGED = "left: it is not the file that was written"
    OTHER_TENANT = "left: of another tenant; set CRM_TENANT"


class Checked(msgspec.Struct, frozen=True):
    """A key dump, with what was done about it."""

    dump: Path
    label: KeyLabel
    verdict: Verdict


def key_dumps(folder: Path) -> Iterator[tuple[Path, KeyLabel]]:
    """Those in a folder and below it, by path. Raises SetupError `backup.label_broken`."""
    for path in sorted(folder.rglob(f"*{_SUFFIX}")):
        dump = path.with_name(path.name.removesuffix(_SUFFIX))
        label = KeyLabel.read(dump)
        if label is not None:
            yield dump, label


async def prune(crm: Crm, folder: Path) -> AsyncIterator[Checked]:
    """Destroys the key dumps of the tenant that are past their time, and records it for each, in
    the ledgers of all whose keys are in it.

    One that was broken off is finished: the label goes last. Raises what `key_dumps` raises.
    """
    now = crm.store.ledger.clock.now()
    for dump, label in key_dumps(folder):
        verdict = _verdict(crm, dump, label, now)
        if verdict is Verdict.DESTROYED:
            dump.unlink(missing_ok=True)
            verdict = await _recorded(crm, label)
            _label_of(dump).unlink()
        yield Checked(dump, label, verdict)


def _verdict(crm: Crm, dump: Path, label: KeyLabel, now: datetime) -> Verdict:
    if now <= label.expires_at:
        return Verdict.KEPT
    if crm.tenant_id not in label.tenant_ids:
        return Verdict.OTHER_TENANT
    if dump.exists() and digest_of_file(dump) != label.digest:
        return Verdict.CHANGED
    return Verdict.DESTROYED


async def _recorded(crm: Crm, label: KeyLabel) -> Verdict:
    verdict = Verdict.DESTROYED
    for tenant_id in label.tenant_ids:
        gone = RecordDisclosureDestroyed(disclosure_id=label.disclosure_id)
        try:
            await crm.of_tenant(tenant_id).execute(gone, SYSTEM)
        except NotFound:
            verdict = Verdict.UNRECORDED
        except Rejected as refusal:  # of a second copy of the same dump, or of one broken off
            if refusal.code != "disclosure.already_destroyed":
                raise
    return verdict


def _label_of(dump: Path) -> Path:
    return dump.with_name(dump.name + _SUFFIX)
