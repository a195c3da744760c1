"""What can be asked of reports."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, TypeAlias

import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.errors import ErrorCode, Refused
from crm_api.graphql.ids import required_uuid
from crm_core.service.ticket.events import TicketChannel, TicketPriority, TicketType
from crm_projections.reporting import Question
from crm_projections.sales_pipeline.reports import SalesGroup, SalesQuestion
from crm_projections.ticket_queue.reports import TicketGroup, TicketQuestion

__all__ = ["GroupBy", "SalesReportWhere", "TicketReportWhere", "TimeZone", "question_of"]

for _enum in (SalesGroup, TicketGroup, TicketChannel, TicketPriority, TicketType):
    graphql_enum(_enum)

TimeZone: TypeAlias = Annotated[
    str,
    strawberry.argument(
        description="An IANA name such as `Europe/Rome`: where a day begins, for periods and for"
        " the day of the report."
    ),
]
GroupBy = strawberry.argument(description="A row for each of these; each currency has its own.")


@strawberry.input(name="Period", description="A stretch of days, in the time zone of the report.")
class PeriodInput:
    from_: date | None = strawberry.field(
        name="from", default=strawberry.UNSET, description="This day included."
    )
    to: date | None = strawberry.field(default=strawberry.UNSET, description="This day left out.")


def _any(of: str) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=f"Any of these {of}.")


_PERIOD = strawberry.field(
    default=strawberry.UNSET,
    description="Only records whose moment lies in it; the report says which moment that is.",
)


@strawberry.input(
    description="Which opportunities a report is about, by how they stood as of then; all of it"
    " must hold. Global ids or bare UUIDs."
)
class SalesReportWhere:
    owner_ids: list[strawberry.ID] | None = _any("owners")
    pipeline_ids: list[strawberry.ID] | None = _any("pipelines")
    product_ids: list[strawberry.ID] | None = _any("products")
    sources: list[str] | None = _any("sources")
    period: PeriodInput | None = _PERIOD


@strawberry.input(
    description="Which tickets a report is about, by how they stood as of then; all of it must"
    " hold. Global ids or bare UUIDs."
)
class TicketReportWhere:
    assignee_ids: list[strawberry.ID] | None = _any("users")
    queues: list[str] | None = _any("queues")
    priorities: list[TicketPriority] | None = _any("priorities")
    types: list[TicketType] | None = _any("types")
    channels: list[TicketChannel] | None = _any("channels")
    products: list[str] | None = _any("products")
    period: PeriodInput | None = _PERIOD


_FORMS: dict[type[Any], type[Question]] = {
    SalesReportWhere: SalesQuestion,
    TicketReportWhere: TicketQuestion,
}


def question_of(
    form: type[Any], where: Any, group_by: SalesGroup | TicketGroup, time_zone: str
) -> Question:
    """The question that the arguments ask. Raises Invalid or Refused where they make no sense."""
    given = {} if where is strawberry.UNSET or where is None else _given(where)
    period = _given(given.pop("period")) if "period" in given else {}
    return _FORMS[form](
        group=group_by,  # type: ignore[call-arg]
        time_zone=time_zone,
        first_day=period.get("from_"),
        end_day=period.get("to"),
        **{
            name: tuple(map(required_uuid, value)) if name.endswith("_ids") else tuple(value)
            for name, value in given.items()
        },
    )


def _given(values: Any) -> dict[str, Any]:
    """The fields that are given; null is none: a forgotten variable must not widen the report."""
    given = {name: value for name, value in vars(values).items() if value is not strawberry.UNSET}
    for name, value in given.items():
        if value is None:
            raise Refused(ErrorCode.BAD_USER_INPUT, "query.null_comparison", column=name)
    return given
