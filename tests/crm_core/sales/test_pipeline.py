"""A pipeline's rules, as sentences."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from crm_core.sales.pipeline import events as e
from crm_core.sales.pipeline.commands import (
    AddStage,
    DefinePipeline,
    RenameStage,
    ReorderStages,
    RetirePipeline,
    RetireStage,
    SetStageProbability,
)
from crm_core.sales.pipeline.pipeline import Pipeline
from crm_core.sales.pipeline.stages import STAGES_MAX
from crm_core.sales.pipeline.standard import standard_pipeline
from crm_core.testing import Scenario

SALES = UUID(int=1)


def stage(stage_id: str, probability: Decimal = Decimal(50), **fields: Any) -> e.Stage:
    return e.Stage(id=stage_id, name=stage_id, probability=probability, **fields)


def pipeline(*stages: e.Stage) -> DefinePipeline:
    return DefinePipeline(pipeline_id=SALES, name="Sales", stages=stages)


won = stage(
    "won",
    probability=Decimal(100),
    forecast_category=e.ForecastCategory.CLOSED,
    stage_class=e.StageClass.WON,
)
lost = stage(
    "lost",
    probability=Decimal(0),
    forecast_category=e.ForecastCategory.OMITTED,
    stage_class=e.StageClass.LOST,
)
abc = pipeline(stage("a"), stage("b"), stage("c"), won, lost)


def ids(scenario: Scenario) -> list[str]:
    return [found.id for found in scenario.record(Pipeline, SALES).current.stages]


def test_the_standard_pipeline_leads_from_prospecting_to_won_or_lost(scenario: Scenario) -> None:
    scenario.when(standard_pipeline(SALES)).then(e.PipelineDefined, name="Standard")
    assert ids(scenario) == ["prospecting", "engaging", "proposal", "negotiation", "won", "lost"]
    current = scenario.record(Pipeline, SALES).current
    assert [s.stage_class.value for s in current.stages] == ["OPEN"] * 4 + ["WON", "LOST"]


def test_a_pipeline_has_an_open_stage(scenario: Scenario) -> None:
    scenario.when(pipeline(won, lost)).then_rejected("pipeline.no_open_stage")
    scenario.when(pipeline()).then_rejected("pipeline.no_open_stage")


def test_closing_stages_are_not_needed(scenario: Scenario) -> None:
    scenario.when(pipeline(stage("a"))).then(e.PipelineDefined, pipeline_version=1)


def test_a_stage_id_is_used_once(scenario: Scenario) -> None:
    scenario.when(pipeline(stage("a"), stage("a")))
    scenario.then_rejected("pipeline.stage_id_used", stage_id="a")
    retire = RetireStage(pipeline_id=SALES, stage_id="b", map_to="a")
    scenario.given(abc, retire).when(AddStage(pipeline_id=SALES, stage=stage("b")))
    scenario.then_rejected("pipeline.stage_id_used", stage_id="b")


def test_what_may_follow_is_a_stage_of_the_pipeline(scenario: Scenario) -> None:
    scenario.when(pipeline(stage("a", allowed_next=("z",))))
    scenario.then_rejected("pipeline.no_such_stage", stage_id="z")


@pytest.mark.parametrize(
    ("closing", "code"),
    [
        (replace(won, probability=Decimal(99)), "pipeline.stage_probability_wrong"),
        (replace(lost, probability=Decimal(1)), "pipeline.stage_probability_wrong"),
        (
            replace(won, forecast_category=e.ForecastCategory.COMMIT),
            "pipeline.stage_category_wrong",
        ),
        (
            replace(lost, forecast_category=e.ForecastCategory.CLOSED),
            "pipeline.stage_category_wrong",
        ),
        (
            stage("b", forecast_category=e.ForecastCategory.CLOSED),
            "pipeline.stage_category_wrong",
        ),
    ],
)
def test_a_closing_stage_says_what_closing_means(
    scenario: Scenario, closing: e.Stage, code: str
) -> None:
    scenario.when(pipeline(stage("a"), closing)).then_rejected(code, stage_id=closing.id)


@pytest.mark.parametrize("probability", ["-1", "100.5", "NaN", "Infinity", "0.0000001", "1E+999"])
def test_a_probability_is_between_0_and_100(scenario: Scenario, probability: str) -> None:
    scenario.when(pipeline(stage("a", probability=Decimal(probability))))
    scenario.then_rejected("command.invalid", path="stage.probability")


def test_a_probability_has_one_stored_form(scenario: Scenario) -> None:
    scenario.given(pipeline(stage("a", probability=Decimal("1E+1"))))
    assert str(scenario.record(Pipeline, SALES).current.stage("a").probability) == "10"


def test_a_pipeline_has_a_bounded_number_of_stages(scenario: Scenario) -> None:
    many = [stage(f"s{n}") for n in range(STAGES_MAX)]
    scenario.given(pipeline(*many)).when(AddStage(pipeline_id=SALES, stage=stage("more")))
    scenario.then_rejected("pipeline.too_many_stages", limit=STAGES_MAX)


def test_a_new_stage_follows_the_last_of_its_class_or_takes_a_place(scenario: Scenario) -> None:
    scenario.given(abc, AddStage(pipeline_id=SALES, stage=stage("d")))
    assert ids(scenario) == ["a", "b", "c", "d", "won", "lost"]
    scenario.given(AddStage(pipeline_id=SALES, stage=stage("e"), place=1))
    assert ids(scenario) == ["e", "a", "b", "c", "d", "won", "lost"]
    scenario.when(AddStage(pipeline_id=SALES, stage=stage("f"), place=9))
    scenario.then_rejected("command.invalid", path="place")


def test_the_order_names_every_stage_once(scenario: Scenario) -> None:
    scenario.given(abc)
    for wrong in (("a", "b"), ("a", "a", "b", "c", "won"), ("a", "b", "c", "won", "z")):
        scenario.when(ReorderStages(pipeline_id=SALES, stage_ids=wrong))
        scenario.then_rejected("pipeline.order_incomplete")
    order = ("c", "a", "b", "won", "lost")
    scenario.when(ReorderStages(pipeline_id=SALES, stage_ids=order)).then(e.StagesReordered)
    assert tuple(ids(scenario)) == order


def test_each_change_makes_a_version_and_the_old_ones_stay_readable(scenario: Scenario) -> None:
    scenario.given(abc)
    scenario.when(RenameStage(pipeline_id=SALES, stage_id="a", name="First talk"))
    scenario.then(e.StageRenamed, pipeline_version=2, name="First talk", from_name="a")
    scenario.when(SetStageProbability(pipeline_id=SALES, stage_id="b", probability=Decimal(60)))
    scenario.then(e.StageProbabilitySet, pipeline_version=3, from_probability=Decimal(50))
    scenario.when(RetireStage(pipeline_id=SALES, stage_id="a", map_to="b"))
    scenario.then(e.StageRetired, pipeline_version=4, map_to="b")
    scenario.given(RetirePipeline(pipeline_id=SALES))
    versions = scenario.record(Pipeline, SALES).versions
    assert [versions[n].version for n in sorted(versions)] == [1, 2, 3, 4, 5]
    assert [versions[n].stage("a").name for n in (1, 2, 3)] == ["a", "First talk", "First talk"]
    assert [versions[n].stage("b").probability for n in (2, 3)] == [Decimal(50), Decimal(60)]
    assert "a" not in {s.id for s in versions[4].stages}


def test_another_stage_of_the_class_stands_for_a_retired_one(scenario: Scenario) -> None:
    scenario.given(abc)
    for heir in ("won", "a"):
        scenario.when(RetireStage(pipeline_id=SALES, stage_id="a", map_to=heir))
        scenario.then_rejected("pipeline.stage_mapped_wrongly", map_to=heir)
    scenario.when(RetireStage(pipeline_id=SALES, stage_id="a", map_to="z"))
    scenario.then_rejected("pipeline.no_such_stage", stage_id="z")
    scenario.given(
        RetireStage(pipeline_id=SALES, stage_id="a", map_to="b"),
        RetireStage(pipeline_id=SALES, stage_id="b", map_to="c"),
    )
    assert scenario.record(Pipeline, SALES).present("a") == "c"


def test_what_stands_for_a_retired_stage_follows_where_that_one_followed(
    scenario: Scenario,
) -> None:
    scenario.given(pipeline(stage("a", allowed_next=("b",)), stage("b"), stage("c")))
    scenario.when(RetireStage(pipeline_id=SALES, stage_id="b", map_to="a"))
    scenario.then_rejected("pipeline.stage_leads_nowhere", stage_id="a")
    scenario.given(RetireStage(pipeline_id=SALES, stage_id="b", map_to="c"))
    assert scenario.record(Pipeline, SALES).current.stage("a").allowed_next == ("c",)


def test_a_retired_pipeline_is_not_changed(scenario: Scenario) -> None:
    scenario.given(abc, RetirePipeline(pipeline_id=SALES))
    for command in (
        AddStage(pipeline_id=SALES, stage=stage("d")),
        RenameStage(pipeline_id=SALES, stage_id="a", name="A"),
        ReorderStages(pipeline_id=SALES, stage_ids=("a",)),
        RetireStage(pipeline_id=SALES, stage_id="a", map_to="b"),
        SetStageProbability(pipeline_id=SALES, stage_id="a", probability=Decimal(1)),
    ):
        scenario.when(command).then_rejected("pipeline.retired", pipeline_id=str(SALES))


def test_saying_what_is_so_already_records_nothing(scenario: Scenario) -> None:
    scenario.given(abc)
    for command in (
        RenameStage(pipeline_id=SALES, stage_id="a", name=" a "),
        ReorderStages(pipeline_id=SALES, stage_ids=("a", "b", "c", "won", "lost")),
        SetStageProbability(pipeline_id=SALES, stage_id="a", probability=Decimal("50.0")),
    ):
        scenario.when(command).then_nothing()
    scenario.given(RetirePipeline(pipeline_id=SALES))
    scenario.when(RetirePipeline(pipeline_id=SALES)).then_nothing()
