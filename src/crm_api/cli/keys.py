"""`crm keys …`: wrapping keys anew. No event changes, and nothing has to be stopped."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from crm_api.cli.place import open_place
from crm_core import Invalid

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
