"""Every chart is a complete Vega-Lite specification, judged by the schema that others wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import msgspec
import pytest

from crm_projections.registry import REPORTS
from crm_projections.reporting import Names, Past, Question, Report, labelled, vega_lite

from .conftest import Desk
from .histories import ANNA, World
from .test_reports import past_at


class Everybody(Names):
    async def name(self, kind: str, record_id: UUID) -> str | None:
        return "Anna" if record_id == ANNA else None

    async def stages(self, pipeline_id: UUID) -> Mapping[str, str]:
        return {"a": "First", "b": "Second"}


@cache
def judge() -> Any:
    """The schema is bundled with altair; it names no other document."""
    altair = find_spec("altair")
    assert altair is not None
    assert altair.origin is not None
    schema = Path(altair.origin).parent / "vegalite/v5/schema/vega-lite-schema.json"
    return jsonschema.Draft7Validator(json.loads(schema.read_text("utf-8")))


def drawn(desk: Desk, world: World, report: Report[Any, Any], question: Question) -> dict[str, Any]:
    async def draw() -> dict[str, Any]:
        since = Past(5) if report.compares else None
        past = past_at(world, world.position)
        rows = await desk.ask(report, world, past, question, since)
        return vega_lite(report, question, await labelled(question, rows, Everybody()))

    spec = desk.run(draw())
    wire: dict[str, Any] = json.loads(msgspec.json.encode(spec))
    return wire


CASES = [
    pytest.param(report, group, id=f"{report.name} by {group.lower()}")
    for report in REPORTS
    for group in ("ALL", "OWNER", "PRODUCT", "ASSIGNEE", "PRIORITY", "MONTH")
    if group in report.groups
]


@pytest.mark.parametrize(("report", "group"), CASES)
def test_a_chart_is_valid_and_draws_what_is_in_it(
    desk: Desk, lived: World, report: Report[Any, Any], group: str
) -> None:
    groups = type(report.question().grouped_by)
    spec = drawn(desk, lived, report, report.question(group=groups(group)))
    assert [error.message for error in judge().iter_errors(spec)] == []
    values = spec["data"]["values"]
    assert values, "the story has something for every report"
    made = {step["as"] for step in spec.get("transform", ())}
    for channel in spec["encoding"].values():
        for named in channel if isinstance(channel, list) else [channel]:
            assert all(named["field"] in value or named["field"] in made for value in values)


def test_currencies_are_drawn_apart(desk: Desk, lived: World) -> None:
    pipeline = REPORTS[0]
    spec = drawn(desk, lived, pipeline, pipeline.question())
    assert spec["encoding"]["row"]["field"] == "currency"
    assert spec["resolve"] == {"scale": {"y": "independent"}}


def test_a_group_has_its_name_where_the_reader_may_know_it(desk: Desk, lived: World) -> None:
    pipeline = REPORTS[0]
    groups = type(pipeline.question().grouped_by)
    spec = drawn(desk, lived, pipeline, pipeline.question(group=groups("OWNER")))
    labels = {value["label"] for value in spec["data"]["values"]}
    assert labels == {"Anna", "00000000-0000-0000-0000-00000000000c"}


def test_the_judge_finds_what_is_no_chart(desk: Desk, lived: World) -> None:
    spec = drawn(desk, lived, REPORTS[0], REPORTS[0].question())
    spec["encoding"]["y"]["type"] = "money"
    assert list(judge().iter_errors(spec))
