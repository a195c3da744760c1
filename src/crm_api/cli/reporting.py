"""`crm report`: figures over many records, as of any past, as a table and as bars."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.table import Table

from crm_api.cli.moments import as_of_of, effective_of
from crm_api.cli.place import Place, open_place, open_runner
from crm_api.cli.reading import record_id_of
from crm_core import AsOf, Crm, CrmError, Invalid
from crm_core.catalog import AGGREGATES
from crm_core.kernel.events import plain
from crm_core.kernel.messages import invalid
from crm_core.ledger.postgres.connections import open_pool
from crm_core.sales import Pipeline
from crm_projections.registry import REPORTS
from crm_projections.reporting import (
    Names,
    Past,
    Question,
    Report,
    answer,
    labelled,
    past_of,
    vega_lite,
)

console = Console()

_BAR_WIDTH = 30
_MOMENT = "A position, or a time such as 2026-01-31T12:00Z"


def add_to(commands: typer.Typer) -> None:
    commands.command("report")(report)


def report(
    name: Annotated[
        str | None, typer.Argument(help="Which; without a name, all of them are listed.")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help=f"{_MOMENT}: what was known then.")] = None,
    effective_at: Annotated[
        str | None, typer.Option(help="A time: only what had happened by then.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="For a report that compares: the beginning. It is on the effective clock if"
            " --effective-at is given."
        ),
    ] = None,
    by: Annotated[str, typer.Option(help="The group: owner, product, month and so on.")] = "all",
    where: Annotated[
        list[str] | None,
        typer.Option(help="A filter such as source=web or owner=ada@example.com; may be repeated."),
    ] = None,
    first_day: Annotated[str | None, typer.Option("--from", help="The period's first day.")] = None,
    end_day: Annotated[str | None, typer.Option("--to", help="The day after its last.")] = None,
    time_zone: Annotated[str, typer.Option(help="Where a day begins, an IANA name.")] = "UTC",
    chart: Annotated[
        bool, typer.Option("--vega-lite", help="Print the picture's specification instead.")
    ] = False,
) -> None:
    """Show a report as of now or of any past, on both clocks."""
    if name is None:
        _list()
        return
    asked = {"group": by.upper(), "time_zone": time_zone}
    asked |= {"first_day": first_day} if first_day else {}
    asked |= {"end_day": end_day} if end_day else {}
    moment = effective_of(effective_at).effective_at if effective_at else None
    known = as_of_of(as_of)
    past = AsOf(position=known.position, time=known.time, effective_at=moment)
    found = asyncio.run(_ask(_named(name), asked, where or [], past, since))
    console.print_json(data=found.spec) if chart else _show(found)


@dataclass(frozen=True)
class _Found:
    report: Report[Any, Any]
    question: Question
    past: Past
    lines: Sequence[Mapping[str, Any]]

    @property
    def spec(self) -> dict[str, Any]:
        return vega_lite(self.report, self.question, self.lines)


def _named(name: str) -> Report[Any, Any]:
    for known in REPORTS:
        if known.name == name:
            return known
    raise Invalid("report", f"is one of {', '.join(known.name for known in REPORTS)}")


def _list() -> None:
    table = Table("name", "what", "by")
    for known in REPORTS:
        groups = [group for group in type(known.question().grouped_by) if group in known.groups]
        table.add_row(known.name, known.title, ", ".join(groups).lower())
    console.print(table)


# --- asking ---------------------------------------------------------------------------------------


async def _ask(
    report: Report[Any, Any],
    asked: dict[str, Any],
    where: list[str],
    as_of: AsOf,
    since: str | None,
) -> _Found:
    async with open_place() as place, await place.open_crm() as crm:
        question = await _question(crm, report, asked, where)
        async with open_runner(place, crm) as runner:
            reached = await runner.catch_up(crm.tenant_id)
        past = await past_of(crm, as_of, present=reached)
        before = await past_of(crm, _beginning(since, as_of), present=reached) if since else None
        rows = await _rows(place, crm, report, past, question, before)
        lines = await labelled(question, rows, _AllNames(crm, past.known))
        return _Found(report, question, past, lines)


def _beginning(since: str, as_of: AsOf) -> AsOf:
    """The past that is compared with, on the clock that the other one is named on."""
    if as_of.effective_at is None:
        return as_of_of(since)
    effective_at = effective_of(since).effective_at
    return AsOf(position=as_of.position, time=as_of.time, effective_at=effective_at)


async def _rows(
    place: Place,
    crm: Crm,
    report: Report[Any, Any],
    past: Past,
    question: Question,
    since: Past | None,
) -> list[Any]:
    pool = await open_pool(place.url, "crm_tenant", tenant_id=crm.tenant_id, size=1)
    try:
        teams = await crm.teams(past.position)
        return await answer(report, pool, crm.tenant_id, past, question, since=since, teams=teams)
    finally:
        await pool.close()


async def _question(
    crm: Crm, report: Report[Any, Any], asked: dict[str, Any], where: list[str]
) -> Question:
    """The question from its words; `owner=…` may be repeated and takes any of its values."""
    names = {field.name for field in fields(report.question)}
    filters: defaultdict[str, list[Any]] = defaultdict(list)
    for condition in where:
        name, _, value = condition.partition("=")
        plurals = [plural for plural in (f"{name}_ids", *_plurals(name)) if plural in names]
        if not plurals or not value:
            raise Invalid("where", f"is name=value; {report.name} knows {_filters(names)}")
        is_id = plurals[0].endswith("_ids")
        filters[plurals[0]].append(await record_id_of(crm, value) if is_id else value)
    try:
        found: Question = msgspec.convert(asked | filters, report.question, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(error, "report") from None
    return found


def _plurals(name: str) -> tuple[str, ...]:
    return f"{name}s", f"{name.removesuffix('y')}ies"


def _filters(names: set[str]) -> str:
    own = names - {"group", "time_zone", "first_day", "end_day"}
    return ", ".join(sorted(name.removesuffix("_ids").removesuffix("s") for name in own))


@dataclass(frozen=True)
class _AllNames(Names):
    """The names as they were known to the report; who sits at the database may see them all."""

    crm: Crm
    known: AsOf

    async def name(self, kind: str, record_id: UUID) -> str | None:
        (of,) = (of for topic, of in AGGREGATES.items() if topic.endswith(f".{kind}"))
        try:
            record: Any = await self.crm.get(of, record_id, self.known)
        except CrmError:
            return None
        return plain(record.name)

    async def stages(self, pipeline_id: UUID) -> Mapping[str, str]:
        pipeline = await self.crm.get(Pipeline, pipeline_id, self.known)
        return {stage.id: stage.name for stage in pipeline.current.stages}


# --- showing --------------------------------------------------------------------------------------


def _show(found: _Found) -> None:
    report = found.report
    table = Table(title=report.title)
    names = _columns(found)
    for name in names:
        is_number = any(isinstance(line[name], Decimal | int | float) for line in found.lines)
        table.add_column(name.replace("_", " "), justify="right" if is_number else "left")
    table.add_column(f"{report.chart.up} ▏".replace("_", " "))
    largest = _largest(found)
    for line in found.lines:
        bar = _bar(found, line, largest[line.get("currency")])
        table.add_row(*(_cell(name, line[name]) for name in names), bar)
    console.print(table if found.lines else f"{report.title}: there is nothing.")
    console.print(f"As of position {found.past.position:,}. {report.definition}", highlight=False)


def _columns(found: _Found) -> list[str]:
    """The label if there is one, the stage by its name, and the figures."""
    if not found.lines:
        return []
    hidden = {"key", "label", "stage", "stage_id", "pipeline_id"}
    first = [name for name in ("label", "stage") if found.lines[0].get(name) is not None]
    return first + [name for name in found.lines[0] if name not in hidden]


def _cell(name: str, value: Any) -> str:
    match value:
        case None:
            return ""
        case float() if "rate" in name or "share" in name:
            return f"{value:.1%}"
        case float():
            return f"{value:,.1f}"
        case Decimal() | int():
            return f"{value:,}"
        case _:
            return str(value)


def _largest(found: _Found) -> dict[Any, float]:
    """The longest bar of each currency: amounts of two are never compared."""
    largest: defaultdict[Any, float] = defaultdict(float)
    for line in found.lines:
        ends = _ends(found, line)
        largest[line.get("currency")] = max(largest[line.get("currency")], *ends)
    return largest


def _bar(found: _Found, line: Mapping[str, Any], largest: float) -> RenderableType:
    begin, end = _ends(found, line)
    return Bar(largest, begin, end, width=_BAR_WIDTH) if largest else ""


def _ends(found: _Found, line: Mapping[str, Any]) -> tuple[float, float]:
    chart = found.report.chart
    up = float(line[chart.up] or 0)
    begin = up - float(line[chart.rise]) if chart.rise else 0.0
    return max(min(begin, up), 0.0), max(begin, up)
