"""`crm backup` and `crm restore`: a database taken away, and brought back as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import psycopg
import typer
from psycopg import sql
from psycopg.conninfo import make_conninfo
from rich.console import Console

from crm_api.cli.audit import Copy, open_copy, same_records
from crm_api.cli.moments import as_of_of
from crm_api.cli.place import Place, open_audit, open_place
from crm_core import AsOf, SetupError
from crm_core.audit.crm_verify import VerifierKey
from crm_core.backup.making import KEYS_DAYS, back_up
from crm_core.backup.manifest import BackupManifest
from crm_core.backup.restoring import (
    checked_backup,
    load,
    replay_until,
    require_empty,
    verified_roots,
)
from crm_core.ledger.postgres.migrate import migrate

console = Console(highlight=False, soft_wrap=True)


def add_to(commands: typer.Typer) -> None:
    commands.command("backup")(backup)
    commands.command("restore")(restore)


def backup(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
    keys: Annotated[
        Path | None, typer.Option(help="The file for the keys; in the folder, if not given.")
    ] = None,
    keys_days: Annotated[
        int, typer.Option(help="After so many days the keys are not restored any more.", min=1)
    ] = KEYS_DAYS,
) -> None:
    """Back the database up: the log, and apart from it the wrapped keys."""
    asyncio.run(_backup(folder, keys, keys_days))


async def _backup(folder: Path, keys: Path | None, keys_days: int) -> None:
    async with (
        open_place() as place,
        await place.open_crm() as crm,
        open_audit(place, crm) as audit,
    ):
        made = await back_up(place.url, folder, crm, audit, keys_file=keys, keys_days=keys_days)
        for tenant_id, mark in made.tenants.items():
            console.print(f"{tenant_id}  positions 1 to {mark.position:,}, root {mark.root[:16]}…")
        if not audit.signs:
            console.print("Nothing is signed here, so nobody vouches for the root.")
        console.print(
            f"Keep the keys apart, until {made.keys_expire_at:%Y-%m-%d}; `crm keys prune` destroys"
            " them then."
        )


def restore(
    folder: Annotated[Path, typer.Argument(help="The folder that `crm backup` made.")],
    to: Annotated[
        str | None, typer.Option(help="A position or a time; all of it, if not given.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="The file with the keys; in the folder, if not given.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="A verifier key that you trust; ours, if not given.")
    ] = None,
) -> None:
    """Restore a backup into an empty database, and prove that it is the same ledger.

    Exits with 1 where root or read models differ.
    """
    if not asyncio.run(_restore(folder, as_of_of(to), keys, key or [])):
        raise typer.Exit(1)


async def _restore(folder: Path, to: AsOf, keys_file: Path | None, keys: list[str]) -> bool:
    manifest = checked_backup(folder, keys_file, datetime.now(UTC))
    async with open_place() as place:
        await migrate(place.url)
        await require_empty(place.url)
        async with open_copy(place) as target:
            tenant_id = target.crm.tenant_id
            last = _last(manifest, tenant_id, to)
            trusted = _trusted(place, target, keys)
            if to.time is None and to.position in (None, last):
                tenants = list(manifest.tenants)
                await load(place.url, folder, keys_file, target.crm.store.keyring, tenants)
                reached = {of: mark.position for of, mark in manifest.tenants.items()}
                await verified_roots(target.crm.store.ledger, manifest.tenants, trusted, reached)
                _say(manifest, tenant_id, last)
                return await _compared(target, target, last)
            async with _staged(place) as source:
                return await _replayed(manifest, source, target, (folder, keys_file), to, trusted)


async def _replayed(
    manifest: BackupManifest,
    source: tuple[str, Copy],
    target: Copy,
    files: tuple[Path, Path | None],
    to: AsOf,
    trusted: list[VerifierKey],
) -> bool:
    """An earlier place: all of it beside the target, and from there what is wanted."""
    url, beside = source
    tenant_id, store = target.crm.tenant_id, beside.crm.store
    await load(url, *files, store.keyring, list(manifest.tenants))
    up_to = await beside.crm.position(to)
    if up_to < 1:
        raise SetupError("backup.nothing_then", "give a later time: the ledger had not begun")
    reached = await replay_until(store, target.crm.store, tenant_id, up_to)
    roots = await verified_roots(store.ledger, manifest.tenants, trusted, reached)
    for other, position in reached.items():
        await target.audit.integrate(other)
        if (await target.audit.consistency(other, 0, position)).new_root != roots[other]:
            raise SetupError(
                "backup.not_what_was_signed", "restore again into another database",
                tenant=str(other), position=position,
            )  # fmt: skip
    _say(manifest, tenant_id, up_to)
    console.print("Commands that were executed before would be executed again: their results are"
                  " not replayed.")  # fmt: skip
    return await _compared(beside, target, up_to)


async def _compared(source: Copy, target: Copy, up_to: int) -> bool:
    store = source.crm.store
    pages = store.stored_pages(target.crm.tenant_id, up_to=up_to)
    return await same_records(target, pages, store, up_to)


def _last(manifest: BackupManifest, tenant_id: UUID, to: AsOf) -> int:
    """The tenant's last position in the backup, which `to` must not be beyond."""
    mark = manifest.tenants.get(tenant_id)
    if mark is None:
        raise SetupError("backup.other_tenant", "set CRM_TENANT to a tenant of the backup")
    if (to.position or 0) > mark.position or (to.time or manifest.made_at) > manifest.made_at:
        raise SetupError(
            "backup.beyond", "give an earlier place, or a later backup",
            last=mark.position, made_at=manifest.made_at,
        )  # fmt: skip
    return mark.position


def _trusted(place: Place, target: Copy, keys: list[str]) -> list[VerifierKey]:
    if keys:
        return [VerifierKey.parse(key) for key in keys]
    return target.audit.verifiers(target.crm.tenant_id) if place.signer() else []


def _say(manifest: BackupManifest, tenant_id: UUID, up_to: int) -> None:
    last = manifest.tenants[tenant_id].position
    console.print(f"Restored positions 1 to {up_to:,} of the backup of {manifest.made_at:%F %T}Z.")
    if up_to < last:
        console.print(f"Positions {up_to + 1:,} to {last:,} were left out.")


@asynccontextmanager
async def _staged(place: Place) -> AsyncIterator[tuple[str, Copy]]:
    """A migrated database beside the target, on its server, until it is done with."""
    database = f"restore_{uuid4().hex[:12]}"
    name, url = sql.Identifier(database), make_conninfo(place.url, dbname=database)
    async with await psycopg.AsyncConnection.connect(place.url, autocommit=True) as connection:
        await connection.execute(sql.SQL("create database {}").format(name))
        try:
            await migrate(url)
            async with open_copy(replace(place, url=url, server=None)) as copy:
                yield url, copy
        finally:
            await connection.execute(sql.SQL("drop database {} with (force)").format(name))
