"""Random companies for reports: what was done, when it was recorded, and when it had happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st

from crm_core import SYSTEM, Command, Crm, CrmError, ManualClock, Money, RecordedEvent, Request
from crm_core.sales import (
    AddProduct,
    ArchiveOpportunity,
    AssignOpportunityOwner,
    DefinePipeline,
    ForecastCategory,
    HoldOpportunity,
    LoseOpportunity,
    MoveStage,
    OpenOpportunity,
    OverrideProbability,
    ReopenOpportunity,
    ResumeOpportunity,
    SetAmount,
    SetCloseDate,
    SetForecastCategory,
    Stage,
    StageClass,
    StageMapping,
    TransferPipeline,
    WinOpportunity,
)
from crm_core.service.ticket import commands as t
from crm_core.service.ticket import events as te

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
FULL, LEAN = UUID(int=1), UUID(int=2)
WIDGET, GADGET = UUID(int=3), UUID(int=4)
ANNA, BO = UUID(int=11), UUID(int=12)
TEAMS = {ANNA: UUID(int=13)}  # Bo is in none
DEALS = {UUID(int=20 + n): "JPY" if n == 5 else "EUR" for n in range(1, 6)}
TICKETS = tuple(UUID(int=30 + n) for n in range(1, 5))
PLACES = {FULL: ("a", "b", "c"), LEAN: ("x", "y")}


@dataclass(frozen=True)
class Step:
    """What is done, how long after the step before it is recorded, and how long ago it happened.

    Of `commands` the first that is accepted counts. `ago` is None for what happens as it is
    recorded; SAME stands for the moment of what the record has seen last.
    """

    commands: tuple[Command, ...]
    wait: timedelta = timedelta(days=1)
    ago: timedelta | None = None


SAME = timedelta(-1)
waits = st.sampled_from([timedelta(0), timedelta(hours=7), timedelta(days=9), timedelta(days=40)])
agos = st.sampled_from(
    [None] * 5 + [SAME, SAME, timedelta(seconds=30), timedelta(days=5), timedelta(days=50)]
)


def _stage(name: str, chance: int, of: StageClass = StageClass.OPEN) -> Stage:
    closing = {
        StageClass.WON: ForecastCategory.CLOSED,
        StageClass.LOST: ForecastCategory.OMITTED,
    }
    on_the_way = ForecastCategory.COMMIT if chance > 50 else ForecastCategory.PIPELINE
    return Stage(
        id=name,
        name=name.upper(),
        probability=Decimal(chance),
        stage_class=of,
        forecast_category=closing.get(of, on_the_way),
    )


FOUNDATION: tuple[Command, ...] = (
    DefinePipeline(
        pipeline_id=FULL,
        name="Full",
        stages=(
            *(_stage(name, chance) for name, chance in (("a", 10), ("b", 33), ("c", 75))),
            _stage("won", 100, StageClass.WON),
            _stage("lost", 0, StageClass.LOST),
        ),
    ),
    DefinePipeline(pipeline_id=LEAN, name="Lean", stages=(_stage("x", 20), _stage("y", 60))),
    *(
        AddProduct(product_id=key, code=name, name=name, list_price=Money(Decimal(5), "EUR"))
        for key, name in ((WIDGET, "widget"), (GADGET, "gadget"))
    ),
)


@dataclass
class World:
    """A CRM in memory whose clock is moved by hand, and all that was recorded in it."""

    crm: Crm
    clock: ManualClock
    events: list[RecordedEvent]
    last: dict[UUID, datetime]

    @classmethod
    async def founded(cls) -> World:
        clock = ManualClock(START)
        world = cls(Crm.in_memory(tenant=uuid4().hex, clock=clock), clock, [], {})
        await world.take(*(Step((command,), timedelta(0)) for command in FOUNDATION))
        assert world.position == len(FOUNDATION)
        return world

    async def take(self, *steps: Step) -> None:
        """Takes the steps; those that a rule refuses leave nothing."""
        for step in steps:
            self.clock.advance(step.wait)
            for command in step.commands:
                request = Request(command=command, actor=SYSTEM, effective_at=self._happened(step))
                (outcome,) = await self.crm.execute_many([request])
                if not isinstance(outcome, CrmError):
                    break
            after = self.events[-1].position if self.events else 0
            async for page in self.crm.events(after=after):
                self.events.extend(page)
                self.last |= {event.record_id: event.happened_at for event in page}

    def _happened(self, step: Step) -> datetime | None:
        if step.ago is None:
            return None
        if step.ago == SAME:
            return self.last.get(step.commands[0].target_id)
        return self.clock.now() - step.ago

    @property
    def position(self) -> int:
        return self.events[-1].position


def money(currency: str) -> st.SearchStrategy[Money]:
    """Amounts whose weighted parts do not come out even."""
    of = ["0", "7", "100", "333"] if currency == "JPY" else ["0", "0.07", "99.99", "100", "1234.5"]
    return st.sampled_from(of).map(lambda amount: Money(Decimal(amount), currency))


days = st.dates(date(2025, 12, 20), date(2026, 6, 1))
owners = st.sampled_from([ANNA, BO])
stages = st.sampled_from([stage for places in PLACES.values() for stage in places])


def _about(deal: UUID, currency: str) -> Doing:
    def of(command: type[Command], **fields: Any) -> st.SearchStrategy[Command]:
        return st.builds(command, opportunity_id=st.just(deal), **fields)

    mapping = stages.map(
        lambda to: tuple(
            StageMapping(from_stage=stage, to_stage=to)
            for all_ in PLACES.values()
            for stage in all_
        )
    )
    reasons = st.sampled_from(["price", "timing"])
    rivals = st.none() | st.sampled_from(["acme"])
    # A deal that is closed comes back, one that is held goes on: so few steps are in vain.
    again = (of(ReopenOpportunity, reason=st.just("again")), of(ResumeOpportunity))
    win = of(WinOpportunity, final_amount=st.none() | money(currency))
    return _weighted(
        (3, of(MoveStage, stage_id=stages), of(MoveStage, stage_id=stages), *again),
        (3, win, *again),
        (2, of(LoseOpportunity, reason_code=reasons, competitor=rivals), *again),
        (2, of(TransferPipeline, pipeline_id=st.just(FULL), stage_map=mapping),
            of(TransferPipeline, pipeline_id=st.just(LEAN), stage_map=mapping)),
        (2, of(SetAmount, amount=money(currency))),
        (2, of(SetCloseDate, close_date=days)),
        (2, of(AssignOpportunityOwner, owner_id=owners)),
        (1, of(OverrideProbability, probability=st.sampled_from([Decimal(15), Decimal("62.5")]))),
        (1, of(SetForecastCategory, forecast_category=st.just(ForecastCategory.BEST_CASE))),
        (1, of(HoldOpportunity)),
        (1, of(ArchiveOpportunity)),
    )  # fmt: skip


Doing = st.SearchStrategy[tuple[Command, ...]]


def _weighted(*choices: tuple[Any, ...]) -> Doing:
    """A weight and commands, of which the first that is accepted counts."""
    return st.sampled_from(
        [st.tuples(*commands) for weight, *commands in choices for _ in range(weight)]
    ).flatmap(lambda of: of)


def _opening(deal: UUID, currency: str) -> st.SearchStrategy[Command]:
    return st.builds(
        OpenOpportunity,
        opportunity_id=st.just(deal),
        name=st.just("Deal"),
        pipeline_id=st.sampled_from([FULL, FULL, LEAN]),
        owner_id=owners,
        currency=st.just(currency),
        amount=st.none() | money(currency) | money(currency),
        close_date=st.none() | days,
        source=st.none() | st.sampled_from(["web", "fair"]),
        product_id=st.none() | st.sampled_from([WIDGET, GADGET]),
    )


def _history(
    openings: list[st.SearchStrategy[Command]], further: Doing
) -> st.SearchStrategy[list[Step]]:
    """Some records are opened, all sorts of things happen to them, and others come later."""
    opened = st.tuples(*(st.builds(Step, st.tuples(opening), waits, agos) for opening in openings))
    happened = st.lists(st.builds(Step, further, waits, agos), min_size=6, max_size=24)
    return st.builds(
        lambda first, steps, place: [*first[:3], *steps[:place], *first[3:], *steps[place:]],
        opened,
        happened,
        st.integers(0, 9),
    )


def sales_histories() -> st.SearchStrategy[list[Step]]:
    deals = st.sampled_from(sorted(DEALS)).flatmap(lambda deal: _about(deal, DEALS[deal]))
    return _history([_opening(deal, currency) for deal, currency in DEALS.items()], deals)


def _about_ticket(ticket: UUID) -> Doing:
    def of(command: type[Command], **fields: Any) -> st.SearchStrategy[Command]:
        return st.builds(command, ticket_id=st.just(ticket), **fields)

    reply = of(
        t.CommentOnTicket,
        visibility=st.just(te.CommentVisibility.PUBLIC),
        author_kind=st.sampled_from(te.CommentAuthorKind),
        body=st.just("Hello"),
    )
    reopen = of(t.ReopenTicket, reason=st.just("again"))
    close = of(t.CloseTicket)
    return _weighted(
        (4, reply, reopen),
        (4, of(t.ResolveTicket, code=st.just("fixed"), summary=st.just("Done")), close, reopen),
        (2, reopen, reply),
        (2, close),
        (2, of(t.AssignTicket, assignee_id=owners)),
        (2, of(t.QueueTicket, queue=st.sampled_from(["one", "two"]))),
        (2, of(t.SetTicketPriority, priority=st.sampled_from(te.TicketPriority))),
        (2, of(t.AwaitCustomer), of(t.ResumeTicket)),
        (1, of(t.RejectTicket, reason=st.just("spam"))),
    )


def _opening_ticket(ticket: UUID) -> st.SearchStrategy[Command]:
    return st.builds(
        t.OpenTicket,
        ticket_id=st.just(ticket),
        subject=st.just("Help"),
        channel=st.sampled_from([te.TicketChannel.WEB, te.TicketChannel.PHONE]),
        priority=st.sampled_from([te.TicketPriority.LOW, te.TicketPriority.URGENT]),
        product=st.none() | st.sampled_from(["pump", "valve"]),
    )


def ticket_histories() -> st.SearchStrategy[list[Step]]:
    tickets = st.sampled_from(TICKETS).flatmap(_about_ticket)
    return _history([_opening_ticket(ticket) for ticket in TICKETS], tickets)
