"""Figures over many records, now and as they were believed at any past moment."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_snake_case

from crm_api.graphql.arguments.reports import (
    GroupBy,
    SalesReportWhere,
    TicketReportWhere,
    TimeZone,
    question_of,
)
from crm_api.graphql.as_of import (
    AsOfArgument,
    AsOfInput,
    EffectiveAt,
    MinPosition,
    PastInput,
    as_of_from,
)
from crm_api.graphql.context import Context, Info, require
from crm_api.graphql.fields import READS
from crm_api.graphql.reading import Reported
from crm_api.graphql.scalars import Position
from crm_api.graphql.types.reports import report_type
from crm_core import AsOf, Denied
from crm_core.access.rights import Reach
from crm_projections.checkpoints import Reached
from crm_projections.registry import REPORTS
from crm_projections.reporting import Past, Question, Report, past_of
from crm_projections.sales_pipeline.reports import SalesGroup, SalesQuestion
from crm_projections.ticket_queue.reports import TicketGroup

__all__ = ["ReportQueries"]

Resolver = Callable[..., Awaitable[Any]]


def _resolver(report: Report[Any, Any]) -> Resolver:
    """Asks the report as of one past."""
    of, form, group = _forms(report)

    async def resolve(
        info: Info,
        where: Any = strawberry.UNSET,
        group_by: Any = group.ALL,
        time_zone: str = "UTC",
        as_of: AsOfInput | None = strawberry.UNSET,
        effective_at: datetime | None = strawberry.UNSET,
        min_position: Position | None = strawberry.UNSET,
    ) -> Any:
        context = await require(info, report.kind, min_position=min_position)
        past, shown = await _past(context, report, as_of_from(as_of, effective_at))
        question = question_of(form, where, group_by, time_zone)
        rows = await context.services.reports.answer(
            report,
            past,
            question,
            shown=shown,
            reach=await _reach(context, report),
            teams=await _teams(context, question, past),
        )
        return of.of(question, past, rows)

    resolve.__annotations__ = _annotations(of, form, group) | {
        "time_zone": TimeZone,
        "as_of": AsOfArgument,
        "effective_at": EffectiveAt,
    }
    return resolve


def _comparing_resolver(report: Report[Any, Any]) -> Resolver:
    """Asks the report between two pasts."""
    of, form, group = _forms(report)

    async def resolve(
        info: Info,
        from_: PastInput,
        to: PastInput | None = strawberry.UNSET,
        where: Any = strawberry.UNSET,
        group_by: Any = group.ALL,
        min_position: Position | None = strawberry.UNSET,
    ) -> Any:
        context = await require(info, report.kind, min_position=min_position)
        since, _ = await _past(context, report, from_.as_of_past())
        past, shown = await _past(context, report, to.as_of_past() if to else AsOf())
        question = question_of(form, where, group_by, "UTC")
        rows = await context.services.reports.answer(
            report,
            past,
            question,
            shown=shown,
            since=since,
            reach=await _reach(context, report),
            teams=await _teams(context, question, past),
        )
        return of.of(question, past, rows)

    resolve.__annotations__ = _annotations(of, form, group) | {
        "from_": Annotated[
            PastInput, strawberry.argument(name="from", description="The beginning.")
        ],
        "to": Annotated[
            PastInput | None, strawberry.argument(description="The end; the present, if none.")
        ],
    }
    return resolve


def _forms(report: Report[Any, Any]) -> tuple[Any, type[Any], Any]:
    """The types of the answer, of the filter and of the groups."""
    if report.question is SalesQuestion:
        return report_type(report), SalesReportWhere, SalesGroup
    return report_type(report), TicketReportWhere, TicketGroup


def _annotations(of: Any, form: type[Any], group: Any) -> dict[str, Any]:
    """The types that every report's arguments have."""
    return {
        "info": Info,
        "where": form | None,
        "group_by": Annotated[group, GroupBy],
        "min_position": MinPosition,
        "return": of | None,
    }


async def _teams(context: Context, question: Question, past: Past) -> Mapping[UUID, UUID]:
    """Who was in which team then, where the report is by teams."""
    by_team = question.grouped_by in (SalesGroup.TEAM, TicketGroup.TEAM)
    return await context.services.crm.teams(past.position) if by_team else {}


async def _reach(context: Context, report: Report[Any, Any]) -> Reach:
    """The records that the report may count for the reader; all of their fields, or none.

    Raises Denied where a group of fields is withheld: a sum would tell it.
    """
    rights = await context.rights()
    for group in rights.withheld(report.kind):
        raise Denied(f"{report.kind}.{group}")
    return rights.reach(report.kind)


async def _past(context: Context, report: Report[Any, Any], as_of: AsOf) -> tuple[Past, Reached]:
    """The past that a report is of, once its read model has reached it, and where that was before.

    The present is what the read model shows by now, so asked again as of that position a report
    says the same.
    """
    reached = await context.services.runner.shown(context.tenant_id, report.kept_by.name)
    past = await past_of(context.services.crm, as_of, present=reached.position)
    if past.position > reached.position:
        await context.wait_for(Position(past.position))
    return past, reached


def _reads(report: Report[Any, Any]) -> Reported:
    return Reported(report.kind, report.kept_by.name)


def _body(namespace: dict[str, Any]) -> None:
    for report in REPORTS:
        resolve = (_comparing_resolver if report.compares else _resolver)(report)
        name = to_snake_case(report.row.__name__.removesuffix("Row"))
        periods = f" Its period is of {report.period_of}." if report.period_of else ""
        namespace[name if report.compares else f"{name}_report"] = strawberry.field(
            resolver=resolve,
            description=f"{report.title}. {report.definition}{periods}",
            metadata={} if report.compares else {READS: _reads(report)},
        )


if TYPE_CHECKING:

    class ReportQueries:
        """A field for each report."""

else:
    ReportQueries = strawberry.type(types.new_class("ReportQueries", (), {}, _body))
