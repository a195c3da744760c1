"""`crm export`, `crm case-file`, `crm audit …`: what an auditor takes away, and its proofs."""

from __future__ import annotations

import asyncio
import ipaddress
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from crm_api.cli.place import Place, open_audit, open_place, open_read_log
from crm_api.cli.progress import progress_bar
from crm_api.cli.reading import RecordArgument, record_id_of
from crm_api.cli.searching import search
from crm_api.withheld import SECRETS
from crm_core import SYSTEM, Crm, Rejected
from crm_core.audit.check import check_ledger
from crm_core.audit.crm_verify import Checkpoint, Finding
from crm_core.audit.export import export, write_keys
from crm_core.audit.log import AuditLog
from crm_core.audit.parquet import check_parquet, write_parquet
from crm_core.audit.reads import How, Read
from crm_core.audit.signing import new_key_line
from crm_core.backup.key_dumps import KeyLabel
from crm_core.backup.making import KEYS_DAYS
from crm_core.backup.manifest import digest_of_file
from crm_core.casefile.gathering import write_case_file
from crm_core.privacy import DisclosureKind, RecordDisclosure
from crm_core.privacy.keys import WrappedKeys

console = Console(highlight=False, soft_wrap=True)
audit = typer.Typer(help="Checkpoints over the ledger, and proofs against them.")

_PUBLISH_SECONDS_MAX = 20


def add_to(commands: typer.Typer) -> None:
    commands.command("export")(export_command)
    commands.command("case-file")(case_file)
    audit.command("search")(search)
    commands.add_typer(audit, name="audit")


def export_command(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet, or unfinished.")],
    after: Annotated[int, typer.Option(help="Only what came after this position.", min=0)] = 0,
    with_keys: Annotated[
        bool,
        typer.Option(
            "--with-keys", help="The wrapped keys too, in FOLDER.keys; the root key opens them."
        ),
    ] = False,
    keys_days: Annotated[
        int, typer.Option(help="After so many days the keys are not taken any more.", min=1)
    ] = KEYS_DAYS,
    parquet: Annotated[
        Path | None,
        typer.Option(help="The events as a Parquet file as well, not there yet; proves nothing."),
    ] = None,
) -> None:
    """Export the ledger as files that anybody can verify; personal fields stay sealed."""
    if parquet is not None:
        check_parquet(parquet)  # before the work
    asyncio.run(_export(folder, after, keys_days if with_keys else 0))
    if parquet is not None:
        console.print(f"Wrote {write_parquet(folder, parquet):,} events to {parquet}.")


async def _export(folder: Path, after: int, keys_days: int) -> None:
    async with _audited() as (place, crm, log):
        await _up_to_date(crm, log)
        async with open_read_log(place, crm) as read_log:
            await read_log.record(Read(SYSTEM, How.EXPORT, "export", {}))
        keys = await crm.store.keyring.store.all_keys(crm.tenant_id) if keys_days else None
        with progress_bar("exporting") as progress:
            manifest = await export(log, crm.tenant_id, folder, after=after, progress=progress)
        if keys is not None:
            await _export_keys(crm, folder, keys, keys_days)
        console.print(f"Exported positions {manifest.after + 1:,} to {manifest.size:,}.")
        console.print(f"To check them: python3 {folder}/crm_verify.py {folder} --key VKEY")


async def _export_keys(crm: Crm, folder: Path, keys: WrappedKeys, keys_days: int) -> None:
    """That they leave is recorded before they do."""
    leaving = RecordDisclosure(kind=DisclosureKind.LEDGER_EXPORT, up_to=await crm.position())
    await crm.execute(leaving, actor=SYSTEM)
    file = write_keys(folder, keys)
    KeyLabel(
        expires_at=crm.store.ledger.clock.now() + timedelta(days=keys_days),
        digest=digest_of_file(file),
        tenant_id=crm.tenant_id,
        disclosure_id=leaving.disclosure_id,
    ).write(file)


def case_file(
    record: RecordArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="A ZIP file, not there yet.")],
) -> None:
    """Gather all about a person, deal or ticket in one file that proves itself offline."""
    asyncio.run(_case_file(record, output))


async def _case_file(record: str, output: Path) -> None:
    async with _audited() as (place, crm, log), open_read_log(place, crm) as read_log:
        record_id = await record_id_of(crm, record)
        try:
            events = await write_case_file(
                crm, log, read_log, record_id, output, SYSTEM, hidden=SECRETS
            )
        except FileExistsError:
            raise Rejected("export.exists", folder=str(output)) from None
        console.print(f"Gathered {events:,} events. Personal texts in it are open: keep it safe.")


