"""What can happen to a pipeline.

Each change makes a new version of its definition. Every event carries that version's number and all
its stages in order, so that a reader needs no earlier event to know the pipeline.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from crm_core.kernel.events import Created, Event
from crm_core.kernel.values import Code, Name


class StageClass(StrEnum):
    """What being in a stage says of an opportunity, in every pipeline alike."""

    OPEN = "OPEN"
    WON = "WON"
    LOST = "LOST"


class ForecastCategory(StrEnum):
    PIPELINE = "PIPELINE"
    BEST_CASE = "BEST_CASE"
    COMMIT = "COMMIT"
    CLOSED = "CLOSED"
    OMITTED = "OMITTED"


class GateField(StrEnum):
    """What a stage can ask to be known of an opportunity before it enters."""

    AMOUNT = "AMOUNT"
    CLOSE_DATE = "CLOSE_DATE"
    CUSTOMER = "CUSTOMER"
    NEXT_STEP = "NEXT_STEP"
    LINES = "LINES"
    DECISION_MAKER = "DECISION_MAKER"


class Stage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stage of one version of a pipeline; its order is its place among the stages.

    `probability` is 0 to 100, the default for opportunities that enter. `allowed_next` names the
    stages that may follow; none named means any. `rot_days` is how long an opportunity may stay
    before it counts as stuck.
    """

    id: Code
    name: Name
    probability: Decimal
    forecast_category: ForecastCategory = ForecastCategory.PIPELINE
    stage_class: StageClass = StageClass.OPEN
    required_fields: tuple[GateField, ...] = ()
    allowed_next: tuple[Code, ...] = ()
    rot_days: Annotated[int, Meta(ge=1, le=3650)] | None = None


class PipelineDefined(Created):
    TOPIC = "sales.pipeline.defined"
    name: str
    pipeline_version: int
    stages: tuple[Stage, ...]


class StageAdded(Event):
    TOPIC = "sales.pipeline.stage_added"
    stage_id: str
    pipeline_version: int
    stages: tuple[Stage, ...]


class StageRenamed(Event):
    TOPIC = "sales.pipeline.stage_renamed"
    stage_id: str
    name: str
    from_name: str
    pipeline_version: int
    stages: tuple[Stage, ...]


class StagesReordered(Event):
    TOPIC = "sales.pipeline.stages_reordered"
    pipeline_version: int
    stages: tuple[Stage, ...]


class StageRetired(Event):
    """Opportunities that are in the stage count as being in the one it is mapped to."""

    TOPIC = "sales.pipeline.stage_retired"
    stage_id: str
    map_to: str
    pipeline_version: int
    stages: tuple[Stage, ...]


class StageProbabilitySet(Event):
    """Opportunities in the stage keep what they entered with."""

    TOPIC = "sales.pipeline.stage_probability_set"
    stage_id: str
    probability: Decimal
    from_probability: Decimal
    pipeline_version: int
    stages: tuple[Stage, ...]


class PipelineRetired(Event):
    TOPIC = "sales.pipeline.retired"
    pipeline_version: int
    stages: tuple[Stage, ...]
