"""Reports say what a fold of the events says, and say it again for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_core import Invalid, Money, RecordedEvent, Rejected
from crm_core.sales import OpenOpportunity, WinOpportunity
from crm_projections.reporting import LATEST, Past, Question, Report
from crm_projections.sales_pipeline.reports import (
    AGEING,
    DIFFERENCE,
    FIGURES,
    FORECAST,
    FUNNEL,
    OUTCOMES,
    PIPELINE,
    STAGE_TIME,
    SalesGroup,
    SalesQuestion,
)
from crm_projections.ticket_queue.reports import (
    BACKLOG,
    DURATIONS,
    REOPENING,
    VOLUME,
    TicketGroup,
    TicketQuestion,
)

from . import sales_fold, ticket_fold
from .conftest import Desk
from .histories import ANNA, FULL, START, WIDGET, Step, World, sales_histories, ticket_histories

Fold = Callable[[list[RecordedEvent], Past, Any], dict[Any, Any]]

# What a row is about, and the fold that says the same.
SALES: dict[Report[Any, Any], tuple[tuple[str, ...], Fold]] = {
    PIPELINE: (("key", "pipeline_id", "stage_id", "status", "currency"), sales_fold.pipeline),
    FORECAST: (("key", "forecast_category", "currency"), sales_fold.forecast),
    FUNNEL: (("key", "pipeline_id", "stage_id", "outcome"), sales_fold.funnel),
    FIGURES: (("key", "currency"), sales_fold.figures),
    OUTCOMES: (("key", "outcome", "lost_reason", "lost_to", "currency"), sales_fold.outcomes),
    STAGE_TIME: (("key", "pipeline_id", "stage_id", "outcome"), sales_fold.stage_time),
    AGEING: (("key", "pipeline_id", "stage_id", "currency"), sales_fold.ageing),
}
TICKETS: dict[Report[Any, Any], tuple[tuple[str, ...], Fold]] = {
    VOLUME: (("key",), ticket_fold.volume),
    BACKLOG: (("key", "status"), ticket_fold.backlog),
    DURATIONS: (("key", "measure"), ticket_fold.durations),
    REOPENING: (("key",), ticket_fold.reopening),
}


def examples(count: int) -> Any:
    return settings(max_examples=count, suppress_health_check=[HealthCheck.too_slow])


days_after = st.integers(-30, 200).map(lambda days: START + timedelta(days=days, hours=3))
zones = st.sampled_from(["UTC", "Europe/Rome", "Asia/Tokyo", "America/Sao_Paulo"])
bounds = st.sampled_from(
    [(None, None)] * 3
    + [(date(2026, 1, 1), date(2026, 2, 10)), (date(2026, 2, 1), None), (None, date(2026, 3, 1))]
)


def sales_questions(groups: list[str]) -> st.SearchStrategy[SalesQuestion]:
    some = st.none() | st.none()
    return st.builds(
        lambda period, **fields: SalesQuestion(first_day=period[0], end_day=period[1], **fields),
        bounds,
        group=st.sampled_from([SalesGroup(group) for group in sorted(groups)]),
        time_zone=zones,
        owner_ids=some | st.just((ANNA,)),
        pipeline_ids=some | st.just((FULL,)),
        product_ids=some | some | st.just((WIDGET,)),
        sources=some | some | st.sampled_from([("web",), ()]),
    )


ticket_questions = st.builds(
    lambda period, **fields: TicketQuestion(first_day=period[0], end_day=period[1], **fields),
    bounds,
    group=st.sampled_from(TicketGroup),
    time_zone=zones,
    assignee_ids=st.none() | st.none() | st.just((ANNA,)),
    queues=st.none() | st.none() | st.just(("one",)),
    products=st.none() | st.none() | st.just(("pump", "valve")),
)


@st.composite
def moments(draw: st.DrawFn) -> Callable[[World], datetime | None]:
    """The latest, some day, or exactly when something happened, and a moment before and after."""
    day, back = draw(st.none() | days_after), draw(st.none() | st.integers(1, 20))
    if back is None:
        return lambda _: day
    apart = timedelta(microseconds=draw(st.sampled_from([0, 0, 0, 1, -1])))
    return lambda world: world.events[-back % len(world.events)].happened_at + apart


@st.composite
def pasts(draw: st.DrawFn) -> Callable[[World], Past]:
    """A past of a world: some position of it, about the latest or about some moment."""
    back, moment = draw(st.integers(0, 12)), draw(moments())
    return lambda world: past_at(world, max(0, world.position - back), moment(world))


def past_at(world: World, position: int, moment: datetime | None = None) -> Past:
    recorded = world.events[position - 1].recorded_at if position else None
    return Past(position, moment, moment or recorded)


def told(rows: list[Any], names: tuple[str, ...]) -> dict[Any, Any]:
    """Rows as what they are about → what they say."""
    answer = {}
    for row in rows:
        fields = msgspec.structs.asdict(row)
        about = tuple(fields.pop(name) for name in names)
        assert about not in answer, "each is said once"
        answer[about] = fields
    return answer


def assert_same(said: dict[Any, Any], folded: dict[Any, Any]) -> None:
    assert set(said) == set(folded)
    for about, fields in folded.items():
        for name, value in fields.items():
            found = said[about][name]
            if isinstance(value, Decimal | int) or value is None:
                assert found == value, (about, name)
            elif isinstance(value, Fraction):  # to four digits for money, to a millionth else
                within = 0.000051 if isinstance(found, Decimal) else 0.000001
                assert float(found) == pytest.approx(float(value), abs=within), (about, name)
            else:
                assert found == pytest.approx(value, abs=0.000001), (about, name)


@examples(30)
@given(st.data(), sales_histories())
def test_a_sales_report_is_what_a_fold_of_the_events_says(
    desk: Desk, data: st.DataObject, steps: list[Step]
) -> None:
    async def check() -> None:
        world = await lived(desk, steps)
        for report, (names, fold) in SALES.items():
            question = data.draw(sales_questions(list(report.groups)))
            past = data.draw(pasts())(world)
            rows = await desk.ask(report, world, past, question)
            assert_same(told(rows, names), fold(world.events, past, question))

    desk.run(check())


@examples(25)
@given(st.data(), ticket_histories())
def test_a_ticket_report_is_what_a_fold_of_the_events_says(
    desk: Desk, data: st.DataObject, steps: list[Step]
) -> None:
    async def check() -> None:
        world = await lived(desk, steps)
        for report, (names, fold) in TICKETS.items():
            question = data.draw(ticket_questions)
            past = data.draw(pasts())(world)
            rows = await desk.ask(report, world, past, question)
            assert_same(told(rows, names), fold(world.events, past, question))

    desk.run(check())


async def lived(desk: Desk, steps: list[Step]) -> World:
    world = await World.founded()
    await world.take(*steps)
    await desk.keep_up(world)
    return world


# --- the waterfall --------------------------------------------------------------------------------

WAY = ("key", "currency", "change")


@examples(20)
@given(st.data(), sales_histories())
def test_a_waterfall_is_what_walking_from_past_to_past_shows_and_sums_exactly(
    desk: Desk, data: st.DataObject, steps: list[Step]
) -> None:
    async def check() -> None:
        world = await lived(desk, steps)
        for _ in range(3):
            question = data.draw(sales_questions(sorted(DIFFERENCE.groups)))
            question = without_period(question)
            since, past = sorted(
                (data.draw(pasts())(world) for _ in range(2)),
                key=lambda past: (past.position, past.moment or past.parameters["moment"]),
            )
            if since.parameters["moment"] > past.parameters["moment"]:
                since, past = (
                    past_at(world, since.position, past.moment),
                    past_at(world, past.position, since.moment),
                )
            said = told(await desk.ask(DIFFERENCE, world, past, question, since), WAY)
            balances = {about: fields.pop("balance") for about, fields in said.items()}
            assert_same(said, sales_fold.waterfall(world.events, since, past, question))
            assert_sums(said, balances)

    desk.run(check())


def without_period(question: SalesQuestion) -> SalesQuestion:
    """The same without a period: a waterfall takes none."""
    return replace(question, first_day=None, end_day=None)


def assert_sums(said: dict[Any, Any], balances: dict[Any, Any]) -> None:
    """The beginning and all changes are the end, in number, amount and weighted amount."""
    for group in {about[:2] for about in said}:
        rows = {about[2]: fields for about, fields in said.items() if about[:2] == group}
        end = rows.pop("END", {"deals": 0, "amount": 0, "weighted": 0})
        for measure in ("deals", "amount", "weighted"):
            assert sum(fields[measure] for fields in rows.values()) == end[measure], measure
        last = [balance for about, balance in balances.items() if about[:2] == group][-1]
        assert last == end["amount"]


@examples(15)
@given(st.data(), sales_histories())
def test_the_waterfalls_of_two_legs_are_that_of_the_whole_way(
    desk: Desk, data: st.DataObject, steps: list[Step]
) -> None:
    """INV 10, change by change: pipelineDiff(a, b) + pipelineDiff(b, c) = pipelineDiff(a, c)."""

    async def check() -> None:
        world = await lived(desk, steps)
        question = without_period(data.draw(sales_questions(sorted(DIFFERENCE.groups))))
        moment = data.draw(moments())(world)
        positions = sorted(data.draw(st.integers(0, world.position)) for _ in range(3))
        times = sorted(data.draw(moments())(world) or LATEST for _ in range(3))
        for a, b, c in (
            [past_at(world, position, moment) for position in positions],
            [past_at(world, world.position, time) for time in times],
        ):
            legs = [
                told(await desk.ask(DIFFERENCE, world, after, question, before), WAY)
                for before, after in ((a, b), (b, c), (a, c))
            ]
            first, second, whole = map(changes_of, legs)
            assert first + second == whole

    desk.run(check())


class Sums(Counter[Any]):
    """Numbers by what they are of; those that are 0 say nothing."""

    def __add__(self, other: Any) -> Sums:
        return Sums({key: self[key] + other[key] for key in {*self, *other}})

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Sums)
        return all(self[key] == other[key] for key in {*self, *other})

    __hash__ = None  # type: ignore[assignment]


def changes_of(said: dict[Any, Any]) -> Sums:
    return Sums(
        {
            (*about, measure): fields[measure]
            for about, fields in said.items()
            if about[2] not in ("START", "END")
            for measure in ("changes", "deals", "amount", "weighted")
        }
    )


# --- the same answer for ever ---------------------------------------------------------------------


@examples(8)
@given(st.data(), sales_histories(), ticket_histories())
def test_a_report_of_the_past_is_to_the_byte_what_was_answered_then(
    desk: Desk, data: st.DataObject, sales: list[Step], tickets: list[Step]
) -> None:
    async def check() -> None:
        world = await World.founded()
        questions = {
            **{of: data.draw(sales_questions(sorted(of.groups))) for of in SALES},
            **{of: data.draw(ticket_questions) for of in TICKETS},
        }
        captured = []
        for part in data.draw(st.permutations([sales[:9], sales[9:], tickets[:9], tickets[9:]])):
            await world.take(*part)
            await desk.keep_up(world)
            now = past_at(world, world.position)
            captured.append((now, await answers(desk, world, now, questions)))
        for then, answer in captured:
            assert await answers(desk, world, then, questions) == answer

    desk.run(check())


async def answers(
    desk: Desk, world: World, past: Past, questions: dict[Report[Any, Any], Question]
) -> dict[str, bytes]:
    return {
        report.name: msgspec.json.encode(await desk.ask(report, world, past, question))
        for report, question in questions.items()
    }


# --- two clocks, and what is refused --------------------------------------------------------------


def test_what_we_knew_of_february_on_1_march_is_not_what_february_was(desk: Desk) -> None:
    """A win of 20 February that was entered on 10 March."""
    deal, day = UUID(int=201), timedelta(days=1)

    async def check() -> None:
        world = await World.founded()  # 5 January
        opening = OpenOpportunity(
            opportunity_id=deal, name="Deal", pipeline_id=FULL, owner_id=ANNA, currency="EUR",
            amount=Money(Decimal(100), "EUR"),
        )  # fmt: skip
        await world.take(Step((opening,)))
        world.clock.advance(datetime(2026, 3, 1, tzinfo=UTC) - world.clock.now())
        on_1_march = world.position
        await world.take(Step((WinOpportunity(opportunity_id=deal),), 9 * day, 18 * day))
        await desk.keep_up(world)
        end_of_february = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
        question = SalesQuestion(first_day=date(2026, 2, 1), end_day=date(2026, 3, 1))

        async def won(position: int) -> int:
            past = past_at(world, position, end_of_february)
            return sum(row.won for row in await desk.ask(FIGURES, world, past, question))

        assert await won(on_1_march) == 0
        assert await won(world.position) == 1

    desk.run(check())


def test_what_makes_no_sense_is_refused(desk: Desk, lived: World) -> None:
    async def refused(report: Report[Any, Any], question: Question, since: Past | None) -> str:
        with pytest.raises(Rejected) as refusal:
            await desk.ask(report, lived, past_at(lived, 9), question, since)
        return refusal.value.code

    by_month = SalesQuestion(group=SalesGroup.MONTH)
    assert desk.run(refused(DIFFERENCE, by_month, Past(1))) == "report.cannot_group_by"
    assert desk.run(refused(DIFFERENCE, SalesQuestion(), Past(10))) == "report.runs_backwards"
    in_may = SalesQuestion(first_day=date(2026, 5, 1))
    assert desk.run(refused(DIFFERENCE, in_may, Past(1))) == "command.invalid"
    with pytest.raises(Invalid, match="time_zone"):
        SalesQuestion(time_zone="Rome")
    with pytest.raises(Invalid, match=r"U\+0000"):
        SalesQuestion(sources=("web", "a\0"))
    with pytest.raises(Invalid, match=r"period\.to"):
        SalesQuestion(first_day=START.date(), end_day=START.date())
