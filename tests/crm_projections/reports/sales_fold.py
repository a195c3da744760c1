"""The sales reports again, folded from the events by hand; knows nothing of tables or SQL."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from crm_core import RecordedEvent
from crm_core.sales.opportunity import events as e
from crm_projections.reporting import PERIODS, Past
from crm_projections.sales_pipeline.reports import SalesGroup, SalesQuestion

from .histories import TEAMS

OPEN = ("OPEN", "ON_HOLD")
CLOSED = ("WON", "LOST")


@dataclass(frozen=True)
class Deal:
    """How an opportunity stood."""

    id: UUID
    opened_at: datetime
    currency: str
    product: UUID | None
    source: str | None
    owner: UUID
    pipeline: UUID
    stage: str
    entered_at: datetime
    chance: Decimal
    category: str
    amount: Decimal | None
    close_date: date | None
    status: str = "OPEN"
    closed_at: datetime | None = None
    reason: str | None = None
    lost_to: str | None = None

    @property
    def value(self) -> Decimal:
        return self.amount or Decimal(0)

    def weighted(self, chance: Decimal | None = None) -> Decimal:
        exact = self.value * (self.chance if chance is None else chance) / 100
        return exact.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def opened(event: RecordedEvent) -> Deal:
    fact = event.data
    assert isinstance(fact, e.OpportunityOpened)
    return Deal(
        id=event.record_id, opened_at=event.happened_at, currency=fact.currency,
        product=fact.product_id, source=fact.source, owner=fact.owner_id,
        pipeline=fact.pipeline_id, stage=fact.stage_id, entered_at=event.happened_at,
        chance=fact.probability, category=fact.forecast_category,
        amount=fact.amount.amount if fact.amount else None, close_date=fact.close_date,
    )  # fmt: skip


def after(deal: Deal, event: RecordedEvent) -> Deal:
    fact: Any = event.data
    match fact:
        case e.AmountSet():
            return replace(deal, amount=fact.amount.amount)
        case e.CloseDateChanged():
            return replace(deal, close_date=fact.to_date)
        case e.OpportunityOwnerAssigned():
            return replace(deal, owner=fact.to_owner_id)
        case e.ProbabilityOverridden() | e.ProbabilityOverrideCleared():
            return replace(deal, chance=fact.probability)
        case e.ForecastCategorySet():
            return replace(deal, category=fact.forecast_category)
        case e.OpportunityHeld():
            return replace(deal, status="ON_HOLD")
        case e.OpportunityResumed():
            return replace(deal, status="OPEN")
        case e.OpportunityArchived():
            return replace(deal, status="ARCHIVED")
        case e.StageChanged() | e.PipelineChanged():
            return _entered(deal, event, fact.to_stage)
        case e.OpportunityReopened():
            deal = replace(deal, status="OPEN", closed_at=None, reason=None, lost_to=None)
            return _entered(deal, event, fact.stage_id)
        case e.OpportunityWon():
            amount = fact.final_amount.amount if fact.final_amount else deal.amount
            deal = replace(deal, status="WON", closed_at=event.happened_at, amount=amount)
            return _entered(deal, event, fact.stage_id or fact.last_stage)
        case e.OpportunityLost():
            deal = replace(deal, status="LOST", closed_at=event.happened_at)
            deal = replace(deal, reason=fact.reason_code, lost_to=fact.competitor)
            return _entered(deal, event, fact.stage_id or fact.last_stage)
        case _:
            return deal


def _entered(deal: Deal, event: RecordedEvent, stage: str) -> Deal:
    fact: Any = event.data
    return replace(
        deal, stage=stage, pipeline=fact.pipeline_id, entered_at=event.happened_at,
        chance=fact.probability, category=fact.forecast_category,
    )  # fmt: skip


def lives(events: Iterable[RecordedEvent], past: Past) -> dict[UUID, list[tuple[datetime, Deal]]]:
    """Each opportunity's states with the moments they began, as far as this past knows."""
    streams: defaultdict[UUID, list[RecordedEvent]] = defaultdict(list)
    for event in events:
        if event.position <= past.position and event.record_type == "sales.opportunity":
            streams[event.record_id].append(event)
    found: dict[UUID, list[tuple[datetime, Deal]]] = {}
    for record_id, (first, *others) in streams.items():
        began = first.happened_at
        if past.moment is not None and began > past.moment:
            continue
        deal = opened(first)
        life = [(began, deal)]
        for event in sorted(others, key=lambda event: max(event.happened_at, began)):
            at = max(event.happened_at, began)
            if past.moment is None or at <= past.moment:
                deal = after(deal, event)
                life.append((at, deal))
        found[record_id] = life
    return found