@audit.command("checkpoint")
def checkpoint() -> None:
    """Sign what the ledger holds now, and print the checkpoint."""
    print(asyncio.run(_checkpoint()).note, end="")


async def _checkpoint() -> Checkpoint:
    async with _audited() as (_, crm, log):
        return await _up_to_date(crm, log)


@audit.command("keys")
def keys() -> None:
    """Print the public keys that checkpoints are signed with; hand them to who verifies."""
    for key in asyncio.run(_keys()):
        print(key)


async def _keys() -> list[str]:
    async with _audited() as (_, crm, log):
        return [str(key) for key in log.verifiers(crm.tenant_id)]


@audit.command("new-key")
def new_key() -> None:
    """Print a fresh key for the file that CRM_AUDIT_KEY_FILE names."""
    print(new_key_line())


@audit.command("prove")
def prove(event: Annotated[str, typer.Argument(help="A position, or an event's id.")]) -> None:
    """Print the proof that an event is in what was signed; `crm_verify.py` checks it."""
    print(asyncio.run(_prove(event)), end="")


async def _prove(event: str) -> str:
    async with _audited() as (_, crm, log):
        await _up_to_date(crm, log)
        if event.isdecimal():
            position = int(event)
        else:
            try:
                event_id = UUID(event)
            except ValueError:
                raise Rejected("id.malformed") from None
            position = await log.position_of(crm.tenant_id, event_id)
        return (await log.prove(crm.tenant_id, position)).text


@audit.command("consistency")
def consistency(
    size: Annotated[int, typer.Argument(help="The size of a checkpoint that was kept.", min=0)],
) -> None:
    """Print the proof that what is signed now continues an earlier checkpoint, as witnesses take
    it; `crm_verify.py --seen CHECKPOINT` checks it.
    """
    print(asyncio.run(_consistency(size)), end="")


async def _consistency(size: int) -> str:
    async with _audited() as (_, crm, log):
        signed = await _up_to_date(crm, log)
        return (await log.consistency(crm.tenant_id, size, signed.size)).text(signed.note)


@audit.command("verify")
def verify(
    seen: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that you kept; may be repeated.")
    ] = None,
) -> None:
    """Hash the whole ledger again and hold it against what was signed.

    Exits with 1 where something was changed, and names the first position.
    """
    try:
        signed = asyncio.run(_verify([path.read_text() for path in seen or []]))
    except Finding as finding:
        console.print(f"[bold red]BAD[/]  {finding}")
        raise typer.Exit(1) from None
    console.print(f"[bold green]OK[/]  {signed.size:,} events are those that were signed")


async def _verify(seen: list[str]) -> Checkpoint:
    async with _audited() as (_, crm, log):
        keys = log.verifiers(crm.tenant_id)
        signed = await log.checkpoints(crm.tenant_id)
        signed += [Checkpoint.parse(note, keys) for note in seen]
        if not signed:
            raise Rejected("audit.no_checkpoint")
        with progress_bar("hashing") as progress:
            await check_ledger(log, crm.tenant_id, signed, progress)
        return max(signed, key=lambda checkpoint: checkpoint.size)


@audit.command("publish")
def publish(
    place: Annotated[str, typer.Argument(help="A file, or a URL that takes a PUT.")],
) -> None:
    """Put the checkpoint where the database's owner cannot take it back."""
    note = asyncio.run(_checkpoint()).note
    if "://" in place:
        _put(place, note)
    else:
        Path(place).write_text(note)
    console.print(f"Published to {place}.", markup=False)


def _put(url: str, note: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname)):
        raise Rejected("audit.unknown_place", place=url)
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        url, note.encode(), {"content-type": "text/plain; charset=utf-8"}, method="PUT"
    )
    try:
        urllib.request.urlopen(request, timeout=_PUBLISH_SECONDS_MAX).close()  # noqa: S310
    except (urllib.error.URLError, OSError) as error:
        raise Rejected("audit.unpublished", place=url, cause=type(error).__name__) from error


def _is_here(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


@asynccontextmanager
async def _audited() -> AsyncIterator[tuple[Place, Crm, AuditLog]]:
    async with (
        open_place() as place,
        await place.open_crm() as crm,
        open_audit(place, crm) as log,
    ):
        yield place, crm, log


async def _up_to_date(crm: Crm, log: AuditLog) -> Checkpoint:
    """Raises Rejected `audit.rolled_back` or `audit.forked` where the past was changed."""
    await log.integrate(crm.tenant_id)
    return await log.sign(crm.tenant_id)
