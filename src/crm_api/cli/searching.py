"""`crm audit search`: who did what, by words and by what the envelopes say."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crm_api.cli.moments import effective_of
from crm_api.cli.place import open_place, open_runner
from crm_api.cli.reading import record_id_of
from crm_core import SYSTEM, Crm, Invalid
from crm_core.access.records import kind_of
from crm_core.audit.reads import How, Read, ReadLog
from crm_core.ledger.postgres.connections import open_pool
from crm_projections.audit_trail.projection import AUDIT, AuditRow
from crm_projections.audit_trail.search import NAMED_KINDS, names_of_users, search_filter
from crm_projections.reading import (
    PAGE_MAX,
    All,
    Comparison,
    Filter,
    Operator,
    Order,
    Page,
    Reads,
    Window,
)

__all__ = ["search"]

console = Console()


def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="Each must be in a type, a reason, an actor, or the name of a record or user; or"
            " be an id."
        ),
    ] = None,
    record: Annotated[str | None, typer.Option(help="As `crm history` takes it.")] = None,
    actor: Annotated[str | None, typer.Option(help="An id, or a user's e-mail address.")] = None,
    type: Annotated[str | None, typer.Option(help="Such as `sales.opportunity.won`.")] = None,
    reason: Annotated[str | None, typer.Option(help="A part of it.")] = None,
    subject: Annotated[str | None, typer.Option(help="Whom it is about, by id.")] = None,
    command: Annotated[str | None, typer.Option(help="A command's id.")] = None,
    correlation: Annotated[str | None, typer.Option(help="A journey's id.")] = None,
    since: Annotated[str | None, typer.Option(help="Recorded at this time or later.")] = None,
    until: Annotated[str | None, typer.Option(help="Recorded by this time.")] = None,
    happened_since: Annotated[str | None, typer.Option(help="By the effective clock.")] = None,
    happened_until: Annotated[str | None, typer.Option(help="By the effective clock.")] = None,
    after: Annotated[str | None, typer.Option(help="The cursor that the last page ended with.")] = (
        None
    ),
    limit: Annotated[int, typer.Option(help="Entries a page.", min=1, max=PAGE_MAX)] = 50,
) -> None:
    """Search the audit trail, the latest entries first."""
    given: dict[tuple[str, Operator], str | None] = {
        ("type", Operator.EQ): type,
        ("reason", Operator.CONTAINS): reason,
        ("subject_id", Operator.EQ): subject,
        ("command_id", Operator.EQ): command,
        ("correlation_id", Operator.EQ): correlation,
        ("recorded_at", Operator.GTE): since,
        ("recorded_at", Operator.LTE): until,
        ("happened_at", Operator.GTE): happened_since,
        ("happened_at", Operator.LTE): happened_until,
    }
    asked = [
        Comparison(column, operator, _typed(column, value))
        for (column, operator), value in given.items()
        if value is not None
    ]
    window = Window(first=limit, after=after)
    asyncio.run(_search(" ".join(words or []), asked, record, actor, window))


async def _search(
    words: str, asked: list[Comparison], record: str | None, actor: str | None, window: Window
) -> None:
    async with open_place() as place, await place.open_crm() as crm:
        async with open_runner(place, crm) as runner:
            await runner.catch_up(crm.tenant_id)
        pool = await open_pool(place.url, "crm_tenant", tenant_id=crm.tenant_id, size=2)
        try:
            reads = Reads(pool, crm.tenant_id)
            where: list[Filter] = [*asked]
            if words:
                users = await names_of_users(crm)
                where.append(await search_filter(reads, words, NAMED_KINDS, users))
            if record is not None:
                where.append(Comparison("record_id", Operator.EQ, await record_id_of(crm, record)))
            if actor is not None:
                where.append(Comparison("actor_id", Operator.EQ, await _actor_id(crm, actor)))
            order = (Order("position", descending=True),)
            page = await reads.page(AUDIT, window, where=All(tuple(where)), order=order)
            shown = {(kind_of(row.record_type), row.record_id): False for row in page.rows}
            read_log = ReadLog(pool, crm.tenant_id, place.settings.read_log)
            await read_log.record(Read(SYSTEM, How.CLI, "auditTrail", shown))
        finally:
            await pool.close()
    _show(page)


def _show(page: Page[AuditRow]) -> None:
    table = Table("position", "recorded", "happened", "by", "what", "record", "reason")
    for row in page.rows:
        cells: tuple[Any, ...] = (
            row.position,
            f"{row.recorded_at:%Y-%m-%d %H:%M:%S}",
            f"{row.happened_at:%Y-%m-%d %H:%M}" if row.happened_at != row.recorded_at else "",
            f"{row.actor_kind.value.lower()} {row.actor_id}",
            row.type,
            row.record_id,
            row.reason or "",
        )
        table.add_row(*(escape(str(cell)) for cell in cells))
    console.print(table)
    if page.has_next:
        console.print(f"There are more: --after {page.cursors[-1]}", soft_wrap=True, markup=False)


def _typed(column: str, value: str) -> Any:
    match column:
        case "recorded_at" | "happened_at":
            return effective_of(value).effective_at
        case "subject_id" | "command_id" | "correlation_id":
            try:
                return UUID(value)
            except ValueError:
                raise Invalid(column.removesuffix("_id"), "is an id") from None
        case _:
            return value


async def _actor_id(crm: Crm, actor: str) -> str:
    return str(await record_id_of(crm, actor)) if "@" in actor else actor
