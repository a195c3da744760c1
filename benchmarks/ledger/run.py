"""The ledger beside its peers: appends and reading back, on one server with durable settings.

The contenders take turns at each load, twice, and of each the better turn counts. Before a turn its
database is vacuumed and a checkpoint is made. The figures are printed in Markdown.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

import psycopg
import typer
import uvloop
from emmett import Emmett
from eventsourcing_recorder import EventsourcingRecorder
from measuring import WARM_UP_SECONDS, Contender, Figures, Load, Reading, figures
from message_db import MessageDb
from npm import NpmMissing, install
from ours import Ours
from pgbench import Insert, InsertsInTransaction
from reading import DECODED, RAW, UNSEALED
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.migrate import migrate

LOADS = (
    Load(writers=1),
    Load(writers=8),
    Load(writers=32),
    Load(writers=32, tenants=100),
    Load(writers=8, events=10),
)
READINGS = (RAW, DECODED, UNSEALED)
TURNS = 2

T = TypeVar("T")
Rate = TypeVar("Rate", float, Figures)
Step: TypeAlias = Callable[[str], None]
Missing: TypeAlias = Mapping[str, str]  # why, by name


def main(
    seconds: Annotated[int, typer.Argument(min=1, help="Of each turn at appending.")] = 3,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="A word in the name of a contender (ours runs anyway) or of what is measured;"
            " repeatable. Where none is named, all are run."
        ),
    ] = None,
) -> None:
    """Compares the ledger with its peers."""
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres.start(folder / "data") as server:
            show_conditions(server.url(), seconds)
            asyncio.run(migrate(server.url()))
            ours = Ours("ours", server.url(), asyncio.new_event_loop)  # as `crm serve` runs
            peers, missing = make_peers(server, ours, folder)
            contenders = [ours, *chosen(peers, only, lambda peer: peer.name)]
            rounds = chosen([*LOADS, *READINGS], only, str)
            if loads := [load for load in LOADS if load in rounds]:
                compare_appends(contenders, missing, loads, seconds)
            if kinds := [kind for kind in READINGS if kind in rounds]:
                compare_reading(contenders, missing, kinds)
    finally:
        shutil.rmtree(folder)
    print(f"\nLoad average after: {os.getloadavg()[0]:.1f}.")


def chosen(of: Sequence[T], only: Sequence[str] | None, name: Callable[[T], str]) -> list[T]:
    found = [one for one in of if any(word in name(one) for word in only or ())]
    return found or list(of)


# --- who takes part -------------------------------------------------------------------------------


def make_peers(
    server: EmbeddedPostgres, ours: Ours, folder: Path
) -> tuple[list[Contender], Missing]:
    """Those that can run here, and why the others cannot."""
    ours.append(Load(writers=1), seconds=0)  # an event for the anchor to take after
    peers: list[Contender] = [
        Ours("ours, on uvloop", server.url(), uvloop.new_event_loop),
        Insert(server.url()),
        InsertsInTransaction(server.url()),
        EventsourcingRecorder(new_database(server, "eventsourcing")),
    ]
    try:
        packages = install(folder / "npm")
    except NpmMissing as why:
        return peers, {MessageDb.name: str(why), Emmett.name: str(why)}
    peers.append(MessageDb(new_database(server, "message_store"), packages))
    peers.append(Emmett(new_database(server, "emmett"), packages))
    return peers, {}


def new_database(server: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return server.url(name)


# --- taking turns ---------------------------------------------------------------------------------


def compare_appends(
    contenders: Sequence[Contender], missing: Missing, loads: Sequence[Load], seconds: int
) -> None:
    def turn(one: Contender, load: Load) -> Figures:
        tidy_up(one.url)
        return figures(one.append(load, seconds), load.events)

    print("\n| appends by | contender | events/s | ours ÷ it | p50, ms | p99, ms |")
    print("|---|---|---|---|---|---|")
    takers = {load: [one for one in contenders if one.takes(load)] for load in loads}
    with steps(TURNS * sum(map(len, takers.values()))) as step:
        for load in loads:
            runs = {one.name: partial(turn, one, load) for one in takers[load]}
            best = take_turns(str(load), runs, step)
            ours = next(iter(best.values())).per_second
            for name, seen in best.items():
                times = f"{seen.p50:.2f}", f"{seen.p99:.2f}"
                show(load, name, f"{seen.per_second:,.0f}", f"{ours / seen.per_second:.2f}", *times)
            for name, why in missing.items():
                show(load, name, why, "", "", "")


def compare_reading(
    contenders: Sequence[Contender], missing: Missing, kinds: Sequence[str]
) -> None:
    readings: dict[str, Mapping[str, Reading]] = {}
    with steps(len(contenders)) as step:
        for one in contenders:
            step(f"filling {one.name}")
            readings[one.name] = one.readings()
            tidy_up(one.url)
    print("\n| reading back | contender | events/s | ours ÷ it |\n|---|---|---|---|")
    runs = {kind: {name: of[kind] for name, of in readings.items() if kind in of} for kind in kinds}
    with steps(TURNS * sum(map(len, runs.values()))) as step:
        for kind in kinds:
            best = take_turns(kind, runs[kind], step)
            ours = next(iter(best.values()))
            for name, seen in best.items():
                show(kind, name, f"{seen:,.0f}", f"{ours / seen:.2f}")
            for name, why in missing.items():
                show(kind, name, why, "")


def take_turns(what: str, runs: Mapping[str, Callable[[], Rate]], step: Step) -> dict[str, Rate]:
    """The better turn of each."""
    seen: dict[str, list[Rate]] = {name: [] for name in runs}
    for _ in range(TURNS):
        for name, run in runs.items():
            step(f"{what}: {name}")
            seen[name].append(run())
    return {name: max(turns) for name, turns in seen.items()}


def tidy_up(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")
        connection.execute("checkpoint")


# --- showing --------------------------------------------------------------------------------------


def show(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def show_conditions(url: str, seconds: int) -> None:
    """The settings that make an append durable, as they are, and what else the figures rest on."""
    with psycopg.connect(url) as connection:
        settings = connection.execute(
            "select name, setting from pg_settings where name in"
            " ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes')"
        ).fetchall()
    print(", ".join(f"{name} {value}" for name, value in settings))
    print(
        f"{os.cpu_count()} cores shared by client and server, load average {os.getloadavg()[0]:.1f}"
        f" before; turns of {seconds} s, of which the first {WARM_UP_SECONDS} s are not counted,"
        f" the better of {TURNS}."
    )


@contextmanager
def steps(total: int) -> Iterator[Step]:
    """A line on a terminal; drawn between turns only, so that it takes nothing from them."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    terminal = Console(stderr=True)
    with Progress(
        *columns,
        console=terminal,
        auto_refresh=False,
        transient=True,
        disable=not terminal.is_terminal,
    ) as progress:
        task = progress.add_task("", total=total)

        def step(what: str) -> None:
            progress.update(task, description=what)
            progress.refresh()
            progress.advance(task)

        yield step


if __name__ == "__main__":
    typer.run(main)
