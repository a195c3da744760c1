"""Bringing a backup back: checked before anything is written, and proved by its root after."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import psycopg

from crm_core.audit.crm_verify import Checkpoint, Finding, Frontier, VerifierKey
from crm_core.audit.record import leaf_of
from crm_core.backup.manifest import KEYS, LOG, BackupManifest, TenantMark, digest_of_file
from crm_core.backup.tools import restore
from crm_core.kernel.errors import SetupError
from crm_core.ledger.event_store import EventStore
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.postgres.migrations import all_migrations
from crm_core.privacy.keys import Keyring
from crm_core.replay import replay

__all__ = ["checked_backup", "load", "replay_until", "require_empty", "verified_roots"]

_PAGE_EVENTS = 2_000


def checked_backup(folder: Path, keys_file: Path | None, now: datetime) -> BackupManifest:
    """The manifest, once the files are those that were written and the keys may still be used.

    Raises SetupError `backup.*`.
    """
    manifest = BackupManifest.read(folder)
    if now > manifest.keys_expire_at:
        raise SetupError(
            "backup.keys_expired",
            "take a younger backup: these keys may open what was erased since",
            expired_at=manifest.keys_expire_at,
        )
    for name, path in ((LOG, folder / LOG), (KEYS, keys_file or folder / KEYS)):
        if not path.is_file():
            remedy = "give `--keys` the file" if name == KEYS else "bring the file back"
            raise SetupError("backup.file_missing", remedy, file=str(path))
        if digest_of_file(path) != manifest.files.get(name):
            raise SetupError(
                "backup.file_changed", "take another backup; this file was changed", file=name
            )
    if manifest.migrations != [migration.name for migration in all_migrations()]:
        raise SetupError(
            "backup.other_release",
            "restore with the release that took the backup, and migrate then",
            migrations=manifest.migrations,
        )
    return manifest


async def require_empty(url: str) -> None:
    """Raises SetupError `backup.target_not_empty`."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        found = await connection.execute(
            "select exists (select from ledger.event) or exists (select from ledger.head)"
        )
        if await found.fetchone() != (False,):
            raise SetupError("backup.target_not_empty", "restore into an empty database")


async def load(
    url: str, folder: Path, keys_file: Path | None, keyring: Keyring, tenants: Collection[UUID]
) -> None:
    """Both dumps into a migrated database without anything in it; the keys first.

    Raises SetupError `backup.other_root_key`; nothing stays in the database then.
    """
    await _forget_keys(url)  # whoever only asks an empty ledger makes one, and it opens nothing
    await restore(url, keys_file or folder / KEYS)
    try:
        for tenant_id in tenants:
            if (await keyring.store.all_keys(tenant_id)).tenant is not None:
                await keyring.blind(tenant_id, "restored")
    except SetupError as error:
        await _forget_keys(url)
        raise SetupError(
            "backup.other_root_key", "set CRM_ROOT_KEY_FILE to the root key of the backup"
        ) from error
    await restore(url, folder / LOG)


async def _forget_keys(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("truncate vault.tenant_key, vault.subject_key")


async def verified_roots(
    ledger: Ledger,
    marks: dict[UUID, TenantMark],
    keys: Sequence[VerifierKey],
    positions: dict[UUID, int],
) -> dict[UUID, bytes]:
    """The root of each tenant at the position that is asked for, every event hashed.

    Raises SetupError `backup.not_what_was_signed` where what lies in the database is not what the
    backup says, or not what its checkpoint was signed over: do not use that database. Without
    `keys` the checkpoint is not looked at.
    """
    roots: dict[UUID, bytes] = {}
    for tenant_id, mark in marks.items():
        wanted = [(mark.position, bytes.fromhex(mark.root))]
        signed = _checkpoint(mark, keys)
        if signed is not None:
            wanted.append((signed.size, signed.root))
        made = await _roots(ledger, tenant_id, {positions[tenant_id], *dict(wanted)})
        for position, root in wanted:
            if made.get(position) != root:
                raise SetupError(
                    "backup.not_what_was_signed",
                    "take another backup; `crm audit verify` names the first wrong position",
                    tenant=str(tenant_id), position=position,
                )  # fmt: skip
        roots[tenant_id] = made[positions[tenant_id]]
    return roots


def _checkpoint(mark: TenantMark, keys: Sequence[VerifierKey]) -> Checkpoint | None:
    if mark.checkpoint is None or not keys:
        return None
    try:
        return Checkpoint.parse(mark.checkpoint, keys)
    except Finding as finding:
        raise SetupError(
            "backup.not_signed", "give `--key` the key that you trust", finding=str(finding)
        ) from finding


async def _roots(ledger: Ledger, tenant_id: UUID, sizes: Collection[int]) -> dict[int, bytes]:
    frontier = Frontier()
    roots: dict[int, bytes] = {}
    for size in sorted(sizes):
        while frontier.size < size:
            page = await ledger.page(tenant_id, after=frontier.size, limit=_PAGE_EVENTS, up_to=size)
            if not page:
                return roots
            frontier.extend([leaf_of(event) for event in page])
        roots[size] = frontier.root()
    return roots


async def replay_until(
    source: EventStore, target: EventStore, tenant_id: UUID, position: int
) -> dict[UUID, int]:
    """Copies every tenant's events up to one's position: the others up to that moment. How far."""
    (last,) = await source.ledger.page(tenant_id, after=position - 1, limit=1, up_to=position)
    reached = {}
    for other in await source.ledger.heads():
        up_to = position if other == tenant_id else (
            await source.ledger.position_at(other, last.recorded_at)
        )  # fmt: skip
        reached[other] = await replay(source, target, other, up_to=up_to) if up_to else 0
    return reached
