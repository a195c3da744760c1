"""What it takes to enter a stage, and what an opportunity is by being there."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from crm_core.kernel.errors import Rejected
from crm_core.sales.pipeline.events import GateField, Stage, StageClass
from crm_core.sales.pipeline.pipeline import Definition, Pipeline

__all__ = ["first_open", "known_of", "open_stage", "require_gates", "require_next", "standing"]


def first_open(definition: Definition) -> Stage:
    stage = definition.first(StageClass.OPEN)
    assert stage is not None, "every version of a pipeline has an open stage"
    return stage


def open_stage(definition: Definition, stage_id: str) -> Stage:
    stage = definition.stage(stage_id)
    if stage.stage_class is not StageClass.OPEN:
        raise Rejected("opportunity.stage_is_closing", stage_id=stage_id)
    return stage


def require_next(pipeline: Pipeline, here: str, there: Stage) -> None:
    """A stage that was retired is left as the one that stands for it, and to that one freely."""
    present = pipeline.present(here)
    allowed = pipeline.current.stage(present).allowed_next
    if allowed and there.id not in (present, *allowed):
        raise Rejected(
            "opportunity.stage_not_allowed",
            from_stage=here,
            to_stage=there.id,
            allowed=list(allowed),
        )


def standing(definition: Definition, stage: Stage) -> dict[str, Any]:
    """The facts of a stage that an opportunity enters, as events carry them."""
    return {
        "pipeline_id": definition.pipeline_id,
        "pipeline_version": definition.version,
        "probability": stage.probability,
        "forecast_category": stage.forecast_category,
    }


def known_of(
    *,
    amount: object | None,
    close_date: object | None,
    customer_id: object | None,
    next_step: object | None = None,
    has_lines: bool = False,
    has_decision_maker: bool = False,
) -> frozenset[GateField]:
    """What is known of an opportunity; an erased text was known, and still counts."""
    known = {
        GateField.AMOUNT: amount is not None,
        GateField.CLOSE_DATE: close_date is not None,
        GateField.CUSTOMER: customer_id is not None,
        GateField.NEXT_STEP: next_step is not None,
        GateField.LINES: has_lines,
        GateField.DECISION_MAKER: has_decision_maker,
    }
    return frozenset(gate for gate, is_known in known.items() if is_known)


def require_gates(stage: Stage, known: Collection[GateField]) -> None:
    """Raises Rejected with what is missing, in the order in which the stage asks for it."""
    missing = [gate.value for gate in stage.required_fields if gate not in known]
    if missing:
        raise Rejected("opportunity.gate_unmet", stage_id=stage.id, missing=missing)
