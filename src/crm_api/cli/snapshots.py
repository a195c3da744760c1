"""`crm snapshots …`: the stored states that make long records load fast."""

from __future__ import annotations

import asyncio
from collections import Counter

import typer
from rich.console import Console

from crm_api.cli.place import open_place
from crm_core.ledger.snapshot_check import Verdict, check_snapshots

console = Console(highlight=False)
snapshots = typer.Typer(help="Stored states of long records; they can be dropped at any time.")


def add_to(commands: typer.Typer) -> None:
    commands.add_typer(snapshots, name="snapshots")


@snapshots.command("verify")
def verify() -> None:
    """Compare every snapshot with what the events say, and drop those that differ.

    Exits with 1 where one does.
    """
    if asyncio.run(_verify())[Verdict.DIFFERENT]:
        raise typer.Exit(1)


async def _verify() -> Counter[Verdict]:
    found: Counter[Verdict] = Counter()
    async with open_place() as place, await place.open_crm() as crm:
        async for checked in check_snapshots(crm.aggregates, crm.tenant_id):
            for one in checked:
                found[one.verdict] += 1
                if one.verdict is Verdict.DIFFERENT:
                    at = one.snapshot
                    console.print(
                        f"[bold red]DIFFERENT[/]  {at.stream_type} {at.stream_id}"
                        f" at version {at.version}: dropped"
                    )
    console.print(", ".join(f"{found[verdict]:,} {verdict.value.lower()}" for verdict in Verdict))
    return found


@snapshots.command("drop")
def drop() -> None:
    """Drop every snapshot; nothing is lost, and long records get new ones as they change."""
    asyncio.run(_drop())


async def _drop() -> None:
    async with open_place() as place, await place.open_crm() as crm:
        dropped = await crm.aggregates.drop_snapshots(crm.tenant_id)
    console.print(f"Dropped {dropped:,} snapshots.")
