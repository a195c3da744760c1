"""A report: one question about many records, answered by one statement, as typed rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from crm_core import Invalid, Rejected
from crm_core.access.rights import EVERYTHING, Reach
from crm_core.ledger.postgres.connections import Pool
from crm_projections.projection import Projection
from crm_projections.reporting.chart import Chart
from crm_projections.reporting.past import LATEST, Past
from crm_projections.reporting.question import Question
from crm_projections.select import select

__all__ = ["Report", "answer"]

Q = TypeVar("Q", bound=Question)
R = TypeVar("R", bound=Struct)


@dataclass(frozen=True, eq=False, kw_only=True)
class Report(Generic[Q, R]):
    """How a question is answered.

    `definition` says what is counted and how, in the reader's words. `row` is a line of the answer:
    a Decimal in it is money in the row's `currency`, and rows of different currencies are never
    added. `sql` gives the statement; its order is total, so equal answers are equal bytes.
    `compares`: it is about what lies between an earlier past, `since`, and the asked one.
    """

    name: str
    title: str
    definition: str
    period_of: str | None  # which moment of a record its periods are of; None: it takes none
    kind: str  # of the records, as rights name it
    kept_by: type[Projection]
    question: type[Q]
    row: type[R]
    sql: Callable[[Q], str]
    chart: Chart
    groups: frozenset[str]
    compares: bool = False


async def answer(
    report: Report[Q, R],
    pool: Pool,
    tenant_id: UUID,
    past: Past,
    question: Q | None = None,
    *,
    since: Past | None = None,
    reach: Reach = EVERYTHING,
    teams: Mapping[UUID, UUID] = MappingProxyType({}),
) -> list[R]:
    """The report's rows, in its order, over the records in reach.

    `teams` says in which team each user was then (`Crm.teams`), for a report by teams.

    Raises Rejected `report.cannot_group_by`, and `report.runs_backwards` where `since` is later
    than the past on either clock; Invalid where a report that compares lacks it, or has a period.
    """
    asked = question or report.question()
    if asked.grouped_by not in report.groups:
        raise Rejected(
            "report.cannot_group_by",
            report=report.name,
            group=asked.grouped_by.value,
            known=sorted(report.groups),
        )
    if report.period_of is None and (asked.first_day or asked.end_day):
        raise Invalid("period", f"is not for {report.name}: its two moments are the period")
    parameters: dict[str, Any] = {"tenant": tenant_id, **asked.parameters, **past.parameters}
    parameters |= {
        "sees_everything": reach.everything,
        "seen_owners": sorted(reach.owners),
        "seen_records": sorted(reach.records),
        "teams": msgspec.json.encode({str(user): str(of) for user, of in teams.items()}).decode(),
    }
    if report.compares:
        if since is None:
            raise Invalid("since", f"is needed: {report.name} is about what came after it")
        before = since.moment or LATEST
        if since.position > past.position or before > (past.moment or LATEST):
            raise Rejected("report.runs_backwards")
        parameters |= {"since_position": since.position, "since_moment": before}
    return await select(pool, report.row, report.sql(asked), parameters)
