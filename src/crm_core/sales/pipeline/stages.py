"""What every version of a pipeline must be, whichever change made it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from crm_core.kernel.errors import Rejected
from crm_core.sales.figures import FULL, ZERO, percentage
from crm_core.sales.pipeline.events import ForecastCategory, Stage, StageClass

__all__ = ["STAGES_MAX", "checked", "without"]

STAGES_MAX = 50

_CLOSING = {
    StageClass.WON: (FULL, ForecastCategory.CLOSED),
    StageClass.LOST: (ZERO, ForecastCategory.OMITTED),
}


def checked(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """The stages in their stored form. Raises Rejected where they make no pipeline."""
    stored = tuple(_stored(stage) for stage in stages)
    if len(stored) > STAGES_MAX:
        raise Rejected("pipeline.too_many_stages", limit=STAGES_MAX)
    ids = [stage.id for stage in stored]
    for stage in stored:
        if ids.count(stage.id) > 1:
            raise Rejected("pipeline.stage_id_used", stage_id=stage.id)
        for other in stage.allowed_next:
            if other not in ids:
                raise Rejected("pipeline.no_such_stage", stage_id=other)
        _check_class(stage)
    if all(stage.stage_class is not StageClass.OPEN for stage in stored):
        raise Rejected("pipeline.no_open_stage")
    return stored


def without(stages: Sequence[Stage], retired: str, map_to: str) -> tuple[Stage, ...]:
    """The other stages, with `map_to` for the retired one wherever it may follow."""
    return tuple(_rewired(stage, retired, map_to) for stage in stages if stage.id != retired)


def _rewired(stage: Stage, retired: str, map_to: str) -> Stage:
    if retired not in stage.allowed_next:
        return stage
    renamed = [map_to if other == retired else other for other in stage.allowed_next]
    following = tuple(other for other in dict.fromkeys(renamed) if other != stage.id)
    if not following:
        # An empty list means any stage: what led to one place would suddenly lead everywhere.
        raise Rejected("pipeline.stage_leads_nowhere", stage_id=stage.id)
    return replace(stage, allowed_next=following)


def _stored(stage: Stage) -> Stage:
    return replace(
        stage,
        name=stage.name.strip(),
        probability=percentage(stage.probability, "stage.probability"),
        required_fields=tuple(dict.fromkeys(stage.required_fields)),
        allowed_next=tuple(dict.fromkeys(stage.allowed_next)),
    )


def _check_class(stage: Stage) -> None:
    """A closing stage says what closing means: won is 100 % and closed, lost is 0 % and omitted."""
    closing = _CLOSING.get(stage.stage_class)
    if closing is None:
        if stage.forecast_category is ForecastCategory.CLOSED:
            raise Rejected("pipeline.stage_category_wrong", stage_id=stage.id)
        return
    probability, category = closing
    if stage.probability != probability:
        raise Rejected("pipeline.stage_probability_wrong", stage_id=stage.id)
    if stage.forecast_category is not category:
        raise Rejected("pipeline.stage_category_wrong", stage_id=stage.id)
