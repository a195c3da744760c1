"""`crm privacy …`: erasing people, and what proves that they are erased."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from crm_api.bulk.files import Files
from crm_api.cli.place import Place, open_place, open_read_log
from crm_core import SYSTEM, Crm, Invalid, NotFound, SetupError
from crm_core.access.records import kind_of
from crm_core.catalog import ERASING
from crm_core.erasing import Forgets
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_core.ledger.postgres.scrub import scrub
from crm_core.privacy import Erasure
from crm_core.privacy.erasure.commands import Erases
from crm_projections.forgetting import ReadModels
from crm_projections.registry import all_projections
from crm_projections.retention import Retaining
from crm_projections.runner import ProjectionRunner
from crm_projections.subject_access import subject_access

__all__ = ["add_to"]

console = Console(highlight=False)

privacy = typer.Typer(help="Personal data: erasing it, and seeing that it is gone.")


def add_to(commands: typer.Typer) -> None:
    commands.add_typer(privacy, name="privacy")


@privacy.command("erase")
def erase(
    record_id: Annotated[
        UUID,
        typer.Argument(
            help="A customer, with whom merged ones go; a deactivated user; or a ticket, a task or"
            " an opportunity that is about no customer."
        ),
    ],
    scrubbing: Annotated[
        bool, typer.Option("--scrub", help="Clean the database's files as well.")
    ] = False,
) -> None:
    """Forget somebody, or what a record of nobody says, for ever; show what every store did."""
    asyncio.run(_erase(record_id, scrubbing))


async def _erase(record_id: UUID, scrubbing: bool) -> None:
    async with open_place() as place:
        async with await place.open_crm() as crm:
            command = await _erasing(crm, record_id)
            await crm.execute(command, actor=SYSTEM)
            _print_receipts(await _finished(place, crm, command.erasure_id))
        if scrubbing:
            await _scrub(place)


async def _erasing(crm: Crm, record_id: UUID) -> Erases:
    events = await crm.history(record_id)
    if not events:
        raise NotFound("record", record_id)
    command = ERASING.get(kind_of(events[0].record_type))
    if command is None:
        raise Invalid("record_id", f"names none of {', '.join(sorted(ERASING))}")
    return command(**{command.TARGET: record_id})


@privacy.command("export")
def export(
    customer_id: Annotated[UUID, typer.Argument(help="The customer; merged ones are in it too.")],
    file: Annotated[Path, typer.Argument(help="A file that is not there yet.")],
) -> None:
    """Write everything that is held about a customer into one JSON file, for them."""
    asyncio.run(_export(customer_id, file))


async def _export(customer_id: UUID, file: Path) -> None:
    async with (
        open_place() as place,
        await place.open_crm() as crm,
        _read_models(place, crm) as pool,
        open_read_log(place, crm) as read_log,
    ):
        held = await subject_access(crm, pool, read_log, all_projections(), customer_id, SYSTEM)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SetupError("cli.file_exists", "name a file that is not there yet") from None
    with os.fdopen(handle, "wb") as written:
        written.write(held)
    console.print(f"Written to {file}, for this user's eyes only.", soft_wrap=True)


@privacy.command("retention")
def retention(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
) -> None:
    """Archive or erase what the retention policies find due; a server does so every hour."""
    asyncio.run(_retention(dry_run))


async def _retention(dry_run: bool) -> None:
    async with (
        open_place() as place,
        await place.open_crm() as crm,
        _read_models(place, crm) as pool,
    ):
        retaining = Retaining(crm, pool)
        found = await (retaining.due() if dry_run else retaining.apply())
    table = Table("policy", "idle days", "action", "kind", "record")
    for due in found:
        for record_id in due.record_ids:
            of = due.policy
            table.add_row(
                str(of.id), str(of.idle_days), of.action.value, of.kind.value.lower(),
                str(record_id),
            )  # fmt: skip
    console.print(table if found else "Nothing is due.")


@privacy.command("resume")
def resume() -> None:
    """Finish the erasures that were broken off; a running server does it by itself."""
    asyncio.run(_resume())


async def _resume() -> None:
    async with open_place() as place, await place.open_crm() as crm:
        pending = await crm.erasing.pending()
        for erasure_id in pending:
            _print_receipts(await _finished(place, crm, erasure_id))
    if not pending:
        console.print("No erasure is pending.")


@privacy.command("scrub")
def scrub_command() -> None:
    """Clean the database's files of what was erased; readers wait while tables are rewritten."""

    async def scrubbed() -> None:
        async with open_place() as place:
            await _scrub(place)

    asyncio.run(scrubbed())


async def _scrub(place: Place) -> None:
    table = Table("place", "cleaned", "what to know")
    for part in await scrub(place.url):
        table.add_row(part.place, "yes" if part.done else "no", part.note)
    console.print(table)


async def _finished(place: Place, crm: Crm, erasure_id: UUID) -> Erasure:
    async with _read_models(place, crm) as pool:
        stores: list[Forgets] = [
            ReadModels(pool, all_projections()),
            Files(place.settings.files(), crm.tenant_id),
        ]
        return await crm.erasing.finish(erasure_id, stores)


@asynccontextmanager
async def _read_models(place: Place, crm: Crm) -> AsyncIterator[Pool]:
    """Their pool, once they are at the head, whether a server is running or not."""
    pool = await open_pool(place.url, "crm_projector", size=4)
    try:
        runner = ProjectionRunner(crm.store, pool, all_projections())
        await runner.prepare()
        await runner.catch_up(crm.tenant_id)
        yield pool
    finally:
        await pool.close()


def _print_receipts(erasure: Erasure) -> None:
    console.print(f"Erased: {', '.join(map(str, erasure.subject_ids))}", soft_wrap=True)
    table = Table("store", "count", "what it did")
    for receipt in erasure.receipts:
        table.add_row(receipt.store, f"{receipt.count:,}", receipt.note)
    console.print(table)
