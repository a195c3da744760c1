"""`crm import …`: foreign files in, with a summary of every row that was not taken as it is."""

from __future__ import annotations

import asyncio
import csv
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from crm_api.cli.place import open_place, open_runner
from crm_api.cli.progress import progress_bar
from crm_core import SetupError
from crm_core.importing.helpdesk import plan_helpdesk
from crm_core.importing.plan import Note, NoteKind, Plan
from crm_core.importing.run import ImportResult, run_plan
from crm_core.importing.sales import plan_sales

console = Console()
imports = typer.Typer(help="Import foreign files; safe to run again after a kill.")

_LINES_SHOWN = 5

ReportOption = Annotated[
    Path | None, typer.Option(help="Write a line for every row that was cleaned, mapped, refused.")
]


def add_to(commands: typer.Typer) -> None:
    commands.add_typer(imports, name="import")


@imports.command("sales")
def sales(
    folder: Annotated[Path, typer.Argument(help="With accounts.csv, products.csv and so on.")],
    report: ReportOption = None,
) -> None:
    """Accounts, products, agents and opportunities ("CRM Sales Opportunities")."""
    asyncio.run(_import(lambda tenant_id: plan_sales(folder, tenant_id), report))


@imports.command("helpdesk")
def helpdesk(
    file: Annotated[Path, typer.Argument(help="The log, one row an activity.")],
    report: ReportOption = None,
) -> None:
    """Tickets from a help desk's log of activities."""
    asyncio.run(_import(lambda tenant_id: plan_helpdesk(file, tenant_id), report))


async def _import(plan_of: Callable[[UUID], Plan], report: Path | None) -> None:
    if report is not None:
        _check_writable(report)
    async with open_place() as place, await place.open_crm() as crm:
        plan = plan_of(crm.tenant_id)
        with progress_bar(f"importing {plan.name}", "commands") as progress:
            result = await run_plan(crm, plan, progress)
        async with open_runner(place, crm) as runner:
            with progress_bar("read models") as progress:
                await runner.catch_up(crm.tenant_id, progress)
    _summarise(plan, result)
    if report is not None:
        _write(report, result.notes)
    if any(note.kind is NoteKind.REFUSED for note in result.notes):
        console.print("Some rows were refused; all others are in.")


def _summarise(plan: Plan, result: ImportResult) -> None:
    rows = ", ".join(f"{count:,} in {file}" for file, count in sorted(plan.rows.items()))
    console.print(f"{result.rows:,} rows ({rows})", highlight=False)
    rate = result.events / result.seconds if result.seconds else 0
    console.print(
        f"{result.events:,} events in {result.seconds:.1f} s ({rate:,.0f} events/s);"
        f" {result.repeated:,} of {result.commands:,} commands had been executed before",
        highlight=False,
    )
    if not result.notes:
        return
    table = Table("what", "file", "rows", "why", "lines")
    cases: defaultdict[tuple[NoteKind, str, str], list[int]] = defaultdict(list)
    for note in result.notes:
        cases[note.kind, note.file, note.why].append(note.line)
    for (kind, file, why), lines in sorted(cases.items()):
        shown = ", ".join(map(str, lines[:_LINES_SHOWN]))
        more = ", …" if len(lines) > _LINES_SHOWN else ""
        table.add_row(kind.value.lower(), file, f"{len(lines):,}", why, shown + more)
    console.print(table)
    counts = Counter(note.kind.value.lower() for note in result.notes)
    console.print(", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items())))


def _check_writable(report: Path) -> None:
    if not report.parent.is_dir():
        raise SetupError("cli.no_such_folder", "make it first", folder=str(report.parent))


def _write(report: Path, notes: list[Note]) -> None:
    with report.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["what", "file", "line", "why", "value"])
        rows.writerows([n.kind.value, n.file, n.line, n.why, n.what] for n in notes)
    console.print(f"Every such row is in {report}.", highlight=False)
