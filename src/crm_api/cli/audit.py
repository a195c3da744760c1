"""`crm replay`: the auditor's proof that the records are what the events say."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import uuid4

import psycopg
import typer
from psycopg import sql
from rich.console import Console
from rich.table import Table

from crm_api.cli.moments import as_of_of
from crm_api.cli.place import Place, embedded_only, open_place, open_runner
from crm_api.cli.progress import progress_bar
from crm_core import AsOf, Crm, Rejected
from crm_core.ledger.postgres.connections import unreachable
from crm_core.ledger.postgres.migrate import migrate
from crm_core.replay import Progress, replay
from crm_projections.digest import digest_of
from crm_projections.projection import Projection
from crm_projections.registry import PROJECTIONS
from crm_projections.rows import Rows

console = Console()


def add_to(commands: typer.Typer) -> None:
    commands.command("replay")(replay_command)


def replay_command(
    to: Annotated[
        str | None, typer.Option(help="A position or a time; the ledger's head, if not given.")
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            envvar="CRM_REPLAY_URL",
            help="An empty database, by its URL; a new one on the embedded server, if not given.",
        ),
    ] = None,
) -> None:
    """Replay the ledger into a fresh database and compare every read model.

    Exits with 1 where a digest differs.
    """
    if not asyncio.run(_replay(as_of_of(to), into)):
        raise typer.Exit(1)


async def _replay(to: AsOf, into: str | None) -> bool:
    async with open_place() as place, await place.open_crm() as crm:
        up_to = await _checked(crm, to)
        url = into or await _fresh_database(place)
        await migrate(url)
        copy_place = Place(place.settings, url, place.root_key, None)
        async with await copy_place.open_crm() as copy, open_runner(copy_place, copy) as run:
            with progress_bar("replaying") as progress:
                reached = await replay(
                    crm.store, copy.store, crm.tenant_id, up_to=up_to, progress=progress
                )
            with progress_bar("read models") as progress:
                await run.catch_up(crm.tenant_id, progress)
            there = await run.digests(crm.tenant_id)
        with progress_bar("folding the source") as progress:
            here = await _folded_digests(crm, up_to, progress)
    return _compared(reached, here, there)


async def _checked(crm: Crm, to: AsOf) -> int:
    head = await crm.position()
    up_to = await crm.position(to)
    if up_to > head:
        raise Rejected("replay.beyond_head", position=up_to, head=head)
    return up_to


async def _folded_digests(crm: Crm, up_to: int, progress: Progress) -> dict[str, str]:
    """The digests of what the source's events make, folded in memory."""
    rows: dict[Projection, Rows] = {projection: Rows() for projection in PROJECTIONS}
    async for page in crm.events(up_to=up_to):
        for projection, kept in rows.items():
            for event in page:
                if projection.wants(event):
                    projection.apply(event, kept)
        progress(page[-1].position, up_to)
    return {projection.name: digest_of(projection, kept) for projection, kept in rows.items()}


def _compared(reached: int, here: dict[str, str], there: dict[str, str]) -> bool:
    table = Table("read model", "source, folded", "replayed", "")
    for name, digest in here.items():
        same = "[green]equal[/]" if there[name] == digest else "[bold red]DIFFERENT[/]"
        table.add_row(name, digest[:16], there[name][:16], same)
    console.print(f"Replayed to position {reached:,}.")
    console.print(table)
    return here == there


async def _fresh_database(place: Place) -> str:
    server = embedded_only(place, "replaying without --into")
    name = f"replay_{uuid4().hex[:12]}"
    try:
        connection = await psycopg.AsyncConnection.connect(server.url(), autocommit=True)
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
    async with connection:
        await connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    console.print(f"Replaying into the new database [bold]{name}[/].", highlight=False)
    return server.url(name)
