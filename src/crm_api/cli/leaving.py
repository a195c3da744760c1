"""`crm user owned`, `deactivate`, `hand-over`: what a user leaves behind, and to whom."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from crm_api.cli.access import Email, user_id_of
from crm_api.cli.place import open_place
from crm_core import SYSTEM, Crm
from crm_core.identity import DeactivateUser, HandOverRecords

__all__ = ["add_to"]

console = Console(highlight=False)

UserName = Annotated[
    str, typer.Argument(help="The address to sign in with, or the id: who left has no address.")
]
Successor = Annotated[
    str | None, typer.Option(help="The address of the user who gets what this one owns.")
]
TicketQueue = Annotated[
    str | None, typer.Option(help="The queue in which this user's open tickets wait from then on.")
]
_FOLLOWS = "A server hands over what is owned; `crm user owned` says what is left."


def add_to(user: typer.Typer) -> None:
    user.command("owned")(owned)
    user.command("deactivate")(deactivate)
    user.command("hand-over")(hand_over)


def owned(
    who: UserName,
    limit: Annotated[int, typer.Option(help="How many records to print.", min=0)] = 20,
) -> None:
    """Print what a user owns that is open: how many of each kind, and the first of them."""
    asyncio.run(_owned(who, limit))


async def _owned(who: str, limit: int) -> None:
    async with open_place() as place, await place.open_crm() as crm:
        user_id = await _user_id(crm, who)
        counts, after = Counter[str](), None
        while page := await crm.owned.page({user_id}, after=after, limit=10_000):
            for record in page:
                if counts.total() < limit:
                    console.print(f"{record.kind}  {record.record_id}")
                counts[record.kind] += 1
            after = page[-1].kind, page[-1].record_id
    said = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
    console.print(f"In all: {said}." if said else "Nothing.")


def deactivate(email: Email, successor: Successor = None, ticket_queue: TicketQueue = None) -> None:
    """End a user's access for good; who owns open records has to have somebody who gets them."""

    async def run() -> None:
        async with open_place() as place, await place.open_crm() as crm:
            command = DeactivateUser(
                user_id=await user_id_of(crm, email),
                successor_id=await _successor_id(crm, successor),
                ticket_queue=ticket_queue,
            )
            await crm.execute(command, SYSTEM)
            if successor or ticket_queue:
                console.print(f"The user's id is {command.user_id}. {_FOLLOWS}", soft_wrap=True)

    asyncio.run(run())


def hand_over(who: UserName, successor: Successor = None, ticket_queue: TicketQueue = None) -> None:
    """Say who gets what a user owns who was deactivated before."""

    async def run() -> None:
        async with open_place() as place, await place.open_crm() as crm:
            command = HandOverRecords(
                user_id=await _user_id(crm, who),
                successor_id=await _successor_id(crm, successor),
                ticket_queue=ticket_queue,
            )
            await crm.execute(command, SYSTEM)
            console.print(_FOLLOWS)

    asyncio.run(run())


async def _user_id(crm: Crm, who: str) -> UUID:
    try:
        return UUID(who)
    except ValueError:
        return await user_id_of(crm, who)


async def _successor_id(crm: Crm, email: str | None) -> UUID | None:
    return None if email is None else await user_id_of(crm, email)
