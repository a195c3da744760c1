"""Keeps opportunities on two clocks, and the pipelines and products that they name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from crm_core import RecordedEvent
from crm_core.kernel.events import plain
from crm_core.sales.opportunity import events as e
from crm_core.sales.opportunity.events import OpportunityStatus
from crm_core.sales.pipeline import events as pipeline
from crm_core.sales.product import events as product
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.sales_pipeline.steps import step_of
from crm_projections.sales_pipeline.tables import (
    OPPORTUNITIES,
    OPPORTUNITY_PERIODS,
    OPPORTUNITY_STEPS,
    PIPELINES,
    PRODUCTS,
    Contact,
    Line,
    OpportunityPeriodRow,
    OpportunityRow,
    PipelineRow,
    ProductRow,
)
from crm_projections.tables import Table
from crm_projections.temporal import change

__all__ = ["SalesPipeline"]

_OPPORTUNITY = "sales.opportunity"
_PIPELINE = "sales.pipeline"
_PRODUCT = "sales.product"


class SalesPipeline(Projection):
    name = "sales_pipeline"
    version = 3
    tables = (OPPORTUNITIES, OPPORTUNITY_PERIODS, OPPORTUNITY_STEPS, PIPELINES, PRODUCTS)
    reads = ("sales.",)
    by_stream = True

    def needs(self, event: RecordedEvent) -> Iterable[tuple[Table[Any], Any]]:
        return [(table, event.record_id) for table in _TABLES.get(event.record_type, ())]

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        match event.record_type:
            case "sales.opportunity":
                _apply_to_opportunity(event, rows)
            case "sales.pipeline":
                _apply_to_pipeline(event, rows)
            case "sales.product":
                _apply_to_product(event, rows)
            case other:
                raise TypeError(f"no table for {other}")


_TABLES: dict[str, tuple[Table[Any], ...]] = {
    _OPPORTUNITY: (OPPORTUNITIES, OPPORTUNITY_PERIODS),
    _PIPELINE: (PIPELINES,),
    _PRODUCT: (PRODUCTS,),
}

# --- opportunities --------------------------------------------------------------------------------

_ON_TWO_CLOCKS = frozenset({
    "status", "pipeline_id", "stage_id", "probability", "forecast_category", "amount", "owner_id",
    "customer_id", "close_date", "lost_reason", "lost_to", "stage_entered_at", "closed_at",
})  # fmt: skip


def _apply_to_opportunity(event: RecordedEvent, rows: Rows) -> None:
    row = rows.get(OPPORTUNITIES, event.record_id)
    if row is None:
        row = _opened(event, rows)
        changes: dict[str, Any] = {}
    else:
        changes = _stage_changes(event) | _changes(event, row)
        held = {name: value for name, value in changes.items() if name in _ON_TWO_CLOCKS}
        if held:
            change(rows, OPPORTUNITY_PERIODS, row.opportunity_id, event, held)
    step = step_of(event)
    if step is not None:
        rows.put(OPPORTUNITY_STEPS, step)
    rows.put(
        OPPORTUNITIES,
        replace(row, **changes, version=event.version, updated_at=event.happened_at),
    )


def _opened(event: RecordedEvent, rows: Rows) -> OpportunityRow:
    fact = event.data
    assert isinstance(fact, e.OpportunityOpened), "an opportunity's stream begins with this"
    shared: dict[str, Any] = {
        "opportunity_id": event.record_id,
        "status": OpportunityStatus.OPEN,
        "customer_id": fact.customer_id,
        "owner_id": fact.owner_id,
        "product_id": fact.product_id,
        "source": fact.source,
        "pipeline_id": fact.pipeline_id,
        "stage_id": fact.stage_id,
        "probability": fact.probability,
        "forecast_category": fact.forecast_category,
        "amount": fact.amount.amount if fact.amount else None,
        "currency": fact.currency,
        "close_date": fact.close_date,
        "stage_entered_at": event.happened_at,
        "opened_at": event.happened_at,
    }
    rows.put(
        OPPORTUNITY_PERIODS,
        OpportunityPeriodRow(
            **shared, recorded_from=event.position, effective_from=event.happened_at
        ),
    )
    return OpportunityRow(
        **shared,
        name=plain(fact.name),
        name_about=event.stored.subject_ids[0],
        pipeline_version=fact.pipeline_version,
        version=event.version,
        created_at=event.happened_at,
        updated_at=event.happened_at,
    )


def _stage_changes(event: RecordedEvent) -> dict[str, Any]:
    """Where the event leads in the pipeline; events carry these values whole."""
    fact = event.data
    match fact:
        case e.StageChanged() | e.PipelineChanged():
            stage = fact.to_stage
        case e.OpportunityReopened():
            stage = fact.stage_id
        case e.OpportunityWon() | e.OpportunityLost():
            stage = fact.stage_id or fact.last_stage
        case _:
            return {}
    return {
        "stage_id": stage,
        "pipeline_id": fact.pipeline_id,
        "pipeline_version": fact.pipeline_version,
        "probability": fact.probability,
        "forecast_category": fact.forecast_category,
        "stage_entered_at": event.happened_at,
    }


def _changes(event: RecordedEvent, row: OpportunityRow) -> dict[str, Any]:
    """The other fields that the event sets, and to what."""
    at = event.happened_at
    match event.data:
        case e.StageChanged() | e.PipelineChanged():  # first, because there are most of them
            return {}
        case e.OpportunityCustomerSet() as fact:
            return {"customer_id": fact.customer_id}
        case e.OpportunityWon() as fact:
            closing = {"status": OpportunityStatus.WON, "closed_at": at}
            amount = {"amount": fact.final_amount.amount} if fact.final_amount else {}
            return closing | amount | {"last_stage": fact.last_stage}
        case e.OpportunityLost() as fact:
            return {
                "status": OpportunityStatus.LOST,
                "closed_at": at,
                "last_stage": fact.last_stage,
                "lost_reason": fact.reason_code,
                "lost_to": fact.competitor,
            }
        case e.OpportunityReopened():
            reasons = {"lost_reason": None, "lost_to": None}
            return {"status": OpportunityStatus.OPEN, "closed_at": None} | reasons
        case e.OpportunityHeld():
            return {"status": OpportunityStatus.ON_HOLD}
        case e.OpportunityResumed():
            return {"status": OpportunityStatus.OPEN}
        case e.OpportunityArchived() as fact:
            return {"status": OpportunityStatus.ARCHIVED, "last_stage": fact.last_stage}
        case e.AmountSet() as fact:
            return {"amount": fact.amount.amount}
        case e.LineAdded() | e.LineChanged() as fact:
            others = _other_lines(row, fact)
            return {"amount": fact.amount.amount, "lines": (*others, _line(fact))}
        case e.LineRemoved() as fact:
            return {"amount": fact.amount.amount, "lines": _other_lines(row, fact)}
        case e.CloseDateChanged() as fact:
            return {"close_date": fact.to_date}
        case e.ProbabilityOverridden() | e.ProbabilityOverrideCleared() as fact:
            return {"probability": fact.probability}
        case e.ForecastCategorySet() as fact:
            return {"forecast_category": fact.forecast_category}
        case e.NextStepSet() as fact:
            return {
                "next_step": plain(fact.text),
                "next_step_about": event.stored.subject_ids[0],
                "next_step_on": fact.due_on,
            }
        case e.ContactRoleAdded() as fact:
            contacts = {*row.contacts, Contact(customer_id=fact.customer_id, role=fact.role)}
            return {"contacts": tuple(sorted(contacts))}
        case e.ContactRoleRemoved() as fact:
            gone = Contact(customer_id=fact.customer_id, role=fact.role)
            return {"contacts": tuple(held for held in row.contacts if held != gone)}
        case e.OpportunityOwnerAssigned() as fact:
            return {"owner_id": fact.to_owner_id}
        case e.OpportunityExternalIdLinked() as fact:
            linked = {*row.external_ids, (fact.system, fact.external_id)}
            return {"external_ids": tuple(sorted(linked))}
        case e.OpportunityExternalIdUnlinked() as fact:
            unlinked = set(row.external_ids) - {(fact.system, fact.external_id)}
            return {"external_ids": tuple(sorted(unlinked))}
        case _:
            return {}  # competitors and splits show in the history


def _line(fact: e.LineAdded | e.LineChanged) -> Line:
    return Line(
        line_id=fact.line_id,
        product_id=fact.product_id,
        unit_price=fact.unit_price.amount,
        quantity=fact.quantity,
        discount_percent=fact.discount_percent,
        tax_code=fact.tax_code,
        line_total=fact.line_total.amount,
    )


def _other_lines(
    row: OpportunityRow, fact: e.LineAdded | e.LineChanged | e.LineRemoved
) -> tuple[Line, ...]:
    return tuple(line for line in row.lines if line.line_id != fact.line_id)


# --- pipelines and products -----------------------------------------------------------------------


def _apply_to_pipeline(event: RecordedEvent, rows: Rows) -> None:
    fact: Any = event.data
    row = rows.get(PIPELINES, event.record_id)
    if row is None:
        assert isinstance(fact, pipeline.PipelineDefined), "a pipeline's stream begins with this"
        row = PipelineRow(
            pipeline_id=event.record_id,
            name=fact.name,
            definition=fact.pipeline_version,
            stages=fact.stages,
            version=event.version,
            created_at=event.happened_at,
            updated_at=event.happened_at,
        )
    rows.put(
        PIPELINES,
        replace(
            row,
            definition=fact.pipeline_version,
            stages=fact.stages,
            retired=isinstance(fact, pipeline.PipelineRetired),
            version=event.version,
            updated_at=event.happened_at,
        ),
    )


def _apply_to_product(event: RecordedEvent, rows: Rows) -> None:
    row = rows.get(PRODUCTS, event.record_id)
    changes: dict[str, Any] = {}
    match event.data:
        case product.ProductAdded() as fact:
            row = ProductRow(
                product_id=event.record_id,
                code=fact.code,
                name=fact.name,
                series=fact.series,
                list_price=fact.list_price.amount,
                currency=fact.list_price.currency,
                version=event.version,
                created_at=event.happened_at,
                updated_at=event.happened_at,
            )
        case product.ProductPriceSet() as fact:
            changes = {"list_price": fact.list_price.amount, "currency": fact.list_price.currency}
        case product.ProductRetired():
            changes = {"retired": True}
        case product.ProductReactivated():
            changes = {"retired": False}
        case other:
            raise TypeError(f"no rule for {type(other).__name__}")
    assert row is not None, "a product's stream begins with ProductAdded"
    rows.put(PRODUCTS, replace(row, **changes, version=event.version, updated_at=event.happened_at))
