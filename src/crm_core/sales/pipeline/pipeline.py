"""The rules of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from msgspec.structs import replace

from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Invalid, Rejected
from crm_core.kernel.events import Event
from crm_core.sales.figures import percentage
from crm_core.sales.pipeline import events as e
from crm_core.sales.pipeline.stages import checked, without


class PipelineStatus(StrEnum):
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of a pipeline, as opportunities record it."""

    pipeline_id: UUID
    version: int
    stages: tuple[e.Stage, ...]

    def stage(self, stage_id: str) -> e.Stage:
        """Raises Rejected `pipeline.no_such_stage`."""
        for stage in self.stages:
            if stage.id == stage_id:
                return stage
        raise Rejected("pipeline.no_such_stage", stage_id=stage_id)

    def first(self, stage_class: e.StageClass) -> e.Stage | None:
        return next((s for s in self.stages if s.stage_class is stage_class), None)


class Pipeline(Aggregate):
    TOPIC = "sales.pipeline"

    name: str = ""
    status: PipelineStatus = PipelineStatus.ACTIVE
    latest: int = 0
    versions: dict[int, Definition] = field(default_factory=dict)
    mapped: dict[str, str] = field(default_factory=dict)  # retired stages to what stands for them

    # --- reading ------------------------------------------------------------------------------

    @property
    def current(self) -> Definition:
        return self.versions[self.latest]

    def present(self, stage_id: str) -> str:
        """The stage, or what stands for it in the current version once it was retired."""
        while stage_id in self.mapped:
            stage_id = self.mapped[stage_id]
        return stage_id

    # --- changing -----------------------------------------------------------------------------

    @classmethod
    def define(
        cls, pipeline_id: UUID, at: datetime, *, name: str, stages: Sequence[e.Stage]
    ) -> Pipeline:
        return cls.start(
            e.PipelineDefined,
            pipeline_id,
            at,
            name=name.strip(),
            pipeline_version=1,
            stages=checked(stages),
        )

    def add_stage(self, stage: e.Stage, place: int | None) -> None:
        """`place` counts from 1; without one, the stage comes after the last of its class."""
        self.require_active()
        if stage.id in self.mapped:
            raise Rejected("pipeline.stage_id_used", stage_id=stage.id)
        stages = list(self.current.stages)
        if place is not None and place > len(stages) + 1:
            raise Invalid("place", f"must be at most {len(stages) + 1}")
        stages.insert(self._place_of(stage) if place is None else place - 1, stage)
        self._redefine(e.StageAdded, stages, stage_id=stage.id)

    def rename_stage(self, stage_id: str, name: str) -> None:
        self.require_active()
        stage = self.current.stage(stage_id)
        if name.strip() == stage.name:
            return
        self._redefine(
            e.StageRenamed,
            self._with(stage, name=name),
            stage_id=stage_id,
            name=name.strip(),
            from_name=stage.name,
        )

    def reorder_stages(self, stage_ids: Sequence[str]) -> None:
        self.require_active()
        present = [stage.id for stage in self.current.stages]
        if sorted(stage_ids) != sorted(present):
            raise Rejected("pipeline.order_incomplete", stage_ids=present)
        if list(stage_ids) != present:
            self._redefine(e.StagesReordered, [self.current.stage(named) for named in stage_ids])

    def retire_stage(self, stage_id: str, map_to: str) -> None:
        """The stage that stands for it is another one of the same class."""
        self.require_active()
        stage, heir = self.current.stage(stage_id), self.current.stage(map_to)
        if heir is stage or heir.stage_class is not stage.stage_class:
            raise Rejected("pipeline.stage_mapped_wrongly", stage_id=stage_id, map_to=map_to)
        stages = without(self.current.stages, stage_id, map_to)
        self._redefine(e.StageRetired, stages, stage_id=stage_id, map_to=map_to)

    def set_stage_probability(self, stage_id: str, probability: Decimal) -> None:
        self.require_active()
        stage = self.current.stage(stage_id)
        probability = percentage(probability, "probability")
        if probability == stage.probability:
            return
        self._redefine(
            e.StageProbabilitySet,
            self._with(stage, probability=probability),
            stage_id=stage_id,
            probability=probability,
            from_probability=stage.probability,
        )

    def retire(self) -> None:
        """Takes no new opportunities; those in it go on to their end."""
        if self.status is not PipelineStatus.RETIRED:
            self._redefine(e.PipelineRetired, self.current.stages)

    def require_active(self) -> None:
        if self.status is PipelineStatus.RETIRED:
            raise Rejected("pipeline.retired", pipeline_id=str(self.id))

    def _redefine(self, event_class: type[Event], stages: Sequence[e.Stage], **facts: Any) -> None:
        self.record(event_class, pipeline_version=self.latest + 1, stages=checked(stages), **facts)

    def _with(self, changed: e.Stage, **fields: Any) -> list[e.Stage]:
        return [replace(s, **fields) if s is changed else s for s in self.current.stages]

    def _place_of(self, stage: e.Stage) -> int:
        stages = self.current.stages
        alike = [n for n, other in enumerate(stages, 1) if other.stage_class is stage.stage_class]
        return alike[-1] if alike else len(stages)

    # --- state --------------------------------------------------------------------------------

    def when(self, event: Any) -> None:
        self.latest = event.pipeline_version
        self.versions[self.latest] = Definition(self.id, self.latest, event.stages)
        match event:
            case e.PipelineDefined():
                self.name = event.name
            case e.StageRetired():
                self.mapped[event.stage_id] = event.map_to
            case e.PipelineRetired():
                self.status = PipelineStatus.RETIRED
            case e.StageAdded() | e.StageRenamed() | e.StagesReordered() | e.StageProbabilitySet():
                pass  # its stages say it all
            case _:
                assert_never(event)
