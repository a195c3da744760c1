"""What can be asked of a pipeline."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import Code, Name
from crm_core.sales.pipeline.events import Stage
from crm_core.sales.pipeline.pipeline import Pipeline

Place = Annotated[int, Meta(ge=1)]


class OnPipeline(Command, frozen=True, kw_only=True):
    TARGET = "pipeline_id"


class DefinePipeline(OnPipeline, frozen=True, kw_only=True):
    """Defines a pipeline by its stages, in their order; at least one of them is open."""

    NAME = "pipeline.define"
    pipeline_id: UUID = field(default_factory=new_id)
    name: Name
    stages: tuple[Stage, ...]

    async def handle(self, work: Work) -> None:
        work.add(Pipeline.define(self.pipeline_id, work.at, name=self.name, stages=self.stages))


class AddStage(OnPipeline, frozen=True, kw_only=True):
    """Adds a stage at a place counted from 1, or after the last stage of its class."""

    NAME = "pipeline.add_stage"
    pipeline_id: UUID
    stage: Stage
    place: Place | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Pipeline, self.pipeline_id)).add_stage(self.stage, self.place)


class RenameStage(OnPipeline, frozen=True, kw_only=True):
    """Gives a stage another name; its id stays."""

    NAME = "pipeline.rename_stage"
    pipeline_id: UUID
    stage_id: Code
    name: Name

    async def handle(self, work: Work) -> None:
        (await work.load(Pipeline, self.pipeline_id)).rename_stage(self.stage_id, self.name)


class ReorderStages(OnPipeline, frozen=True, kw_only=True):
    """Puts the stages in another order; all of them are named."""

    NAME = "pipeline.reorder_stages"
    pipeline_id: UUID
    stage_ids: tuple[Code, ...]

    async def handle(self, work: Work) -> None:
        (await work.load(Pipeline, self.pipeline_id)).reorder_stages(self.stage_ids)


class RetireStage(OnPipeline, frozen=True, kw_only=True):
    """Takes a stage out of use; another one of its class stands for it from now on."""

    NAME = "pipeline.retire_stage"
    pipeline_id: UUID
    stage_id: Code
    map_to: Code

    async def handle(self, work: Work) -> None:
        (await work.load(Pipeline, self.pipeline_id)).retire_stage(self.stage_id, self.map_to)


class SetStageProbability(OnPipeline, frozen=True, kw_only=True):
    """Sets the probability, 0 to 100, of opportunities that enter a stage from now on."""

    NAME = "pipeline.set_stage_probability"
    pipeline_id: UUID
    stage_id: Code
    probability: Decimal

    async def handle(self, work: Work) -> None:
        pipeline = await work.load(Pipeline, self.pipeline_id)
        pipeline.set_stage_probability(self.stage_id, self.probability)


class RetirePipeline(OnPipeline, frozen=True, kw_only=True):
    """Closes a pipeline to new opportunities; those in it go on to their end."""

    NAME = "pipeline.retire"
    pipeline_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Pipeline, self.pipeline_id)).retire()