def states(events: Iterable[RecordedEvent], past: Past) -> dict[UUID, Deal]:
    return {key: life[-1][1] for key, life in lives(events, past).items()}


# --- the question ---------------------------------------------------------------------------------


def in_scope(deal: Deal, question: SalesQuestion) -> bool:
    return all(
        allowed is None or value in allowed
        for allowed, value in (
            (question.owner_ids, deal.owner),
            (question.pipeline_ids, deal.pipeline),
            (question.product_ids, deal.product),
            (question.sources, deal.source),
        )
    )


def local_day(at: datetime, question: SalesQuestion) -> date:
    return at.astimezone(ZoneInfo(question.time_zone)).date()


def in_period(day: date | None, question: SalesQuestion) -> bool:
    if day is None:
        return question.first_day is None and question.end_day is None
    return (question.first_day is None or question.first_day <= day) and (
        question.end_day is None or day < question.end_day
    )


def key_of(deal: Deal, question: SalesQuestion, day: date | None) -> str | None:
    match question.group:
        case SalesGroup.ALL:
            return None
        case SalesGroup.OWNER:
            return str(deal.owner)
        case SalesGroup.TEAM:
            return str(TEAMS[deal.owner]) if deal.owner in TEAMS else None
        case SalesGroup.PIPELINE:
            return str(deal.pipeline)
        case SalesGroup.PRODUCT:
            return str(deal.product) if deal.product else None
        case SalesGroup.SOURCE:
            return deal.source
        case period:
            return None if day is None else first_day(day, period).isoformat()


def first_day(day: date, period: str) -> date:
    match period:
        case "DAY":
            return day
        case "WEEK":
            return day - timedelta(days=day.weekday())
        case "MONTH":
            return day.replace(day=1)
        case _:
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)


def asked(events: list[RecordedEvent], past: Past, question: SalesQuestion) -> list[Deal]:
    found = states(events, past).values()
    return [deal for deal in found if deal.status != "ARCHIVED" and in_scope(deal, question)]


