"""`crm migrate`, `crm projections …`, `crm new-root-key`: looking after the database."""

from __future__ import annotations

import asyncio
import base64
import secrets
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from crm_api.cli.place import open_place, open_runner
from crm_api.cli.progress import progress_bar
from crm_api.cli.settings import Settings
from crm_core import Invalid, SetupError
from crm_core.ledger.postgres.migrate import migrate, pending, script
from crm_core.privacy.cipher import KEY_BYTES
from crm_projections.registry import PROJECTIONS

console = Console()
projections = typer.Typer(help="The read models: how far they are, and filling them again.")


def add_to(commands: typer.Typer) -> None:
    commands.command("migrate")(migrate_command)
    commands.command("new-root-key")(new_root_key)
    commands.add_typer(projections, name="projections")


def migrate_command(
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL and run nothing.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 if there is any to run.")] = (
        False
    ),
) -> None:
    """Bring the database that CRM_DATABASE_URL names up to date."""
    if sql:
        print(script())
        return
    settings = Settings()
    if settings.database_url is None:
        raise SetupError(
            "cli.needs_database_url",
            "set CRM_DATABASE_URL; the embedded server is migrated whenever it starts",
        )
    url = settings.database_url.get_secret_value()
    if check:
        missing = asyncio.run(pending(url))
        console.print("\n".join(missing) if missing else "The database is up to date.")
        raise typer.Exit(1 if missing else 0)
    run = asyncio.run(migrate(url))
    console.print("\n".join(f"ran {name}" for name in run) or "The database was up to date.")


def new_root_key() -> None:
    """Print a fresh root key; keep it where the database is not."""
    print(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())


@projections.command("status")
def status() -> None:
    """Show how far each read model is behind the ledger."""
    asyncio.run(_status())


async def _status() -> None:
    async with open_place() as place, await place.open_crm() as crm, open_runner(place, crm) as run:
        table = Table("projection", "version", "position", "head", "lag", "state")
        for at in await run.status():
            if at.tenant_id != crm.tenant_id:
                continue
            state = "running" if at.stopped_at is None else (
                f"[red]stopped at {at.stopped_at} by {at.stopped_by}[/]"
            )  # fmt: skip
            table.add_row(
                at.projection,
                str(at.version),
                f"{at.position:,}",
                f"{at.head:,}",
                f"{at.lag_events:,}",
                state,
            )
        console.print(table)


@projections.command("rebuild")
def rebuild(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which ones; all, if none is named.")
    ] = None,
) -> None:
    """Fill read models again from position 1, beside the live ones, and switch over."""
    asyncio.run(_rebuild(names or [projection.name for projection in PROJECTIONS]))


async def _rebuild(names: list[str]) -> None:
    known = {projection.name for projection in PROJECTIONS}
    for name in names:
        if name not in known:
            raise Invalid("name", f"`{name}` is none of {', '.join(sorted(known))}")
    async with open_place() as place, await place.open_crm() as crm, open_runner(place, crm) as run:
        for name in names:
            with progress_bar(name) as progress:
                await run.rebuild(name, progress)
        digests = await run.digests(crm.tenant_id)
        for name in names:
            console.print(f"{name}  {digests[name]}", highlight=False)
