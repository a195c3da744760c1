"""What holds for an opportunity whatever is asked of it, in whatever order (domain page, 2.4).

The checks read the recorded events alone, as a report does, and know nothing of the rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from crm_core.crm import Crm
from crm_core.kernel.clock import ManualClock
from crm_core.kernel.errors import Rejected
from crm_core.kernel.events import REDACTED, Event
from crm_core.kernel.ids import SeededIds
from crm_core.kernel.messages import SYSTEM, Command, Receipt, Request
from crm_core.kernel.values import Money, minor_units
from crm_core.ledger.codec import form_of
from crm_core.ledger.event_store import fold
from crm_core.ledger.records import StoredEvent
from crm_core.privacy.cipher import Cipher, new_key
from crm_core.sales.opportunity import commands as c
from crm_core.sales.opportunity import events as e
from crm_core.sales.opportunity.events import OpportunityStatus as S
from crm_core.sales.opportunity.lines import Line
from crm_core.sales.opportunity.opportunity import Opportunity
from crm_core.sales.pipeline import commands as p
from crm_core.sales.pipeline.events import ForecastCategory, GateField, Stage
from crm_core.sales.pipeline.pipeline import Pipeline
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.sales.product.commands import AddProduct, SetProductPrice
from stored_states import require_stored_states_stand

K = TypeVar("K", bound=StrEnum)
Kind = Callable[[str], list[st.SearchStrategy[Command]]]

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
TENANT, DEAL, FULL, LEAN, WIDGET = (UUID(int=n) for n in (99, 1, 2, 3, 4))
USERS = [UUID(int=n) for n in range(11, 14)]
LINES = [UUID(int=n) for n in range(21, 24)]
STAGES = ["a", "b", "c", "d", "won"]

# The states of the domain page, as a graph; from everywhere it may be archived.
STEPS = {
    S.OPEN: {S.ON_HOLD, S.WON, S.LOST, S.ARCHIVED},
    S.ON_HOLD: {S.ON_HOLD, S.OPEN, S.ARCHIVED},
    S.WON: {S.OPEN, S.ARCHIVED},
    S.LOST: {S.OPEN, S.ARCHIVED},
    S.ARCHIVED: set(),
}
STATUS_AFTER: dict[type[Event], S] = {
    e.OpportunityOpened: S.OPEN,
    e.OpportunityHeld: S.ON_HOLD,
    e.OpportunityResumed: S.OPEN,
    e.OpportunityWon: S.WON,
    e.OpportunityLost: S.LOST,
    e.OpportunityReopened: S.OPEN,
    e.OpportunityArchived: S.ARCHIVED,
}

# --- stories --------------------------------------------------------------------------------------

waits = st.sampled_from([timedelta(0), timedelta(hours=1), timedelta(days=9)])
delays = st.sampled_from([timedelta(0)] * 6 + [timedelta(minutes=90), timedelta(days=5)])
text = st.none() | st.sampled_from(["Ask Ada", "日本語", "naïve ✓"])
code = st.sampled_from(["a", "b.2"])
days = st.dates(date(2025, 12, 1), date(2026, 3, 1))
users = st.sampled_from(USERS)
stages = st.sampled_from(STAGES)
shares = st.sampled_from(
    [Decimal(n) for n in ("0", "5", "12.5", "33.33", "50", "99.999999", "100", "101", "-1")]
)
likely = st.sampled_from([Decimal(15), Decimal("62.5")])
quantities = st.sampled_from([Decimal(n) for n in ("1", "0.5", "0.25", "3", "12.34", "0", "7E+2")])


def one_of_its(kind: type[K]) -> st.SearchStrategy[K]:
    return st.sampled_from(kind)


def about_deal(command: type[Command], **fields: st.SearchStrategy[Any]) -> Any:
    return st.builds(command, opportunity_id=st.just(DEAL), **fields)


def stage_map_to(stage_id: str) -> tuple[c.StageMapping, ...]:
    return tuple(c.StageMapping(from_stage=s, to_stage=stage_id) for s in STAGES)


def splits_of(percents: list[Decimal]) -> tuple[e.TeamSplit, ...]:
    return tuple(
        e.TeamSplit(user_id=user, percent=percent)
        for user, percent in zip(USERS, percents, strict=False)
    )


thirds = ["33.33", "33.33", "33.34"]
splits = st.one_of(
    st.lists(shares, max_size=3),
    st.sampled_from([[Decimal(50), Decimal(50)], [Decimal(n) for n in thirds]]),
).map(splits_of)


def sums(currency: str) -> st.SearchStrategy[Money]:
    """Small amounts, so that many an odd half has to be rounded."""
    smallest = Decimal(1).scaleb(-minor_units(currency))
    return st.integers(0, 300).map(lambda n: Money(n * smallest, currency))


def way(_: str) -> list[st.SearchStrategy[Command]]:
    """Through the pipelines."""
    pipelines = st.sampled_from([FULL, LEAN])
    move = about_deal(c.MoveStage, stage_id=stages, reason=text)
    reopen = about_deal(c.ReopenOpportunity, reason=st.just("again"))
    return [
        *(move, move, move, move, reopen, reopen),
        about_deal(c.TransferPipeline, pipeline_id=pipelines, stage_map=stages.map(stage_map_to)),
        about_deal(c.WinOpportunity),
        about_deal(c.LoseOpportunity, reason_code=code, competitor=st.none() | code),
        about_deal(c.HoldOpportunity, until=st.none() | st.just(date(2026, 3, 1))),
        *(about_deal(c.ResumeOpportunity), about_deal(c.ResumeOpportunity)),
    ]


def definitions(_: str) -> list[st.SearchStrategy[Command]]:
    """The pipelines change while deals are in them."""
    pipelines = st.sampled_from([FULL, LEAN])
    stage = {"pipeline_id": pipelines, "stage_id": st.sampled_from(["a", "b", "c", "d"])}
    return [
        st.builds(p.RenameStage, **stage, name=code),
        st.builds(p.RetireStage, **stage, map_to=stages),
        *[st.builds(p.SetStageProbability, **stage, probability=likely)] * 3,
    ]


def money(currency: str) -> list[st.SearchStrategy[Command]]:
    amounts = sums(currency) | sums("USD")
    line = {"line_id": st.sampled_from(LINES), "quantity": quantities}
    return [
        about_deal(c.SetAmount, amount=amounts),
        about_deal(
            c.AddLine,
            **line,
            product_id=st.just(WIDGET),
            unit_price=st.none() | amounts,
            discount_percent=shares,
            tax_code=st.none() | code,
        ),
        about_deal(
            c.ChangeLine,
            **line,
            unit_price=st.none() | amounts,
            discount_percent=st.none() | shares,
        ),
        about_deal(c.RemoveLine, line_id=st.sampled_from(LINES)),
        about_deal(c.WinOpportunity, final_amount=st.none() | amounts, order_id=st.none() | users),
        about_deal(c.ReopenOpportunity, reason=st.just("again")),
        st.builds(SetProductPrice, product_id=st.just(WIDGET), list_price=sums(currency)),
    ]


def forecast(_: str) -> list[st.SearchStrategy[Command]]:
    return [
        about_deal(c.SetCloseDate, close_date=days, reason=text),
        about_deal(c.OverrideProbability, probability=shares, reason=text),
        about_deal(c.ClearProbabilityOverride),
        about_deal(c.SetForecastCategory, forecast_category=one_of_its(ForecastCategory)),
        about_deal(c.SetNextStep, text=text, due_on=st.none() | days),
    ]


def people(_: str) -> list[st.SearchStrategy[Command]]:
    role = {"customer_id": users, "role": one_of_its(e.ContactRole)}
    link = {"system": code, "external_id": code}
    return [
        about_deal(c.SetOpportunityCustomer, customer_id=users),
        about_deal(c.AddContactRole, **role),
        about_deal(c.RemoveContactRole, **role),
        about_deal(c.AddCompetitor, competitor=code),
        about_deal(c.SetCompetitorStatus, competitor=code, status=one_of_its(e.CompetitorStatus)),
        about_deal(c.AssignOpportunityOwner, owner_id=users),
        about_deal(c.SetTeamSplits, splits=splits),
        about_deal(c.SetTeamSplits, splits=splits),
        about_deal(c.LinkOpportunityExternalId, **link),
        about_deal(c.UnlinkOpportunityExternalId, **link),
    ]


def pipeline(pipeline_id: UUID, *closing: Stage) -> p.DefinePipeline:
    """The first stage leads only to the second, and the third asks for an amount."""
    first = Stage(id="a", name="A", probability=Decimal(20), allowed_next=("b", "won"))
    between = Stage(id="b", name="B", probability=Decimal("33.3"))
    gates = (GateField.AMOUNT,)
    last = Stage(id="c", name="C", probability=Decimal(90), required_fields=gates)
    if not closing:
        first = replace(first, allowed_next=("b",))
    return p.DefinePipeline(
        pipeline_id=pipeline_id, name="Sales", stages=(first, between, last, *closing)
    )


def changes(pipeline_id: UUID) -> list[Command]:
    """So that every story has a second version, and a third that says something else."""
    new = Stage(id="d", name="D", probability=Decimal(70))
    return [
        p.AddStage(pipeline_id=pipeline_id, stage=new),
        p.SetStageProbability(pipeline_id=pipeline_id, stage_id="b", probability=Decimal(40)),
    ]


@cache
def work(kinds: tuple[Kind, ...], currency: str) -> st.SearchStrategy[Command]:
    return st.one_of([strategy for kind in kinds for strategy in kind(currency)])


@st.composite
def stories(draw: st.DrawFn, *kinds: Kind) -> list[Request]:
    """A deal is opened and worked on in any order, partly entered late, perhaps archived."""
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))
    asked = work(kinds, currency)
    opening = c.OpenOpportunity(
        opportunity_id=DEAL,
        name="Widgets",
        pipeline_id=draw(st.sampled_from([FULL, LEAN])),
        stage_id=draw(st.sampled_from([None, "b"])),
        currency=currency,
        owner_id=USERS[0],
        amount=draw(st.none() | sums(currency)),
        close_date=draw(st.none() | days),
    )
    price = draw(sums(currency))
    commands = [
        pipeline(FULL, *STANDARD_STAGES[-2:]),
        pipeline(LEAN),
        AddProduct(product_id=WIDGET, name="Widget", code="W-1", list_price=price),
        opening,
        *changes(FULL),
        *changes(LEAN),
        *draw(st.lists(asked, min_size=15, max_size=40)),
        *draw(st.lists(about_deal(c.ArchiveOpportunity, reason=text), max_size=1)),
        *draw(st.lists(asked, max_size=5)),
    ]
    now = START
    requests = []
    for number, command in enumerate(commands):
        now += draw(waits)
        late = draw(delays) if number > 3 else timedelta(0)
        requests.append(Request(command=command, actor=SYSTEM, effective_at=now - late))
    return requests


# --- what they come to ----------------------------------------------------------------------------


class Told(NamedTuple):
    """All that was recorded, and what it makes of the deal and of the pipelines."""

    history: list[Event]
    deal: Opportunity
    pipelines: dict[UUID, Pipeline]


async def executed(requests: list[Request]) -> Told:
    """A command that was refused was refused by a rule."""
    clock = ManualClock(START + timedelta(days=10_000))
    crm = Crm.in_memory(clock=clock, ids=SeededIds(1, clock))
    for outcome in await crm.execute_many(requests):
        assert isinstance(outcome, Receipt | Rejected), outcome
    return Told(
        [event.data for event in await crm.history(DEAL)],
        await crm.get(Opportunity, DEAL),
        {known: await crm.get(Pipeline, known) for known in (FULL, LEAN)},
    )


async def rehearsed(requests: list[Request]) -> list[Event]:
    """Every event as it was before it was stored."""
    clock = ManualClock(START)
    crm = Crm.in_memory(clock=clock, ids=SeededIds(1, clock))
    events: list[Event] = []
    for request in requests:
        clock.move_to(max(clock.now(), request.effective_at or START))
        with suppress(Rejected):
            events += await crm.rehearse(request.command, actor=request.actor)
            await crm.execute(request.command, actor=request.actor)
    return events


def told(*kinds: Kind) -> st.SearchStrategy[Told]:
    return stories(*kinds).map(executed).map(asyncio.run)


unstored = (
    st.one_of([stories(kind) for kind in (way, definitions, money, forecast, people)])
    .map(rehearsed)
    .map(asyncio.run)
)


def with_status(history: list[Event]) -> Iterator[tuple[S, Event]]:
    """Each event after the first, with the status that the deal had before it."""
    status = S.OPEN
    for event in history[1:]:
        yield status, event
        status = STATUS_AFTER.get(type(event), status)


class Stay(NamedTuple):
    stage_id: str
    entered: datetime
    left: datetime


def stays(history: list[Event]) -> tuple[list[Stay], tuple[str, datetime] | None]:
    """The times in stages, and the stage that it is in, read from the events alone."""
    past: list[Stay] = []
    now: tuple[str, datetime] | None = None

    def leave(stage_id: str, moment: datetime) -> None:
        assert now is not None, "left a stage while in none"
        assert now[0] == stage_id, "left another stage than it was in"
        assert moment >= now[1], "left a stage before it was entered"
        past.append(Stay(stage_id, now[1], moment))

    for event in history:
        match event:
            case e.OpportunityOpened() | e.OpportunityReopened():
                assert now is None, "entered a second stage"
                now = event.stage_id, event.timestamp
            case e.StageChanged() | e.PipelineChanged():
                leave(event.from_stage, event.timestamp)
                now = event.to_stage, event.timestamp
            case e.OpportunityWon() | e.OpportunityLost():
                leave(event.last_stage, event.timestamp)
                now = None
            case e.OpportunityArchived() if event.from_status in (S.OPEN, S.ON_HOLD):
                leave(event.last_stage, event.timestamp)
                now = None
    return past, now


# --- properties -----------------------------------------------------------------------------------


@given(told(way, money))
def test_an_opportunity_walks_only_the_paths_of_its_states(story: Told) -> None:
    statuses = [STATUS_AFTER[type(x)] for x in story.history if type(x) in STATUS_AFTER]
    for before, after in pairwise(statuses):
        assert after in STEPS[before]
    assert story.deal.status is statuses[-1]


@given(told(way, definitions))
def test_a_stage_is_one_of_the_pipeline_version_that_was_recorded(story: Told) -> None:
    recorded = None
    for event in story.history:
        match event:
            case e.StageChanged() | e.PipelineChanged():
                stage_id: str | None = event.to_stage
            case e.OpportunityOpened() | e.OpportunityReopened():
                stage_id = event.stage_id
            case e.OpportunityWon() | e.OpportunityLost():
                stage_id = event.stage_id
            case _:
                continue
        recorded = event.pipeline_id, event.pipeline_version, stage_id
        if stage_id is not None:
            definition = story.pipelines[event.pipeline_id].versions[event.pipeline_version]
            stage = definition.stage(stage_id)
            assert event.probability == stage.probability
            assert event.forecast_category is stage.forecast_category
    deal = story.deal
    assert recorded == (deal.pipeline_id, deal.pipeline_version, deal.stage_id)


@given(told(way, money))
def test_what_is_closed_takes_no_stage_amount_or_line(story: Told) -> None:
    for status, event in with_status(story.history):
        if status in (S.WON, S.LOST, S.ARCHIVED):
            assert not isinstance(
                event,
                e.StageChanged
                | e.PipelineChanged
                | e.OpportunityWon
                | e.OpportunityLost
                | e.AmountSet
                | e.LineAdded
                | e.LineChanged
                | e.LineRemoved,
            )


@given(
    st.integers(0, 10_000),
    st.integers(1, 10_000),
    st.sampled_from(["0", "12.5", "33.333333", "50", "75", "100"]),
    st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_a_line_is_rounded_once_half_to_even(
    price: int, quarters: int, discount: str, currency: str
) -> None:
    unit_price = Money(Decimal(price).scaleb(-minor_units(currency)), currency)
    line = Line(WIDGET, unit_price, Decimal(quarters) / 4, Decimal(discount), None)
    exact = Fraction(unit_price.amount) * Fraction(quarters, 4) * (100 - Fraction(discount)) / 100
    # Python rounds fractions half to even.
    assert Fraction(line.total.amount) == round(exact, minor_units(currency))


@given(told(money))
def test_the_amount_is_the_sum_of_the_rounded_lines(story: Told) -> None:
    currency = story.deal.currency
    totals: dict[UUID, Fraction] = {}
    for event in story.history:
        match event:
            case e.LineAdded() | e.LineChanged():
                price, off = Fraction(event.unit_price.amount), Fraction(event.discount_percent)
                exact = Fraction(event.quantity) * price * (100 - off) / 100
                totals[event.line_id] = round(exact, minor_units(currency))
                assert Fraction(event.line_total.amount) == totals[event.line_id]
                amount = event.amount
            case e.LineRemoved():
                del totals[event.line_id]
                amount = event.amount
            case e.OpportunityWon() if totals:
                assert event.final_amount is not None
                amount = event.final_amount
            case e.AmountSet():
                assert not totals
                continue
            case _:
                continue
        assert amount.currency == currency
        assert Fraction(amount.amount) == sum(totals.values())
    assert story.deal.lines.keys() == totals.keys()


@given(told(way, definitions, forecast))
def test_a_reader_of_the_events_alone_knows_how_it_stands(story: Told) -> None:
    stands: dict[str, Any] = {}
    named = ("amount", "probability", "forecast_category", "pipeline_id", "pipeline_version")
    for event in story.history:
        for name in named:
            if hasattr(event, name):
                stands[name] = getattr(event, name)
        if isinstance(event, e.OpportunityWon):
            stands["amount"] = event.final_amount
    assert stands == {name: getattr(story.deal, name) for name in named}


@given(told(way, forecast))
def test_a_probability_is_0_to_100_and_certain_once_it_is_closed(story: Told) -> None:
    certain = {S.WON: 100, S.LOST: 0}
    for event in story.history:
        if hasattr(event, "probability"):
            assert 0 <= event.probability <= 100
    if story.deal.status in certain:
        assert story.deal.probability == certain[story.deal.status]
    for status, event in with_status(story.history):
        after = STATUS_AFTER.get(type(event), status)
        if after in certain and hasattr(event, "probability"):
            assert event.probability == certain[after]


@given(told(people))
def test_team_splits_sum_to_100_when_there_are_any(story: Told) -> None:
    for event in story.history:
        if isinstance(event, e.TeamSplitsSet) and event.splits:
            assert sum(split.percent for split in event.splits) == 100
            assert len({split.user_id for split in event.splits}) == len(event.splits)


@given(told(way, definitions))
def test_the_times_in_stages_tile_its_open_life(story: Told) -> None:
    past, now = stays(story.history)
    is_open = story.deal.status in (S.OPEN, S.ON_HOLD)
    assert (now is not None) == is_open
    if now is not None:
        assert now == (story.deal.stage_id, now[1])
    begun: datetime | None = None
    lives = timedelta(0)
    for event in story.history:
        match event:
            case e.OpportunityOpened() | e.OpportunityReopened():
                begun = event.timestamp
            case e.OpportunityWon() | e.OpportunityLost() | e.OpportunityArchived() if begun:
                lives += event.timestamp - begun
                begun = None
    if begun is not None and now is not None:
        lives += now[1] - begun
    assert sum((stay.left - stay.entered for stay in past), timedelta(0)) == lives


@given(told(way, definitions))
def test_a_closed_one_keeps_the_stage_it_was_in(story: Told) -> None:
    last = None
    for event in story.history:
        match event:
            case e.OpportunityOpened() | e.OpportunityReopened():
                last = event.stage_id
            case e.StageChanged() | e.PipelineChanged():
                last = event.to_stage
            case e.OpportunityWon() | e.OpportunityLost() | e.OpportunityArchived():
                assert event.last_stage == last
    if story.deal.status in (S.WON, S.LOST):
        assert story.deal.last_stage == last


@given(unstored)
def test_every_event_survives_encode_and_decode(events: list[Event]) -> None:
    cipher = Cipher(new_key())
    for number, event in enumerate(events, 1):
        form = form_of(type(event))
        event_id = UUID(int=number)
        stored = StoredEvent(
            tenant_id=TENANT,
            position=number,
            event_id=event_id,
            stream_type=getattr(event, "originator_topic", ""),
            stream_id=event.originator_id,
            version=event.originator_version,
            type=form.topic,
            schema_version=form.version,
            recorded_at=event.timestamp,
            effective_at=None,
            actor=SYSTEM,
            command_id=event_id,
            correlation_id=event_id,
            causation_id=None,
            reason=None,
            subject_ids=(event.originator_id,),
            tags=(),
            data=form.encode(event, event_id, TENANT, cipher),
        )
        assert form.decode(stored, cipher) == event


@given(told(way, money, forecast, people))
def test_its_stored_state_stands_for_what_it_was_folded_from(story: Told) -> None:
    require_stored_states_stand(story.history)


@given(told(way, forecast))
def test_without_its_texts_it_still_stands_where_it_stood(story: Told) -> None:
    texts = {"name", "text", "reason"}
    forgotten = []
    for event in story.history:
        values = dict(vars(event))
        for name in texts & values.keys():
            values[name] = values[name] and REDACTED
        forgotten.append(type(event)(**values))
    deal = fold(forgotten)
    assert isinstance(deal, Opportunity)
    told_apart = {"name", "next_step"}
    kept = vars(deal).keys() - told_apart
    assert {n: vars(deal)[n] for n in kept} == {n: vars(story.deal)[n] for n in kept}
