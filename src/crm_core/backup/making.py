"""Taking a backup: both dumps and the roots are of one moment."""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from crm_core.audit.log import AuditLog
from crm_core.backup.key_dumps import KeyLabel
from crm_core.backup.manifest import KEYS, LOG, BackupManifest, TenantMark, digest_of_file
from crm_core.backup.tools import dump
from crm_core.crm import Crm
from crm_core.kernel.errors import SetupError
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import SYSTEM
from crm_core.ledger.postgres.connections import unreachable
from crm_core.privacy import DisclosureKind, RecordDisclosure

__all__ = ["KEYS_DAYS", "back_up"]

KEYS_DAYS = 30  # how long, unless somebody says otherwise, a destroyed key may come back

# Read models are computed again and stored states are taken again; the register is the schema's.
_LOG = (
    "--exclude-schema=vault", "--exclude-schema=read_model", "--exclude-table=crm_migration",
    "--exclude-table-data=ledger.snapshot",
)  # fmt: skip
_KEYS = ("--schema=vault",)


async def back_up(
    url: str,
    folder: Path,
    crm: Crm,
    audit: AuditLog,
    *,
    keys_file: Path | None = None,
    keys_days: int,
) -> BackupManifest:
    """Dumps the log into the folder, and the keys there or where `keys_file` says.

    That keys leave is recorded before they do, in the ledger of each tenant that has any. Nobody
    waits for it. `crm` works for every tenant. Raises SetupError `backup.exists`,
    `backup.tool_failed`.
    """
    keys_file = keys_file or folder / KEYS
    _make_places(folder, keys_file)
    copy_id = new_id()
    told = {crm.tenant_id, *await crm.store.keyring.store.tenants()}
    await _record_leaving(crm, told, copy_id)
    tenants = await audit.ledger.heads()
    notes = {tenant_id: await _signed(audit, tenant_id) for tenant_id in tenants}
    made_at = datetime.now(UTC)
    try:
        connection = await psycopg.AsyncConnection.connect(url)
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
    async with connection:
        await connection.execute("set transaction isolation level repeatable read, read only")
        ((snapshot,),) = await _fetch(connection, "select pg_export_snapshot()")
        heads = await _fetch(connection, "select tenant_id, position from ledger.head")
        migrations = await _fetch(connection, "select name from crm_migration order by name")
        with_keys = await _fetch(connection, "select tenant_id from vault.tenant_key")
        new = {tenant_id for (tenant_id,) in with_keys} - told  # since they were told
        await _record_leaving(crm, new, copy_id)
        await dump(url, folder / LOG, snapshot, *_LOG)
        await dump(url, keys_file, snapshot, *_KEYS)
    manifest = BackupManifest(
        made_at=made_at,
        keys_expire_at=made_at + timedelta(days=keys_days),
        migrations=[name for (name,) in migrations],
        tenants={
            tenant_id: TenantMark(
                position, await _root(audit, tenant_id, position), notes.get(tenant_id)
            )
            for tenant_id, position in heads
            if position
        },
        files={LOG: digest_of_file(folder / LOG), KEYS: digest_of_file(keys_file)},
    )
    manifest.write(folder)
    KeyLabel(
        expires_at=manifest.keys_expire_at,
        digest=manifest.files[KEYS],
        tenant_id=crm.tenant_id,
        disclosure_id=copy_id,
        also=tuple(sorted((told | new) - {crm.tenant_id})),
    ).write(keys_file)
    return manifest


async def _record_leaving(crm: Crm, tenant_ids: Set[UUID], copy_id: UUID) -> None:
    """All of them know the copy by the same id."""
    for tenant_id in sorted(tenant_ids):
        its = crm.of_tenant(tenant_id)
        leaving = RecordDisclosure(
            disclosure_id=copy_id, kind=DisclosureKind.KEY_COPY, up_to=await its.position()
        )
        await its.execute(leaving, SYSTEM)


def _make_places(folder: Path, keys_file: Path) -> None:
    if keys_file.exists() or (folder.exists() and any(folder.iterdir())):
        raise SetupError("backup.exists", "name a folder that is not there yet", folder=str(folder))
    for made in (folder, keys_file.parent):
        made.mkdir(mode=0o700, parents=True, exist_ok=True)


async def _signed(audit: AuditLog, tenant_id: UUID) -> str | None:
    """The note over what there is now: no longer than what the dump will hold."""
    await audit.integrate(tenant_id)
    return (await audit.sign(tenant_id)).note if audit.signs else None


async def _root(audit: AuditLog, tenant_id: UUID, position: int) -> str:
    await audit.integrate(tenant_id)
    return (await audit.consistency(tenant_id, 0, position)).new_root.hex()


async def _fetch(
    connection: psycopg.AsyncConnection[tuple[Any, ...]], statement: LiteralString
) -> list[tuple[Any, ...]]:
    return await (await connection.execute(statement)).fetchall()
