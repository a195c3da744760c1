"""Reports in answers: a type for each, made from its rows."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Union, cast, get_args, get_type_hints
from uuid import UUID

import msgspec
import strawberry
from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

from crm_api.graphql.commands.inputs import summary
from crm_api.graphql.context import Info
from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.links import linked
from crm_api.graphql.reading import Settled
from crm_api.graphql.registry import kind_of_name
from crm_api.graphql.scalars import CurrencyCode, Position
from crm_api.graphql.types.money import MoneyAmount
from crm_api.graphql.types.pipeline import PIPELINE, Pipeline, Stage
from crm_core import AsOf
from crm_core.personal import PERSONAL_KINDS
from crm_projections.reporting import Names, Past, Question, Report, label, labelled, vega_lite

__all__ = ["ReportAnswer", "report_type"]


@dataclass(frozen=True, slots=True)
class _KnownNames(Names):
    """The names that the reader may see, as they were known to the report."""

    info: Info
    known: AsOf

    async def name(self, kind: str, record_id: UUID) -> str | None:
        of = kind_of_name(kind)
        assert of is not None, f"{kind} is a kind of record"
        found = await linked(self.info, of, record_id, self.known)
        notes = self.info.context.notes
        if found is not None and notes is not None and kind in PERSONAL_KINDS:
            notes.add(kind, record_id, personal=True)
        return None if found is None else cast("str | None", found.name)

    async def stages(self, pipeline_id: UUID) -> Mapping[str, str]:
        pipeline = await linked(self.info, PIPELINE, pipeline_id, self.known)
        return {stage.id: stage.name for stage in pipeline.row.stages} if pipeline else {}


@strawberry.interface(name="ReportRow", description="A row of a report.")
class ReportRow:
    key: str | None = strawberry.field(
        description="The group: an id, a code, or the first day of a period; null where the report"
        " is not grouped, and for what has none."
    )
    row: strawberry.Private[Any]
    question: strawberry.Private[Question]
    past: strawberry.Private[Past]

    @resolver("The key in words: a name as of then, where you may see it; else the key.")
    async def label(self, info: Info) -> str | None:
        return await label(self.question, self.key, _KnownNames(info, self.past.known))


@strawberry.interface(name="StageReportRow", description="A row about a stage of a pipeline.")
class StageReportRow(ReportRow):
    stage_id: str | None

    @resolver("The pipeline that the stage is of.", reads=Settled())
    async def pipeline(self, info: Info) -> Pipeline | None:
        found = await linked(info, PIPELINE, self.row.pipeline_id, self.past.known)
        return cast("Pipeline | None", found)

    @resolver("The stage, if the pipeline has it then.", reads=Settled())
    async def stage(self, info: Info) -> Stage | None:
        pipeline = await linked(info, PIPELINE, self.row.pipeline_id, self.past.known)
        stages = pipeline.row.stages if pipeline else ()
        return next((stage for stage in stages if stage.id == self.stage_id), None)


@strawberry.interface(
    name="Report",
    description="Figures over many records, as of a past: the same question as of the same"
    " `position` gets the same answer for ever.",
)
class ReportAnswer:
    position: Position = strawberry.field(
        description="What was recorded up to this place in the ledger."
    )
    measured_at: datetime | None = strawberry.field(
        description="The moment that ages are measured at: `effectiveAt`, or when `position` was"
        " recorded; null before the first event."
    )
    definition: str = strawberry.field(description="What is counted, and how.")
    report: strawberry.Private[Report[Any, Any]]
    question: strawberry.Private[Question]
    past: strawberry.Private[Past]
    found: strawberry.Private[Sequence[msgspec.Struct]]

    @resolver(
        "The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the"
        " names that you may see."
    )
    async def chart(self, info: Info) -> JSON:
        lines = await labelled(self.question, self.found, _KnownNames(info, self.past.known))
        return JSON(vega_lite(self.report, self.question, lines))


def report_type(report: Report[Any, Any]) -> Any:
    """The GraphQL type of a report; `of` makes an answer of the rows that were found."""
    row_type = _row_type(report)

    def of(
        cls: Any, question: Question, past: Past, rows: Sequence[msgspec.Struct]
    ) -> ReportAnswer:
        answer: ReportAnswer = cls(
            position=Position(past.position),
            measured_at=past.until,
            definition=report.definition,
            report=report,
            question=question,
            past=past,
            found=rows,
            rows=[_row(row_type, row, question, past) for row in rows],
        )
        return answer

    def body(namespace: dict[str, Any]) -> None:
        namespace["__annotations__"] = {"rows": list[row_type]}  # type: ignore[valid-type]
        namespace["of"] = classmethod(of)

    name = report.row.__name__.removesuffix("Row") + "Report"
    made = types.new_class(name, (ReportAnswer,), {}, body)
    return strawberry.type(made, name=name, description=f"{report.title}.")


def _row_type(report: Report[Any, Any]) -> type[ReportRow]:
    hints = get_type_hints(report.row)
    base = StageReportRow if "pipeline_id" in hints else ReportRow
    inherited = {"key", "stage_id", "pipeline_id"}

    def body(namespace: dict[str, Any]) -> None:
        namespace["__annotations__"] = {
            _NAMES.get(name, name): _annotation(name, of)
            for name, of in hints.items()
            if name not in inherited
        }

    made = types.new_class(report.row.__name__, (base,), {}, body)
    said = re.sub("`[a-z_]+`", lambda name: to_camel_case(name[0]), summary(report.row) or "")
    return cast("type[ReportRow]", strawberry.type(made, name=made.__name__, description=said))


_NAMES = {"currency": "currency_code"}


def _annotation(name: str, of: Any) -> Any:
    """The type of a field of a row; a Decimal is money in the row's currency."""
    if name == "currency":
        return CurrencyCode
    parts = get_args(of) or (of,)
    (plain,) = (part for part in parts if part is not type(None))
    if issubclass(plain, StrEnum):
        plain = graphql_enum(plain)
    if plain is Decimal:
        plain = MoneyAmount
    return plain if len(parts) == 1 else Union[plain, None]  # noqa: UP007 - from a variable


def _row(of: type[ReportRow], row: msgspec.Struct, question: Question, past: Past) -> ReportRow:
    shown: dict[str, Any] = msgspec.structs.asdict(row)
    shown.pop("pipeline_id", None)
    if "currency" in shown:
        code = shown["currency_code"] = CurrencyCode(shown.pop("currency"))
        for name, value in shown.items():
            if isinstance(value, Decimal):
                shown[name] = MoneyAmount(amount=value, currency_code=code)
    return of(**shown, row=row, question=question, past=past)
