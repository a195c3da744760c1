"""The pipeline that a company starts with: the usual stages of selling to other companies."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from crm_core.sales.pipeline.commands import DefinePipeline
from crm_core.sales.pipeline.events import ForecastCategory, GateField, Stage, StageClass

__all__ = ["STANDARD_STAGES", "standard_pipeline"]

STANDARD_STAGES = (
    Stage(id="prospecting", name="Prospecting", probability=Decimal(10), rot_days=30),
    Stage(id="engaging", name="Engaging", probability=Decimal(25), rot_days=30),
    Stage(
        id="proposal",
        name="Proposal",
        probability=Decimal(50),
        forecast_category=ForecastCategory.BEST_CASE,
        required_fields=(GateField.AMOUNT,),
        rot_days=21,
    ),
    Stage(
        id="negotiation",
        name="Negotiation",
        probability=Decimal(75),
        forecast_category=ForecastCategory.COMMIT,
        required_fields=(GateField.AMOUNT, GateField.CLOSE_DATE),
        rot_days=14,
    ),
    Stage(
        id="won",
        name="Won",
        probability=Decimal(100),
        forecast_category=ForecastCategory.CLOSED,
        stage_class=StageClass.WON,
        required_fields=(GateField.AMOUNT,),
    ),
    Stage(
        id="lost",
        name="Lost",
        probability=Decimal(0),
        forecast_category=ForecastCategory.OMITTED,
        stage_class=StageClass.LOST,
    ),
)


def standard_pipeline(pipeline_id: UUID, name: str = "Standard") -> DefinePipeline:
    """The command that defines it."""
    return DefinePipeline(pipeline_id=pipeline_id, name=name, stages=STANDARD_STAGES)