def seconds(length: timedelta) -> Fraction:
    return Fraction(length // timedelta(microseconds=1), 10**6)


def days(length: Fraction | float) -> float:
    return float(length) / 86400


def nearest_rank(values: list[Fraction], share: Fraction) -> Fraction:
    place = -(-share * len(values) // 1)
    return sorted(values)[max(int(place), 1) - 1]


# --- the reports; each maps what a row is about to what it says -----------------------------------


def pipeline(events: list[RecordedEvent], past: Past, question: SalesQuestion) -> dict[Any, Any]:
    cells: defaultdict[Any, list[Deal]] = defaultdict(list)
    for deal in asked(events, past, question):
        day = local_day(deal.opened_at, question)
        if in_period(day, question):
            key = key_of(deal, question, day)
            cells[key, deal.pipeline, deal.stage, deal.status, deal.currency].append(deal)
    return {cell: _worth(deals) for cell, deals in cells.items()}


def forecast(events: list[RecordedEvent], past: Past, question: SalesQuestion) -> dict[Any, Any]:
    cells: defaultdict[Any, list[Deal]] = defaultdict(list)
    for deal in asked(events, past, question):
        if deal.status == "LOST":
            continue
        won_at = deal.closed_at
        day = local_day(won_at, question) if won_at else deal.close_date
        if in_period(day, question):
            cells[key_of(deal, question, day), deal.category, deal.currency].append(deal)
    return {cell: _worth(deals) for cell, deals in cells.items()}


def _worth(deals: list[Deal]) -> dict[str, Any]:
    return {
        "deals": len(deals),
        "without_amount": sum(deal.amount is None for deal in deals),
        "amount": sum((deal.value for deal in deals), Decimal(0)),
        "weighted": sum((deal.weighted() for deal in deals), Decimal(0)),
    }


def steps(
    events: list[RecordedEvent], past: Past, *of: type[Any]
) -> Iterator[tuple[RecordedEvent, Any]]:
    for event in events:
        known = event.position <= past.position
        happened = past.moment is None or event.happened_at <= past.moment
        if known and happened and isinstance(event.data, of):
            yield event, event.data


def funnel(events: list[RecordedEvent], past: Past, question: SalesQuestion) -> dict[Any, Any]:
    deals = {}
    for deal in asked(events, past, question):
        day = local_day(deal.opened_at, question)
        if in_period(day, question):
            deals[deal.id] = deal, key_of(deal, question, day)
    reached: defaultdict[Any, set[UUID]] = defaultdict(set)
    entering = (
        e.OpportunityOpened, e.StageChanged, e.PipelineChanged, e.OpportunityReopened,
        e.OpportunityWon, e.OpportunityLost,
    )  # fmt: skip
    for event, fact in steps(events, past, *entering):
        allowed = question.pipeline_ids
        if event.record_id in deals and (allowed is None or fact.pipeline_id in allowed):
            outcome = {e.OpportunityWon: "WON", e.OpportunityLost: "LOST"}.get(type(fact), "OPEN")
            stage = fact.to_stage if hasattr(fact, "to_stage") else fact.stage_id
            key = deals[event.record_id][1]
            reached[key, fact.pipeline_id, stage, outcome].add(event.record_id)
    answer = {}
    for (key, pipeline_id, stage, outcome), ids in reached.items():
        cohort = set[UUID]().union(
            *(those for (k, p, *_), those in reached.items() if (k, p) == (key, pipeline_id))
        )
        won = sum(deals[id][0].status == "WON" for id in ids)
        answer[key, pipeline_id, stage, outcome] = {
            "cohort": len(cohort), "reached": len(ids), "share": len(ids) / len(cohort),
            "won": won, "win_rate": won / len(ids),
        }  # fmt: skip
    return answer


def figures(events: list[RecordedEvent], past: Past, question: SalesQuestion) -> dict[Any, Any]:
    cells: defaultdict[Any, list[Deal]] = defaultdict(list)
    for deal in asked(events, past, question):
        day = local_day(deal.closed_at, question) if deal.closed_at else None
        if day is None or in_period(day, question):
            cells[key_of(deal, question, day), deal.currency].append(deal)
    answer = {}
    for cell, deals in cells.items():
        won = [deal for deal in deals if deal.status == "WON"]
        lost = sum(deal.status == "LOST" for deal in deals)
        opened = sum(deal.status in OPEN for deal in deals)
        amount = sum((deal.value for deal in won), Decimal(0))
        rate = Fraction(len(won), len(won) + lost) if len(won) + lost else None
        cycles = [seconds(deal.closed_at - deal.opened_at) for deal in won if deal.closed_at]
        cycle = sum(cycles) / len(cycles) / 86400 if cycles else None
        mean = Fraction(amount) / len(won) if won else None
        velocity = None
        if question.group not in PERIODS and mean is not None and rate and cycle:
            velocity = opened * mean * rate / cycle
        answer[cell] = {
            "open": opened, "won": len(won), "lost": lost, "won_amount": amount,
            "mean_won": mean, "win_rate": rate, "cycle_days": cycle, "velocity": velocity,
        }  # fmt: skip
    return answer


def outcomes(events: list[RecordedEvent], past: Past, question: SalesQuestion) -> dict[Any, Any]:
    deals = {deal.id: deal for deal in asked(events, past, question)}
    zero = {"deals": 0, "events": 0, "amount": Decimal(0)}
    cells: defaultdict[Any, dict[str, Any]] = defaultdict(lambda: dict(zero))
    for deal in deals.values():
        if deal.closed_at is None:
            continue
        day = local_day(deal.closed_at, question)
        if in_period(day, question):
            key = key_of(deal, question, day)
            cell = cells[key, deal.status, deal.reason, deal.lost_to, deal.currency]
            cell["deals"] += 1
            cell["amount"] += deal.value
    for event, fact in steps(events, past, e.OpportunityWon, e.OpportunityLost):
        day = local_day(event.happened_at, question)
        if event.record_id in deals and in_period(day, question):
            deal = deals[event.record_id]
            lost = isinstance(fact, e.OpportunityLost)
            why = ("LOST", fact.reason_code, fact.competitor) if lost else ("WON", None, None)
            cells[key_of(deal, question, day), *why, deal.currency]["events"] += 1
    return dict(cells)


def stays(
    events: list[RecordedEvent], past: Past
) -> Iterator[tuple[Deal, list[tuple[datetime, datetime, Deal]]]]:
    """The stretches of each opportunity's life from its opening to its last closing, or to now."""
    for life in lives(events, past).values():
        last = life[-1][1]
        assert past.until is not None
        end = min(last.closed_at or past.until, past.until)
        moments = [*(at for at, _ in life), end]
        found = [
            (begin, min(finish, end), state)
            for (begin, finish), (_, state) in zip(pairwise(moments), life, strict=True)
            if begin < min(finish, end)
        ]
        yield last, found


def stage_time(events: list[RecordedEvent], past: Past, question: SalesQuestion) -> dict[Any, Any]:
    spent: defaultdict[Any, Fraction] = defaultdict(Fraction)
    for deal, stretches in stays(events, past):
        day = local_day(deal.opened_at, question)
        if deal.status == "ARCHIVED" or not in_scope(deal, question):
            continue
        if in_period(day, question):
            for begin, finish, state in stretches:
                outcome = state.status if state.status in CLOSED else "OPEN"
                key = key_of(deal, question, day)
                spent[deal.id, key, state.pipeline, state.stage, outcome] += seconds(finish - begin)
    cells: defaultdict[Any, list[Fraction]] = defaultdict(list)
    for (_, *cell), length in spent.items():
        cells[tuple(cell)].append(length)
    return {
        cell: {
            "deals": len(lengths),
            "total_days": days(sum(lengths)),
            "mean_days": days(sum(lengths) / len(lengths)),
            "median_days": days(median(lengths)),
            "p90_days": days(nearest_rank(lengths, Fraction(9, 10))),
        }
        for cell, lengths in cells.items()
    }


def ageing(events: list[RecordedEvent], past: Past, question: SalesQuestion) -> dict[Any, Any]:
    pushed = Counter(
        event.record_id
        for event, fact in steps(events, past, e.CloseDateChanged)
        if fact.from_date is not None and fact.to_date > fact.from_date
    )
    cells: defaultdict[Any, list[Deal]] = defaultdict(list)
    for deal in asked(events, past, question):
        day = local_day(deal.opened_at, question)
        if deal.status in OPEN and in_period(day, question):
            key = key_of(deal, question, day)
            cells[key, deal.pipeline, deal.stage, deal.currency].append(deal)
    answer = {}
    for cell, deals in cells.items():
        assert past.until is not None
        until = past.until
        ages = [max(seconds(until - deal.opened_at), Fraction(0)) for deal in deals]
        in_stage = [max(seconds(until - deal.entered_at), Fraction(0)) for deal in deals]
        today = local_day(until, question)
        slipped = [deal for deal in deals if deal.close_date and deal.close_date < today]
        answer[cell] = {
            "deals": len(deals),
            "amount": sum((deal.value for deal in deals), Decimal(0)),
            "mean_age_days": days(sum(ages) / len(ages)),
            "median_age_days": days(median(ages)),
            "oldest_age_days": days(max(ages)),
            "mean_stage_days": days(sum(in_stage) / len(in_stage)),
            "slipped": len(slipped),
            "slipped_amount": sum((deal.value for deal in slipped), Decimal(0)),
            "postponed": sum(deal.id in pushed for deal in deals),
            "postponements": sum(pushed[deal.id] for deal in deals),
        }
    return answer


# --- the waterfall --------------------------------------------------------------------------------


def waterfall(
    events: list[RecordedEvent], since: Past, past: Past, question: SalesQuestion
) -> dict[Any, Any]:
    """By walking: position by position about the first moment, then moment by moment."""
    both = since.moment != past.moment and since.position != past.position
    cells: defaultdict[Any, list[Any]] = defaultdict(lambda: [0, 0, Decimal(0), Decimal(0)])

    def add(deal: Deal, change: str, way: int, amount: Decimal, weighted: Decimal) -> None:
        cell = cells[key_of(deal, question, None), deal.currency, change]
        for place, value in enumerate((1, way, amount, weighted)):
            cell[place] += value

    def walk(before: dict[UUID, Deal], now: dict[UUID, Deal], relearned: bool) -> None:
        for key in now:
            for deal, change, *effect in effects(before.get(key), now[key], question):
                add(deal, "RESTATED" if relearned else change, *effect)

    here = states(events, since)
    begin = here
    for position in range(since.position + 1, past.position + 1):
        there = states(events, Past(position, since.moment))
        walk(here, there, both)
        here = there
    moments = sorted({at for life in lives(events, past).values() for at, _ in life})
    for moment in moments:
        if since.moment is not None and since.moment < moment:
            there = states(events, Past(past.position, moment))
            walk(here, there, False)
            here = there
    for name, pipe in (("START", begin), ("END", states(events, past))):
        for deal in pipe.values():
            if seen(deal, question):
                add(deal, name, 1, deal.value, deal.weighted())
    fields = ("changes", "deals", "amount", "weighted")
    return {cell: dict(zip(fields, values, strict=True)) for cell, values in cells.items()}


def seen(deal: Deal | None, question: SalesQuestion) -> bool:
    return deal is not None and deal.status in OPEN and in_scope(deal, question)


def effects(was: Deal | None, new: Deal, question: SalesQuestion) -> Iterator[tuple[Any, ...]]:
    """What a step adds to the pipeline: whose group, which change, deals, amount, weighted."""
    none = Decimal(0)
    if not seen(was, question):
        fresh = "NEW" if was is None else "REOPENED"
        if seen(new, question):
            change = "TRANSFERRED" if was and was.status in OPEN else fresh
            yield new, change, 1, new.value, new.weighted()
        elif new.status not in OPEN and in_scope(new, question):
            again = was and was.status in CLOSED and was.closed_at != new.closed_at
            if was is None or again:
                yield new, fresh, 1, new.value, new.weighted()
                yield new, new.status, -1, -new.value, -new.weighted()
        return
    assert was is not None
    if new.status in OPEN and not in_scope(new, question):
        yield was, "TRANSFERRED", -1, -was.value, -was.weighted()
        return
    if new.value != was.value:
        gain = new.weighted(was.chance) - was.weighted()
        yield was, "REPRICED", 0, new.value - was.value, gain
    if new.status not in OPEN:
        yield was, new.status, -1, -new.value, -new.weighted(was.chance)
        return
    gain = new.weighted() - new.weighted(was.chance)
    if (new.pipeline, new.stage) != (was.pipeline, was.stage):
        yield was, "MOVED", 0, none, gain
    elif new.chance != was.chance:
        yield was, "REESTIMATED", 0, none, gain
    if was.close_date and new.close_date and was.close_date != new.close_date:
        later = new.close_date > was.close_date
        yield was, "SLIPPED" if later else "ADVANCED", 0, none, none
    if key_of(was, question, None) != key_of(new, question, None):
        yield was, "TRANSFERRED", -1, -new.value, -new.weighted()
        yield new, "TRANSFERRED", 1, new.value, new.weighted()
