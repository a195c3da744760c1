"""`crm access breach`: what somebody whose access was misused could see, and did read."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from crm_api.cli.moments import moment_of
from crm_api.cli.place import open_place, open_read_log
from crm_api.cli.reading import record_id_of
from crm_core import SYSTEM
from crm_core.audit.reads import How, Read
from crm_core.breach import BreachScope, breach_scope

__all__ = ["add_to"]

console = Console(highlight=False, soft_wrap=True, markup=False)
access = typer.Typer(help="Who could see and did read what.")

_PAGE = 1_000


def add_to(commands: typer.Typer) -> None:
    commands.add_typer(access, name="access")


@access.callback()
def _together() -> None:
    """So that `breach` is a word of the command, beside those to come."""


@access.command("breach")
def breach(
    principal: Annotated[
        str, typer.Argument(help="A user's e-mail address or id, or an API key's id.")
    ],
    since: Annotated[str, typer.Option("--from", help="A time such as 2026-01-31T12:00Z.")],
    until: Annotated[str, typer.Option("--to", help="The end of the span, which is in it.")],
) -> None:
    """Print what a principal could see in a span, and what it did read, a record a line: what it
    is, whom it is about, and when first and last.
    """
    asyncio.run(_breach(principal, moment_of(since, "from"), moment_of(until, "to")))


async def _breach(principal: str, since: datetime, until: datetime) -> None:
    async with (
        open_place() as place,
        await place.open_crm() as crm,
        open_read_log(place, crm) as read_log,
    ):
        principal_id = await record_id_of(crm, principal)
        scope = await breach_scope(crm, read_log, principal_id, since, until)
        asked = {(scope.principal_kind, principal_id): False}
        await read_log.record(Read(SYSTEM, How.CLI, "breachScope", asked))
        for change in await scope.modes():
            console.print(f"mode  {change.mode}  since {change.since:%Y-%m-%d %H:%M:%S}")
        whole = "every read is" if await scope.is_whole() else "not every read is"
        console.print(f"Of something personal, {whole} in the log of this span.")
        await _print_read(scope)
        await _print_visible(scope)


async def _print_read(scope: BreachScope) -> None:
    after: UUID | None = None
    while page := await scope.did_read(_PAGE, after):
        for of in page:
            personal = "  personal" if of.personal else ""
            _print("read", of.kind, of.record_id, of.subject_ids, of.first, of.last,
                   f"  {of.times} times{personal}")  # fmt: skip
        after = page[-1].record_id


async def _print_visible(scope: BreachScope) -> None:
    after = 0
    while page := await scope.could_see(_PAGE, after):
        for of in page:
            _print("could-see", of.kind, of.record_id, of.subject_ids, of.first, of.last)
        after = page[-1].position


def _print(
    what: str,
    kind: str,
    record_id: UUID,
    about: tuple[UUID, ...],
    first: datetime,
    last: datetime,
    more: str = "",
) -> None:
    subjects = ",".join(map(str, about)) or "-"
    console.print(
        f"{what}  {kind}  {record_id}  about {subjects}"
        f"  {first:%Y-%m-%d %H:%M:%S}  {last:%Y-%m-%d %H:%M:%S}{more}"
    )
