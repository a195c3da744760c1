"""`crm user …`: who may sign in, for the first user and for emergencies."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from crm_api.cli.place import open_place
from crm_core import SYSTEM
from crm_core.identity.user.commands import ActivateUser, GrantRole, InviteUser, SetPassword

console = Console()
user = typer.Typer(help="Users: the first one is made here.")


def add_to(commands: typer.Typer) -> None:
    commands.add_typer(user, name="user")


@user.command("add")
def add(
    email: Annotated[str, typer.Argument(help="The address to sign in with.")],
    name: Annotated[str, typer.Option(help="The name that others see.")],
    role: Annotated[list[str], typer.Option(help="admin, sales, service, privacy or auditor.")],
    password: Annotated[
        str,
        typer.Option(
            prompt=True, confirmation_prompt=True, hide_input=True, envvar="CRM_NEW_PASSWORD"
        ),
    ],
) -> None:
    """Add a user who can sign in at once."""
    asyncio.run(_add(email, name, role, password))


async def _add(email: str, name: str, roles: list[str], password: str) -> None:
    invite = InviteUser(name=name, email=email)
    async with open_place() as place, await place.open_crm() as crm:
        await crm.execute(invite, actor=SYSTEM)
        await crm.execute(SetPassword(user_id=invite.user_id, password=password), actor=SYSTEM)
        for role in roles:
            await crm.execute(GrantRole(user_id=invite.user_id, role=role), actor=SYSTEM)
        await crm.execute(ActivateUser(user_id=invite.user_id), actor=SYSTEM)
    console.print(f"{email} may sign in as {', '.join(roles)}.")
