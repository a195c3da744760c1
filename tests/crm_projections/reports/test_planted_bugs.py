"""The comparison with the fold finds what goes wrong in reports elsewhere; each bug is planted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crm_projections.reporting import Past, Report
from crm_projections.sales_pipeline.reports import (
    DIFFERENCE,
    FIGURES,
    OUTCOMES,
    PIPELINE,
    STAGE_TIME,
    SalesQuestion,
)
from crm_projections.ticket_queue.reports import BACKLOG, DURATIONS, TicketGroup, TicketQuestion

from . import sales_fold
from .conftest import Desk
from .histories import World
from .test_reports import SALES, TICKETS, WAY, assert_same, assert_sums, past_at, told

Plant = tuple[Report[Any, Any], str, str]


def pasts(world: World) -> list[Past]:
    """As of each position; as known in the end, about the very moment of each event."""
    known = [past_at(world, position) for position in range(1, world.position + 1)]
    return known + [past_at(world, world.position, event.happened_at) for event in world.events]


def planted(report: Report[Any, Any], right: str, wrong: str) -> Report[Any, Any]:
    """The report with a bug in its statement."""

    def sql(question: Any) -> str:
        text: str = report.sql(question)
        assert right in text, "there is something to break"
        return text.replace(right, wrong)

    return replace(report, sql=sql)


def compare(desk: Desk, world: World, report: Report[Any, Any], planted: Report[Any, Any]) -> None:
    """Raises AssertionError where what the planted report says is not what the fold says."""
    names, fold = (SALES | TICKETS)[report]
    group = TicketGroup.DAY if report is BACKLOG else TicketGroup.ALL
    question = SalesQuestion() if report in SALES else TicketQuestion(group=group)

    async def ask() -> None:
        for past in pasts(world):
            rows = await desk.ask(planted, world, past, question)
            assert_same(told(rows, names), fold(world.events, past, question))

    desk.run(ask())


@pytest.mark.parametrize("report", [*SALES, *TICKETS], ids=lambda report: report.name)
def test_without_a_bug_the_reports_are_what_the_fold_says(
    desk: Desk, lived: World, report: Report[Any, Any]
) -> None:
    compare(desk, lived, report, report)


PLANTS: dict[str, Plant] = {
    "what was revised since is forgotten": (
        PIPELINE, "recorded_to is null or recorded_to > %(position)s", "recorded_to is null"),
    "the event at the position is left out": (
        PIPELINE, "recorded_from <= %(position)s", "recorded_from < %(position)s"),
    "what the position revised still holds": (
        PIPELINE, "recorded_to > %(position)s", "recorded_to >= %(position)s"),
    "what begins at the moment has not happened": (
        PIPELINE, "effective_from <= %(moment)s", "effective_from < %(moment)s"),
    "what ended at the moment still holds": (
        PIPELINE, "effective_to > %(moment)s", "effective_to >= %(moment)s"),
    "a step at the position is left out": (
        OUTCOMES, "position <= %(position)s", "position < %(position)s"),
    "currencies are added": (
        FIGURES, "as key, currency,", "as key, 'EUR' as currency,"),
    "wins are counted, not won deals": (
        FIGURES, "count(*) filter (where status = 'WON') as won",
        "count(*) filter (where status = 'WON' or lost_reason is not null) as won"),
    "the mean stands for the median of stage times": (
        STAGE_TIME, "percentile_cont(0.5) within group (order by seconds::float8)",
        "avg(seconds)"),
    "the time between closing and reopening is a gap": (
        STAGE_TIME, "effective_from < ended_at",
        "effective_from < ended_at and status in ('OPEN', 'ON_HOLD')"),
    "the clock runs on after the closing": (
        STAGE_TIME, "least(closed_at, %(until)s::timestamptz)", "%(until)s::timestamptz"),
    "the mean stands for the median of tickets": (
        DURATIONS, "percentile_cont(0.5) within group (order by seconds::float8)",
        "avg(seconds)"),
    "a percentile is interpolated": (
        DURATIONS, "percentile_disc(0.9) within group (order by seconds)",
        "percentile_cont(0.9) within group (order by seconds::float8)"),
    "who leaves the backlog stays in it": (BACKLOG, "::date, -1 from stay", "::date, 0 from stay"),
}  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS.keys())
def test_it_is_found_that(desk: Desk, lived: World, plant: Plant) -> None:
    report, right, wrong = plant
    with pytest.raises(AssertionError):
        compare(desk, lived, report, planted(report, right, wrong))


WATERFALL_PLANTS: dict[str, tuple[str, str]] = {
    "a deal that was reopened is dropped": (
        "new_seen and was_seen is not true as enters",
        "new_seen and was_status is null as enters"),
    "a deal that comes and goes at one moment is dropped": ("as passes", "and false as passes"),
    "a lower price on winning is part of what was won": (
        "-new_amount, -repriced_weighted)", "-was_amount, -was_weighted)"),
    "the step at the beginning counts": (
        "new.recorded_from > %(since_position)s", "new.recorded_from >= %(since_position)s"),
}  # fmt: skip


def waterfalls(desk: Desk, world: World, report: Report[Any, Any]) -> None:
    async def ask() -> None:
        for step in (1, 7, world.position - 5):
            for position in range(5, world.position + 1 - step):
                since, past = past_at(world, position), past_at(world, position + step)
                await _waterfall(desk, world, report, since, past)
        moments = sorted(event.happened_at for event in world.events)
        for before, after in zip(moments, moments[3:], strict=False):
            known = [past_at(world, world.position, moment) for moment in (before, after)]
            await _waterfall(desk, world, report, *known)

    desk.run(ask())


async def _waterfall(
    desk: Desk, world: World, report: Report[Any, Any], since: Past, past: Past
) -> None:
    question = SalesQuestion()
    said = told(await desk.ask(report, world, past, question, since), WAY)
    balances = {about: fields.pop("balance") for about, fields in said.items()}
    assert_same(said, sales_fold.waterfall(world.events, since, past, question))
    assert_sums(said, balances)


def test_without_a_bug_the_waterfall_is_what_walking_shows(desk: Desk, lived: World) -> None:
    waterfalls(desk, lived, DIFFERENCE)


@pytest.mark.parametrize("plant", WATERFALL_PLANTS.values(), ids=WATERFALL_PLANTS.keys())
def test_it_is_found_in_the_waterfall_that(
    desk: Desk, lived: World, plant: tuple[str, str]
) -> None:
    with pytest.raises(AssertionError):
        waterfalls(desk, lived, planted(DIFFERENCE, *plant))
