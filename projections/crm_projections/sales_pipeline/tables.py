"""The tables of the sales pipeline."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from crm_core.sales.opportunity.events import ContactRole, OpportunityStatus
from crm_core.sales.pipeline.events import ForecastCategory, Stage
from crm_projections.tables import Row, Table
from crm_projections.temporal import TemporalRow

__all__ = [
    "OPPORTUNITIES",
    "OPPORTUNITY_PERIODS",
    "OPPORTUNITY_STEPS",
    "PIPELINES",
    "PRODUCTS",
    "OpportunityPeriodRow",
    "OpportunityRow",
    "OpportunityStepKind",
    "OpportunityStepRow",
    "PipelineRow",
    "ProductRow",
]


class Line(Struct, frozen=True, kw_only=True):
    line_id: UUID
    product_id: UUID
    unit_price: Decimal
    quantity: Decimal
    discount_percent: Decimal
    tax_code: str | None
    line_total: Decimal


class Contact(Struct, frozen=True, kw_only=True, order=True):
    customer_id: UUID
    role: ContactRole


class OpportunityRow(Row, frozen=True, kw_only=True):
    """How an opportunity stands. Times are on the effective clock; amounts are in `currency`.

    What was written about it is about whoever was its customer then: `name_about`,
    `next_step_about`; about itself, while it had none.
    """

    opportunity_id: UUID
    name: str | None
    name_about: UUID
    status: OpportunityStatus
    customer_id: UUID | None
    owner_id: UUID
    product_id: UUID | None
    source: str | None
    pipeline_id: UUID
    pipeline_version: int
    stage_id: str
    last_stage: str | None = None
    probability: Decimal
    forecast_category: ForecastCategory
    amount: Decimal | None
    currency: str
    close_date: date | None
    next_step: str | None = None
    next_step_about: UUID | None = None
    next_step_on: date | None = None
    lost_reason: str | None = None
    lost_to: str | None = None
    lines: tuple[Line, ...] = ()
    contacts: tuple[Contact, ...] = ()
    external_ids: tuple[tuple[str, str], ...] = ()
    stage_entered_at: datetime
    opened_at: datetime
    closed_at: datetime | None = None
    version: int
    created_at: datetime
    updated_at: datetime


class OpportunityPeriodRow(TemporalRow, frozen=True, kw_only=True):
    """What a report needs to know of an opportunity, over a stretch of time."""

    opportunity_id: UUID
    status: OpportunityStatus
    pipeline_id: UUID
    stage_id: str
    probability: Decimal
    forecast_category: ForecastCategory
    amount: Decimal | None
    currency: str
    owner_id: UUID
    customer_id: UUID | None
    product_id: UUID | None
    source: str | None
    close_date: date | None
    lost_reason: str | None = None
    lost_to: str | None = None
    stage_entered_at: datetime
    opened_at: datetime
    closed_at: datetime | None = None


class OpportunityStepKind(StrEnum):
    OPENED = "OPENED"
    MOVED = "MOVED"  # to another stage, of another pipeline perhaps
    WON = "WON"
    LOST = "LOST"
    REOPENED = "REOPENED"
    POSTPONED = "POSTPONED"  # its expected closing, to a later day


class OpportunityStepRow(Row, frozen=True, kw_only=True):
    """Something that happened to an opportunity and that reports count; never changed.

    A stretch of time shows how it stood; of two steps at the same moment it shows the last. Here
    each one is kept. `stage_id` is the stage that was entered by the step, if one was.
    """

    position: int
    opportunity_id: UUID
    kind: OpportunityStepKind
    happened_at: datetime
    pipeline_id: UUID | None = None
    stage_id: str | None = None
    lost_reason: str | None = None
    lost_to: str | None = None


class PipelineRow(Row, frozen=True, kw_only=True):
    """A pipeline as it is defined now; `definition` is the number of that version."""

    pipeline_id: UUID
    name: str
    definition: int
    stages: tuple[Stage, ...]
    retired: bool = False
    version: int
    created_at: datetime
    updated_at: datetime


class ProductRow(Row, frozen=True, kw_only=True):
    product_id: UUID
    code: str
    name: str
    series: str | None
    list_price: Decimal
    currency: str
    retired: bool = False
    version: int
    created_at: datetime
    updated_at: datetime


def _erased(row: OpportunityRow, subject_id: UUID) -> OpportunityRow:
    return replace(
        row,
        name=None if row.name_about == subject_id else row.name,
        next_step=None if row.next_step_about == subject_id else row.next_step,
    )


OPPORTUNITIES = Table(
    "opportunity",
    OpportunityRow,
    key=("opportunity_id",),
    about=("name_about", "next_step_about"),
    erased=_erased,
    indexes=(
        "created_at, opportunity_id",
        "customer_id, opened_at, opportunity_id",
        "owner_id, status",
        "stage_id, status, opportunity_id",
        "amount, opportunity_id",
        "close_date, opportunity_id",
    ),
)
OPPORTUNITY_PERIODS = Table(
    "opportunity_period",
    OpportunityPeriodRow,
    key=("opportunity_id", "recorded_from", "effective_from"),
    fetch_by="opportunity_id",
    fetch_only="recorded_to is null",
    indexes=(
        "effective_from, effective_to where recorded_to is null",
        # All that the pipeline of a past needs, so that it is read without the rows themselves.
        "recorded_from, recorded_to, effective_from, effective_to, status, pipeline_id, stage_id,"
        " currency, amount, probability",
    ),
)
OPPORTUNITY_STEPS = Table("opportunity_step", OpportunityStepRow, key=("position",))
PIPELINES = Table("pipeline", PipelineRow, key=("pipeline_id",))
PRODUCTS = Table("product", ProductRow, key=("product_id",), indexes=("code",))
