"""The pipeline in answers."""

from __future__ import annotations

from decimal import Decimal

import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.records import RecordKind
from crm_api.graphql.types.node import Record
from crm_core.sales.pipeline.events import ForecastCategory, GateField, StageClass
from crm_core.sales.pipeline.pipeline import Pipeline as PipelineAggregate
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.tables import PIPELINES

__all__ = ["PIPELINE", "Pipeline", "Stage"]

for _enum in (ForecastCategory, GateField, StageClass):
    graphql_enum(_enum)


@strawberry.type(description="A stage of a pipeline.")
class Stage:
    id: str = strawberry.field(description="Unique in its pipeline; it never changes.")
    name: str
    probability: Decimal = strawberry.field(
        description="In percent, for opportunities that enter it."
    )
    forecast_category: ForecastCategory
    stage_class: StageClass
    required_fields: list[GateField] = strawberry.field(
        description="What must be known of an opportunity that enters."
    )
    allowed_next: list[str] = strawberry.field(
        description="The ids of the stages that may follow; none means any."
    )
    rot_days: int | None = strawberry.field(
        description="An opportunity that stays longer counts as stuck."
    )


@strawberry.type(description="The way of opportunities: stages in order.")
class Pipeline(Record):
    KEY = "pipeline_id"

    name: str
    definition: int = strawberry.field(
        description="The number of its present version; every change of the stages makes a new one."
    )
    stages: list[Stage]
    retired: bool


PIPELINE = RecordKind(Pipeline, PipelineAggregate, SalesPipeline(), PIPELINES)
