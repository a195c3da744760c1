"""`crm projections …`: how far the read models are, filling them again, and what stopped them."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from crm_api.cli.place import Place, open_place
from crm_api.cli.progress import progress_bar
from crm_core import Crm, Invalid
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_projections import checkpoints, generations
from crm_projections.projection import Projection
from crm_projections.rebuilding import Processes, Rebuild, Rebuilt
from crm_projections.registry import all_projections
from crm_projections.runner import Progress, ProjectionRunner
from crm_projections.status import Status

__all__ = ["add_to"]

console = Console(highlight=False)
projections = typer.Typer(help="The read models: how far they are, and filling them again.")

NamesArgument = Annotated[
    list[str] | None, typer.Argument(help="Which ones; all, if none is named.")
]
NameArgument = Annotated[str, typer.Argument(help="Which one; `status` shows the names.")]
WorkersOption = Annotated[int, typer.Option(min=1, max=64, help="Processes that share the work.")]


def add_to(commands: typer.Typer) -> None:
    commands.add_typer(projections, name="projections")


# --- looking --------------------------------------------------------------------------------------


@projections.command("status")
def status() -> None:
    """Show how far each read model is behind the ledger, and what was skipped."""
    asyncio.run(_status())


async def _status() -> None:
    async with _open() as desk:
        runner = ProjectionRunner(desk.crm.store, desk.pool, all_projections())
        await runner.prepare()
        found = [at for at in await runner.status() if at.tenant_id == desk.crm.tenant_id]
    table = Table("projection", "version", "position", "head", "lag", "behind", "state")
    for at in found:
        table.add_row(
            at.projection,
            str(at.version),
            f"{at.position:,}",
            f"{at.head:,}",
            f"{at.lag_events:,}",
            f"{at.lag_seconds:,.1f} s",
            _state(at),
        )
    console.print(table)
    for at in found:
        for skip in at.skips:
            console.print(
                f"{at.projection} skips {skip.position} ({skip.event_type}, {skip.error}),"
                f" decided by {skip.decided_by} on {skip.decided_at:%Y-%m-%d %H:%M} UTC:"
                f" {skip.reason}",
                markup=False,
                soft_wrap=True,
            )


def _state(at: Status) -> str:
    if at.stopped_at is not None:
        return f"[red]stopped at {at.stopped_at} ({at.stopped_type}) by {at.stopped_by}[/]"
    if at.rebuild is not None:
        left = at.rebuild.seconds_left
        ends = "" if left is None else f", {left:,.0f} s left"
        return f"version {at.rebuild.version} fills: {at.rebuild.position:,}{ends}"
    return "running"


# --- filling again --------------------------------------------------------------------------------


@projections.command("rebuild")
def rebuild(names: NamesArgument = None, workers: WorkersOption = 1) -> None:
    """Fill read models again from position 1, beside the live ones, and switch over.

    The old tables are kept for `crm projections rollback`.
    """
    asyncio.run(_rebuild(_named(names), workers))


async def _rebuild(kept: Sequence[Projection], workers: int) -> None:
    async with _open() as desk:
        with progress_bar("rebuilding") as progress:
            rebuilt = await desk.again(kept, workers, progress).run()
        runner = ProjectionRunner(desk.crm.store, desk.pool, kept)
        digests = await runner.digests(desk.crm.tenant_id)
    for outcome in rebuilt:
        console.print(f"{outcome.projection}  {digests[outcome.projection]}{_differing(outcome)}")


def _differing(outcome: Rebuilt) -> str:
    if outcome.comparison is None or not outcome.comparison.differing:
        return ""
    return f"  [yellow]{outcome.comparison.differing:,} rows were not what the events say[/]"


@projections.command("verify")
def verify(names: NamesArgument = None, workers: WorkersOption = 1) -> None:
    """Fill read models again beside the live ones, compare the two, and drop the new ones.

    Exits with 1 where they differ.
    """
    if not asyncio.run(_verify(_named(names), workers)):
        raise typer.Exit(1)


async def _verify(kept: Sequence[Projection], workers: int) -> bool:
    async with _open() as desk:
        with progress_bar("verifying") as progress:
            verified = await desk.again(kept, workers, progress).verify(desk.crm.tenant_id)
    table = Table("read model", "serves", "rebuilt", "rows that differ", "")
    equal = True
    for outcome in verified:
        found = outcome.comparison
        if found is None or found.digests is None:
            table.add_row(outcome.projection, "", "", "", "[yellow]not comparable yet[/]")
            equal = False
            continue
        live, fresh = found.digests
        same = live == fresh and not found.differing
        equal = equal and same
        verdict = "[green]equal[/]" if same else "[bold red]DIFFERENT[/]"
        table.add_row(outcome.projection, live[:16], fresh[:16], f"{found.differing:,}", verdict)
    console.print(table)
    return equal


@projections.command("rollback")
def rollback(name: NameArgument) -> None:
    """Let the tables serve again that served before the last switch."""
    asyncio.run(_rollback(name))


async def _rollback(name: str) -> None:
    async with _open() as desk, desk.pool.connection() as connection:
        left, back = await generations.roll_back(connection, name)
    console.print(
        f"{name} serves generation {back.number} (version {back.version}) again;"
        f" generation {left.number} (version {left.version}) is kept."
    )


@projections.command("drop-kept")
def drop_kept(name: NameArgument) -> None:
    """Drop the tables that were kept for a rollback, with the personal data in them."""
    asyncio.run(_drop_kept(name))


async def _drop_kept(name: str) -> None:
    async with _open() as desk, desk.pool.connection() as connection:
        dropped = await generations.drop_kept(connection, name)
    console.print(f"{name} has no generation {dropped} any more.")


# --- what stopped ---------------------------------------------------------------------------------


@projections.command("retry")
def retry(name: NameArgument) -> None:
    """Let a stopped read model try again; for after its projection was mended."""
    asyncio.run(_retry(name))


async def _retry(name: str) -> None:
    async with _open() as desk, desk.pool.connection() as connection:
        stopped = await checkpoints.retry(connection, desk.crm.tenant_id, name)
    console.print(f"{name} goes on." if stopped else f"{name} was not stopped.")


@projections.command("skip")
def skip(
    name: NameArgument,
    position: Annotated[int, typer.Option(help="Of the event that stopped it.")],
    reason: Annotated[str, typer.Option(help="Why it may be left out; kept for ever.")],
    by: Annotated[str | None, typer.Option(help="Who decides; you, if not given.")] = None,
) -> None:
    """Leave out the event that stopped a read model, for ever, in rebuilds too."""
    if not reason.strip():
        raise Invalid("reason", "says why the event may be left out")
    asyncio.run(_skip(name, position, reason, by or getpass.getuser()))


async def _skip(name: str, position: int, reason: str, by: str) -> None:
    async with _open() as desk, desk.pool.connection() as connection:
        await checkpoints.skip(
            connection, desk.crm.tenant_id, name, position, reason=reason, decided_by=by
        )
    console.print(f"{name} skips {position} and goes on.")


# --- the desk -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Desk:
    """What an operator's command works with."""

    place: Place
    crm: Crm
    pool: Pool

    def again(self, kept: Sequence[Projection], workers: int, progress: Progress) -> Rebuild:
        processes = Processes(self.place.url, self.place.root_key, self.pool, workers)
        return Rebuild(self.crm.store, self.pool, kept, load=processes.load, progress=progress)


@asynccontextmanager
async def _open() -> AsyncIterator[_Desk]:
    async with open_place() as place, await place.open_crm() as crm:
        pool = await open_pool(place.url, "crm_projector", size=6)
        try:
            yield _Desk(place, crm, pool)
        finally:
            await pool.close()


def _named(names: list[str] | None) -> list[Projection]:
    known = {projection.name: projection for projection in all_projections()}
    for name in names or ():
        if name not in known:
            raise Invalid("name", f"`{name}` is none of {', '.join(sorted(known))}")
    return [known[name] for name in names or known]
