"""What reports count one by one: an opportunity's steps."""

from __future__ import annotations

from crm_core import RecordedEvent
from crm_core.sales.opportunity import events as e
from crm_projections.sales_pipeline.tables import OpportunityStepKind as Kind
from crm_projections.sales_pipeline.tables import OpportunityStepRow

__all__ = ["step_of"]


def step_of(event: RecordedEvent) -> OpportunityStepRow | None:
    """The event as a step; None for one that reports see only in how the opportunity stands."""
    stage_id = pipeline_id = lost_reason = lost_to = None
    match event.data:
        case e.OpportunityOpened() as fact:
            kind, stage_id, pipeline_id = Kind.OPENED, fact.stage_id, fact.pipeline_id
        case e.StageChanged() | e.PipelineChanged() as fact:
            kind, stage_id, pipeline_id = Kind.MOVED, fact.to_stage, fact.pipeline_id
        case e.OpportunityWon() as fact:
            kind, stage_id, pipeline_id = Kind.WON, fact.stage_id, fact.pipeline_id
        case e.OpportunityLost() as fact:
            kind, stage_id, pipeline_id = Kind.LOST, fact.stage_id, fact.pipeline_id
            lost_reason, lost_to = fact.reason_code, fact.competitor
        case e.OpportunityReopened() as fact:
            kind, stage_id, pipeline_id = Kind.REOPENED, fact.stage_id, fact.pipeline_id
        case e.CloseDateChanged(from_date=before, to_date=after) if before and before < after:
            kind = Kind.POSTPONED
        case _:
            return None
    return OpportunityStepRow(
        position=event.position,
        opportunity_id=event.record_id,
        kind=kind,
        happened_at=event.happened_at,
        pipeline_id=pipeline_id,
        stage_id=stage_id,
        lost_reason=lost_reason,
        lost_to=lost_to,
    )
