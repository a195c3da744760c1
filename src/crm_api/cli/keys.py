"""`crm keys …`: wrapping keys anew, and destroying old copies of them. No event changes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from crm_api.cli.place import open_place
from crm_core import Invalid
from crm_core.backup.key_dumps import Verdict, prune

__all__ = ["add_to"]

console = Console(highlight=False)
keys = typer.Typer(help="The keys that personal data is sealed under.")


def add_to(commands: typer.Typer) -> None:
    commands.add_typer(keys, name="keys")


@keys.command("rotate")
def rotate(
    root: Annotated[
        bool, typer.Option("--root", help="Wrap the tenants' keys by the root key named first.")
    ] = False,
    tenant: Annotated[
        bool, typer.Option("--tenant", help="A new key for the tenant; wrap its subjects' by it.")
    ] = False,
) -> None:
    """Wrap keys by new ones. Events stay as they are, byte for byte, and are read as before."""
    if root is tenant:
        raise Invalid("rotate", "needs --root or --tenant")
    asyncio.run(_rotate_root() if root else _rotate_tenant())


async def _rotate_root() -> None:
    async with open_place() as place, await place.open_crm() as crm:
        count = await crm.store.keyring.rotate_root()
    console.print(f"Wrapped the keys of {count:,} tenants by the root key that is named first.")


async def _rotate_tenant() -> None:
    async with open_place() as place, await place.open_crm() as crm:
        count = await crm.store.keyring.rotate_tenant(crm.tenant_id)
    console.print(f"The tenant has a new key; the keys of {count:,} subjects are wrapped by it.")


@keys.command("prune")
def prune_command(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="Where backups and exports put keys; folders in them are looked through too.",
            exists=True,
            file_okay=False,
        ),
    ],
) -> None:
    """Destroy the copies of keys whose time is over, and record that they are gone.

    Exits with 1 where one was left that should have been destroyed.
    """
    if not asyncio.run(_prune(folders)):
        raise typer.Exit(1)


async def _prune(folders: list[Path]) -> bool:
    verdicts = []
    async with open_place() as place, await place.open_crm() as crm:
        for folder in folders:
            async for found in prune(crm, folder):
                verdicts.append(found.verdict)
                until = f"{found.label.expires_at:%Y-%m-%d}"
                console.print(
                    f"{escape(str(found.dump))}  until {until}  {found.verdict}", soft_wrap=True
                )
    if not verdicts:
        console.print("There are no copies of keys.")
    return not {Verdict.CHANGED, Verdict.OTHER_TENANT} & set(verdicts)
