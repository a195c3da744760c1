"""`crm user …`: who may sign in, for the first user and for emergencies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from crm_api.cli.access import Email, records_begun, user_id_of
from crm_api.cli.leaving import add_to as add_leaving_to
from crm_api.cli.place import open_place
from crm_core import SYSTEM, Command
from crm_core.identity import (
    ActivateUser,
    GrantRole,
    InviteUser,
    LinkIdentity,
    RemovePasskey,
    RemoveTotp,
    RevokeRole,
    SetPassword,
    SuspendUser,
    TurnOffSentCodes,
    UnlinkIdentity,
    User,
)
from crm_core.identity.user.events import UserInvited
from crm_core.kernel.events import plain

console = Console(highlight=False)
user = typer.Typer(help="Users: the first one is made here.")

Password = Annotated[
    str,
    typer.Option(prompt=True, confirmation_prompt=True, hide_input=True, envvar="CRM_NEW_PASSWORD"),
]
RoleName = Annotated[str, typer.Argument(help="As `crm role list` has it.")]


def add_to(commands: typer.Typer) -> None:
    add_leaving_to(user)
    commands.add_typer(user, name="user")


@user.command("add")
def add(
    email: Annotated[str, typer.Argument(help="The address to sign in with.")],
    name: Annotated[str, typer.Option(help="The name that others see.")],
    role: Annotated[list[str], typer.Option(help="As `crm role list` has them.")],
    password: Password,
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


@user.command("password")
def set_password(email: Email, password: Password) -> None:
    """Set a user's password; whoever is signed in as that user has to sign in anew."""
    _execute(email, lambda user_id: SetPassword(user_id=user_id, password=password))


@user.command("grant")
def grant(email: Email, role: RoleName) -> None:
    """Give a user a role."""
    _execute(email, lambda user_id: GrantRole(user_id=user_id, role=role))


@user.command("revoke")
def revoke(email: Email, role: RoleName) -> None:
    """Take a role from a user; the last administrator keeps theirs."""
    _execute(email, lambda user_id: RevokeRole(user_id=user_id, role=role))


@user.command("suspend")
def suspend(email: Email) -> None:
    """Keep a user out until activated again."""
    _execute(email, lambda user_id: SuspendUser(user_id=user_id))


@user.command("activate")
def activate(email: Email) -> None:
    """Let an invited or suspended user in."""
    _execute(email, lambda user_id: ActivateUser(user_id=user_id))


@user.command("remove-totp")
def remove_totp(email: Email) -> None:
    """Take a user's second factor away, as when the device is lost."""
    _execute(email, lambda user_id: RemoveTotp(user_id=user_id))


@user.command("passkeys")
def list_passkeys(email: Email) -> None:
    """Print a user's passkeys: id, when registered, when used last, label."""
    asyncio.run(_list_passkeys(email))


async def _list_passkeys(email: str) -> None:
    async with open_place() as place, await place.open_crm() as crm:
        for passkey in (await crm.get(User, await user_id_of(crm, email))).passkeys.values():
            used = "never" if passkey.used_at is None else f"{passkey.used_at:%Y-%m-%d}"
            line = f"{passkey.passkey_id}  {passkey.registered_at:%Y-%m-%d}  {used}"
            console.print(f"{line}  {passkey.label}", markup=False)


@user.command("remove-passkey")
def remove_passkey(
    email: Email, passkey_id: Annotated[UUID, typer.Argument(help="As `crm user passkeys` has it.")]
) -> None:
    """Take one of a user's passkeys away, as when its device is lost."""
    _execute(email, lambda user_id: RemovePasskey(user_id=user_id, passkey_id=passkey_id))


@user.command("turn-off-sent-codes")
def turn_off_sent_codes(email: Email) -> None:
    """Let a user in without a code that is sent, as when the address is lost."""
    _execute(email, lambda user_id: TurnOffSentCodes(user_id=user_id))


@user.command("link")
def link(
    email: Email,
    issuer: Annotated[str, typer.Argument(help="The provider, as its metadata names it.")],
    subject: Annotated[str, typer.Argument(help="Who the user is there: the claim `sub`.")],
) -> None:
    """Let a user in whom a provider knows."""
    _execute(email, lambda user_id: LinkIdentity(user_id=user_id, issuer=issuer, subject=subject))


@user.command("unlink")
def unlink(email: Email, issuer: str) -> None:
    """End that a user is let in by a provider."""
    _execute(email, lambda user_id: UnlinkIdentity(user_id=user_id, issuer=issuer))


@user.command("list")
def list_users() -> None:
    """Print the users, those who left too: id, address, name, status, roles."""
    asyncio.run(_list_users())


async def _list_users() -> None:
    async with open_place() as place, await place.open_crm() as crm:
        async for found in records_begun(crm, User, UserInvited):
            roles = ",".join(sorted(found.roles)) or "-"
            name, email = plain(found.name) or "-", plain(found.email) or "-"
            line = f"{found.id}  {email}  {name}  {found.status}  {roles}"
            console.print(line, markup=False, soft_wrap=True)


def _execute(email: str, command: Callable[[UUID], Command]) -> None:
    async def run() -> None:
        async with open_place() as place, await place.open_crm() as crm:
            await crm.execute(command(await user_id_of(crm, email)), SYSTEM)

    asyncio.run(run())
