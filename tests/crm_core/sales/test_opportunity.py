"""An opportunity's rules, as sentences."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from crm_core.kernel.messages import Command
from crm_core.kernel.values import Money
from crm_core.sales.opportunity import events as e
from crm_core.sales.opportunity.commands import (
    AddCompetitor,
    AddContactRole,
    AddLine,
    ArchiveOpportunity,
    AssignOpportunityOwner,
    ChangeLine,
    ClearProbabilityOverride,
    HoldOpportunity,
    LinkOpportunityExternalId,
    LoseOpportunity,
    MoveStage,
    OpenOpportunity,
    OverrideProbability,
    RemoveContactRole,
    RemoveLine,
    ReopenOpportunity,
    ResumeOpportunity,
    SetAmount,
    SetCloseDate,
    SetCompetitorStatus,
    SetForecastCategory,
    SetNextStep,
    SetOpportunityCustomer,
    SetTeamSplits,
    StageMapping,
    TransferPipeline,
    UnlinkOpportunityExternalId,
    WinOpportunity,
)
from crm_core.sales.opportunity.events import OpportunityStatus as Status
from crm_core.sales.opportunity.opportunity import Opportunity
from crm_core.sales.pipeline.commands import (
    DefinePipeline,
    RetirePipeline,
    RetireStage,
    SetStageProbability,
)
from crm_core.sales.pipeline.events import ForecastCategory, GateField, Stage
from crm_core.sales.pipeline.pipeline import Pipeline
from crm_core.sales.pipeline.standard import standard_pipeline
from crm_core.sales.product.commands import AddProduct, RetireProduct, SetProductPrice
from crm_core.testing import Scenario

SALES, RENEWALS, DEAL, TWIN, ACME, ADA, EVE, BOB, WIDGET, LINE, SECOND, ORDER = (
    UUID(int=n) for n in range(1, 13)
)


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def opening(opportunity_id: UUID = DEAL, **fields: Any) -> OpenOpportunity:
    given: dict[str, Any] = {
        "name": "Widgets for Acme",
        "pipeline_id": SALES,
        "currency": "EUR",
        "owner_id": EVE,
    }
    return OpenOpportunity(opportunity_id=opportunity_id, **given | fields)


def move(stage_id: str, reason: str | None = None) -> MoveStage:
    return MoveStage(opportunity_id=DEAL, stage_id=stage_id, reason=reason)


def line(line_id: UUID = LINE, quantity: str = "3", **fields: Any) -> AddLine:
    return AddLine(
        opportunity_id=DEAL,
        line_id=line_id,
        product_id=WIDGET,
        quantity=Decimal(quantity),
        **fields,
    )


def simple(pipeline_id: UUID, *stages: Stage) -> DefinePipeline:
    return DefinePipeline(pipeline_id=pipeline_id, name="Simple", stages=stages)


def stage(stage_id: str, probability: int = 50, **fields: Any) -> Stage:
    return Stage(id=stage_id, name=stage_id, probability=Decimal(probability), **fields)


sales = standard_pipeline(SALES)
renewals = simple(RENEWALS, stage("due", 80), stage("agreed", 95))
widget = AddProduct(product_id=WIDGET, name="Widget", code="W-1", list_price=eur("9.99"))
deal = opening(customer_id=ACME)
amount = SetAmount(opportunity_id=DEAL, amount=eur("1000"))
win = WinOpportunity(opportunity_id=DEAL)
lose = LoseOpportunity(opportunity_id=DEAL, reason_code="price")
hold = HoldOpportunity(opportunity_id=DEAL)
resume = ResumeOpportunity(opportunity_id=DEAL)
reopen = ReopenOpportunity(opportunity_id=DEAL, reason="they called again")
archive = ArchiveOpportunity(opportunity_id=DEAL)


def found(scenario: Scenario) -> Opportunity:
    return scenario.record(Opportunity, DEAL)


# --- opening --------------------------------------------------------------------------------------


def test_an_opportunity_opens_in_the_first_open_stage(scenario: Scenario) -> None:
    scenario.given(sales).when(deal)
    scenario.then(
        e.OpportunityOpened,
        stage_id="prospecting",
        pipeline_version=1,
        probability=Decimal(10),
        forecast_category=ForecastCategory.PIPELINE,
        customer_id=ACME,
    )


def test_it_can_open_in_a_later_stage_whose_gates_are_met(scenario: Scenario) -> None:
    scenario.given(sales).when(opening(stage_id="negotiation"))
    scenario.then_rejected("opportunity.gate_unmet", missing=["AMOUNT", "CLOSE_DATE"])
    known: dict[str, Any] = {"amount": eur("5"), "close_date": date(2026, 3, 1)}
    scenario.when(opening(stage_id="negotiation", **known)).then(e.OpportunityOpened, **known)


def test_it_does_not_open_closed_or_in_a_retired_pipeline(scenario: Scenario) -> None:
    scenario.given(sales).when(opening(stage_id="won", amount=eur("5")))
    scenario.then_rejected("opportunity.stage_is_closing", stage_id="won")
    scenario.given(RetirePipeline(pipeline_id=SALES)).when(deal)
    scenario.then_rejected("pipeline.retired")


def test_it_opens_for_a_product_that_is_on_sale(scenario: Scenario) -> None:
    scenario.given(sales).when(opening(product_id=WIDGET)).then_rejected("record.not_found")
    scenario.given(widget, RetireProduct(product_id=WIDGET)).when(opening(product_id=WIDGET))
    scenario.then_rejected("product.retired")


def test_what_is_written_about_a_deal_goes_with_its_customer(scenario: Scenario) -> None:
    scenario.given(sales, opening())
    assert found(scenario).subject_id == DEAL
    scenario.given(SetOpportunityCustomer(opportunity_id=DEAL, customer_id=ACME))
    assert found(scenario).subject_id == ACME


# --- the way through the pipeline -----------------------------------------------------------------


def test_a_move_carries_all_that_changes_with_it(scenario: Scenario) -> None:
    scenario.given(sales, deal, amount).when(move("proposal", "they asked for one"))
    scenario.then(
        e.StageChanged,
        from_stage="prospecting",
        to_stage="proposal",
        pipeline_id=SALES,
        pipeline_version=1,
        probability=Decimal(50),
        forecast_category=ForecastCategory.BEST_CASE,
        reason="they asked for one",
    )


def test_a_stage_is_not_entered_before_its_gates_are_met(scenario: Scenario) -> None:
    scenario.given(sales, deal).when(move("negotiation"))
    scenario.then_rejected("opportunity.gate_unmet", missing=["AMOUNT", "CLOSE_DATE"])
    scenario.given(amount).when(move("negotiation"))
    scenario.then_rejected("opportunity.gate_unmet", missing=["CLOSE_DATE"])
    scenario.given(SetCloseDate(opportunity_id=DEAL, close_date=date(2026, 2, 1)))
    scenario.when(move("negotiation")).then(e.StageChanged)


@pytest.mark.parametrize(
    ("gate", "meets"),
    [
        (GateField.CUSTOMER, SetOpportunityCustomer(opportunity_id=DEAL, customer_id=ACME)),
        (GateField.NEXT_STEP, SetNextStep(opportunity_id=DEAL, text="call Ada")),
        (GateField.LINES, line()),
        (
            GateField.DECISION_MAKER,
            AddContactRole(opportunity_id=DEAL, customer_id=ADA, role=e.ContactRole.DECISION_MAKER),
        ),
    ],
)
def test_each_gate_opens_by_its_own_command(
    scenario: Scenario, gate: GateField, meets: Command
) -> None:
    gated = simple(SALES, stage("a"), stage("b", required_fields=(gate,)))
    scenario.given(gated, widget, opening()).when(move("b"))
    scenario.then_rejected("opportunity.gate_unmet", stage_id="b", missing=[gate.value])
    scenario.given(meets).when(move("b")).then(e.StageChanged)


def test_only_what_may_follow_follows(scenario: Scenario) -> None:
    scenario.given(
        simple(SALES, stage("a", allowed_next=("b",)), stage("b"), stage("c")), opening()
    )
    scenario.when(move("c")).then_rejected("opportunity.stage_not_allowed", allowed=["b"])
    scenario.given(move("b")).when(move("c")).then(e.StageChanged)


def test_a_win_follows_only_where_it_may_and_a_loss_everywhere(scenario: Scenario) -> None:
    won, lost = sales.stages[-2:]
    strict = simple(
        SALES,
        stage("a", allowed_next=("b",)),
        stage("b", allowed_next=("won",)),
        won,
        lost,
    )
    scenario.given(strict, opening(amount=eur("5"))).when(win)
    scenario.then_rejected("opportunity.stage_not_allowed", to_stage="won")
    scenario.when(lose).then(e.OpportunityLost)
    scenario.given(reopen, move("b")).when(win).then(e.OpportunityWon)


def test_a_closing_stage_is_reached_by_winning_or_losing(scenario: Scenario) -> None:
    scenario.given(sales, deal).when(move("won"))
    scenario.then_rejected("opportunity.stage_is_closing", stage_id="won")
    scenario.when(move("nowhere")).then_rejected("pipeline.no_such_stage", stage_id="nowhere")


def test_a_retired_stage_is_left_as_the_one_that_stands_for_it(scenario: Scenario) -> None:
    pipeline = simple(SALES, stage("a"), stage("b", allowed_next=("c",)), stage("c"), stage("d"))
    scenario.given(pipeline, opening(), RetireStage(pipeline_id=SALES, stage_id="a", map_to="b"))
    assert found(scenario).stage_id == "a"
    scenario.when(move("d")).then_rejected("opportunity.stage_not_allowed", from_stage="a")
    scenario.when(move("a")).then_nothing()
    scenario.when(move("b")).then(e.StageChanged, from_stage="a", pipeline_version=2)


def test_a_stage_that_was_changed_since_counts_from_the_next_move_on(scenario: Scenario) -> None:
    scenario.given(
        sales,
        deal,
        SetStageProbability(pipeline_id=SALES, stage_id="prospecting", probability=Decimal(5)),
    )
    assert found(scenario).probability == Decimal(10)
    scenario.given(move("engaging")).when(move("prospecting"))
    scenario.then(e.StageChanged, probability=Decimal(5), pipeline_version=2)


def test_a_transfer_says_which_stage_follows_its_own(scenario: Scenario) -> None:
    def to(pipeline_id: UUID, from_stage: str, to_stage: str) -> TransferPipeline:
        mapping = StageMapping(from_stage=from_stage, to_stage=to_stage)
        return TransferPipeline(opportunity_id=DEAL, pipeline_id=pipeline_id, stage_map=(mapping,))

    scenario.given(sales, renewals, deal)
    scenario.when(to(RENEWALS, "engaging", "due"))
    scenario.then_rejected("opportunity.stage_not_mapped", stage_id="prospecting")
    scenario.when(to(RENEWALS, "prospecting", "engaging"))
    scenario.then_rejected("pipeline.no_such_stage", stage_id="engaging")
    scenario.when(to(SALES, "prospecting", "engaging"))
    scenario.then_rejected("opportunity.same_pipeline")
    scenario.when(to(RENEWALS, "prospecting", "due"))
    scenario.then(
        e.PipelineChanged,
        from_pipeline_id=SALES,
        from_stage="prospecting",
        pipeline_id=RENEWALS,
        to_stage="due",
        probability=Decimal(80),
    )
    scenario.when(move("agreed")).then(e.StageChanged, pipeline_id=RENEWALS)


def test_a_stage_map_names_a_stage_once(scenario: Scenario) -> None:
    twice = tuple(StageMapping(from_stage="prospecting", to_stage=to) for to in ("due", "agreed"))
    scenario.given(sales, renewals, deal)
    scenario.when(TransferPipeline(opportunity_id=DEAL, pipeline_id=RENEWALS, stage_map=twice))
    scenario.then_rejected("command.invalid", path="stage_map")


def test_a_stage_is_not_left_before_it_was_entered(scenario: Scenario) -> None:
    opened_at = scenario.clock.now()
    scenario.given(sales, deal).later(days=10).given(move("engaging"))
    scenario.when(lose, effective_at=opened_at + timedelta(days=5))
    scenario.then_rejected("opportunity.before_last_move")
    scenario.later(days=1).when(lose, effective_at=opened_at + timedelta(days=10, hours=1))
    scenario.then(e.OpportunityLost)


# --- winning, losing and what comes after ---------------------------------------------------------


def test_a_win_is_for_the_amount_or_for_a_final_one(scenario: Scenario) -> None:
    scenario.given(sales, deal).when(win)
    scenario.then_rejected("opportunity.gate_unmet", stage_id="won", missing=["AMOUNT"])
    scenario.given(amount).when(win)
    scenario.then(
        e.OpportunityWon,
        final_amount=eur("1000"),
        last_stage="prospecting",
        stage_id="won",
        probability=Decimal(100),
        forecast_category=ForecastCategory.CLOSED,
    )
    final = WinOpportunity(opportunity_id=DEAL, final_amount=eur("900"), order_id=ORDER)
    scenario.given(reopen).when(final)
    scenario.then(e.OpportunityWon, final_amount=eur("900"), order_id=ORDER)
    assert found(scenario).amount == eur("900")


def test_a_loss_keeps_the_stage_and_the_reason(scenario: Scenario) -> None:
    to_globex = LoseOpportunity(opportunity_id=DEAL, reason_code="price", competitor="globex")
    scenario.given(sales, deal, move("engaging")).when(to_globex)
    scenario.then(
        e.OpportunityLost,
        last_stage="engaging",
        stage_id="lost",
        reason_code="price",
        competitor="globex",
        probability=Decimal(0),
        forecast_category=ForecastCategory.OMITTED,
    )


def test_a_pipeline_without_closing_stages_closes_in_none(scenario: Scenario) -> None:
    scenario.given(renewals, opening(pipeline_id=RENEWALS)).when(win)
    scenario.then(e.OpportunityWon, stage_id=None, last_stage="due", final_amount=None)


@pytest.mark.parametrize("closing", [win, lose])
def test_a_closed_opportunity_takes_no_stage_amount_or_line(
    scenario: Scenario, closing: Command
) -> None:
    mapping = (StageMapping(from_stage="prospecting", to_stage="due"),)
    scenario.given(sales, renewals, widget, deal, line(), closing)
    for command in (
        move("engaging"),
        TransferPipeline(opportunity_id=DEAL, pipeline_id=RENEWALS, stage_map=mapping),
        win,
        lose,
        hold,
        resume,
        amount,
        line(SECOND),
        ChangeLine(opportunity_id=DEAL, line_id=LINE, quantity=Decimal(1)),
        RemoveLine(opportunity_id=DEAL, line_id=LINE),
        SetCloseDate(opportunity_id=DEAL, close_date=date(2026, 2, 1)),
        OverrideProbability(opportunity_id=DEAL, probability=Decimal(1)),
        ClearProbabilityOverride(opportunity_id=DEAL),
        SetForecastCategory(opportunity_id=DEAL, forecast_category=ForecastCategory.COMMIT),
        SetNextStep(opportunity_id=DEAL, text="call Ada"),
    ):
        scenario.when(command).then_rejected("opportunity.closed")


@pytest.mark.parametrize("closing", [win, lose])
def test_a_closed_opportunity_opens_again_where_it_was(
    scenario: Scenario, closing: Command
) -> None:
    scenario.given(sales, deal, amount, move("proposal"), closing).when(reopen)
    scenario.then(e.OpportunityReopened, stage_id="proposal", probability=Decimal(50))
    scenario.when(reopen).then_rejected("opportunity.not_closed")
    scenario.when(win).then(e.OpportunityWon)


def test_it_opens_again_in_what_stands_for_its_stage_by_now(scenario: Scenario) -> None:
    retire = RetireStage(pipeline_id=SALES, stage_id="engaging", map_to="prospecting")
    scenario.given(sales, deal, move("engaging"), lose, retire).when(reopen)
    scenario.then(e.OpportunityReopened, stage_id="prospecting", pipeline_version=2)


def test_on_hold_it_stays_where_it_is_until_it_is_resumed(scenario: Scenario) -> None:
    scenario.given(sales, deal, amount).when(resume).then_rejected("opportunity.not_on_hold")
    until = HoldOpportunity(opportunity_id=DEAL, until=date(2026, 2, 1))
    scenario.when(until).then(e.OpportunityHeld, until=date(2026, 2, 1))
    for command in (move("engaging"), win, lose):
        scenario.when(command).then_rejected("opportunity.on_hold")
    scenario.when(until).then_nothing()
    scenario.when(hold).then(e.OpportunityHeld, until=None)
    scenario.when(SetAmount(opportunity_id=DEAL, amount=eur("2"))).then(e.AmountSet)
    scenario.when(resume).then(e.OpportunityResumed)
    scenario.when(move("engaging")).then(e.StageChanged)


def test_a_hold_does_not_end_before_it_begins(scenario: Scenario) -> None:
    scenario.given(sales, deal)
    scenario.when(HoldOpportunity(opportunity_id=DEAL, until=date(2026, 1, 4)))
    scenario.then_rejected("opportunity.hold_ends_in_past")


@pytest.mark.parametrize(
    ("before", "status", "last_stage"),
    [
        ((), Status.OPEN, "prospecting"),
        ((hold,), Status.ON_HOLD, "prospecting"),
        ((amount, move("proposal"), win), Status.WON, "proposal"),
        ((lose,), Status.LOST, "prospecting"),
    ],
)
def test_it_is_archived_from_everywhere_for_good(
    scenario: Scenario, before: tuple[Command, ...], status: Status, last_stage: str
) -> None:
    scenario.given(sales, deal, *before).when(archive)
    scenario.then(e.OpportunityArchived, from_status=status, last_stage=last_stage)
    for command in (
        archive,
        reopen,
        move("engaging"),
        AssignOpportunityOwner(opportunity_id=DEAL, owner_id=BOB),
        SetOpportunityCustomer(opportunity_id=DEAL, customer_id=ADA),
        SetTeamSplits(opportunity_id=DEAL),
        AddCompetitor(opportunity_id=DEAL, competitor="globex"),
    ):
        scenario.when(command).then_rejected("opportunity.archived")


# --- the money ------------------------------------------------------------------------------------


def test_an_amount_says_what_it_was_before(scenario: Scenario) -> None:
    scenario.given(sales, deal).when(amount).then(e.AmountSet, from_amount=None)
    scenario.when(SetAmount(opportunity_id=DEAL, amount=eur("1200")))
    scenario.then(e.AmountSet, from_amount=eur("1000"), amount=eur("1200"))


def test_an_opportunity_has_one_currency(scenario: Scenario) -> None:
    dollars = Money(Decimal(5), "USD")
    scenario.given(sales, widget, deal)
    for command in (
        opening(TWIN, amount=dollars),
        SetAmount(opportunity_id=DEAL, amount=dollars),
        WinOpportunity(opportunity_id=DEAL, final_amount=dollars),
        line(unit_price=dollars),
    ):
        scenario.when(command)
        scenario.then_rejected("opportunity.wrong_currency", wanted="EUR", given="USD")


def test_no_amount_is_negative(scenario: Scenario) -> None:
    scenario.given(sales, widget, deal)
    for command in (
        opening(TWIN, amount=eur("-1")),
        SetAmount(opportunity_id=DEAL, amount=eur("-1")),
        WinOpportunity(opportunity_id=DEAL, final_amount=eur("-1")),
        line(unit_price=eur("-1")),
    ):
        scenario.when(command).then_rejected("opportunity.negative_amount")


def test_with_lines_the_amount_is_their_sum(scenario: Scenario) -> None:
    scenario.given(sales, widget, deal, amount)
    scenario.when(line(discount_percent=Decimal("12.5"), tax_code="IT22"))
    scenario.then(e.LineAdded, unit_price=eur("9.99"), line_total=eur("26.22"), amount=eur("26.22"))
    scenario.when(line(SECOND, "0.5", unit_price=eur("4.25")))
    scenario.then(e.LineAdded, line_total=eur("2.12"), amount=eur("28.34"))  # 2.125 to even
    scenario.when(SetAmount(opportunity_id=DEAL, amount=eur("1")))
    scenario.then_rejected("opportunity.amount_from_lines")
    scenario.when(WinOpportunity(opportunity_id=DEAL, final_amount=eur("1")))
    scenario.then_rejected("opportunity.amount_from_lines")
    scenario.when(ChangeLine(opportunity_id=DEAL, line_id=LINE, discount_percent=Decimal(0)))
    scenario.then(e.LineChanged, line_total=eur("29.97"), amount=eur("32.09"), tax_code="IT22")
    scenario.when(RemoveLine(opportunity_id=DEAL, line_id=LINE))
    scenario.then(e.LineRemoved, amount=eur("2.12"))
    scenario.when(WinOpportunity(opportunity_id=DEAL, final_amount=eur("2.12")))
    scenario.then(e.OpportunityWon, final_amount=eur("2.12"))


def test_after_the_last_line_the_amount_is_set_by_hand_again(scenario: Scenario) -> None:
    scenario.given(sales, widget, deal, line())
    scenario.when(RemoveLine(opportunity_id=DEAL, line_id=LINE))
    scenario.then(e.LineRemoved, amount=eur("0"))
    scenario.when(amount).then(e.AmountSet)


def test_a_line_keeps_the_price_it_was_made_with(scenario: Scenario) -> None:
    scenario.given(
        sales, widget, deal, line(), SetProductPrice(product_id=WIDGET, list_price=eur("20"))
    )
    scenario.when(ChangeLine(opportunity_id=DEAL, line_id=LINE, quantity=Decimal(1)))
    scenario.then(e.LineChanged, unit_price=eur("9.99"), amount=eur("9.99"))
    scenario.given(RetireProduct(product_id=WIDGET)).when(line(SECOND))
    scenario.then_rejected("product.retired")
    scenario.when(ChangeLine(opportunity_id=DEAL, line_id=LINE, quantity=Decimal(2)))
    scenario.then(e.LineChanged, amount=eur("19.98"))


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "1E+10", "0.0000001"])
def test_a_quantity_is_above_zero(scenario: Scenario, quantity: str) -> None:
    scenario.given(sales, widget, deal).when(line(quantity=quantity))
    scenario.then_rejected("command.invalid", path="quantity")


def test_a_discount_is_at_most_all_of_the_price(scenario: Scenario) -> None:
    scenario.given(sales, widget, deal).when(line(discount_percent=Decimal(101)))
    scenario.then_rejected("command.invalid", path="discount_percent")
    scenario.when(line(discount_percent=Decimal(100))).then(e.LineAdded, amount=eur("0"))


def test_an_amount_that_is_too_large_is_refused_before_anything_happens(
    scenario: Scenario,
) -> None:
    huge = line(unit_price=eur("9" * 14), quantity="1000000000")
    scenario.given(sales, widget, deal).when(huge)
    scenario.then_rejected("command.invalid", path="amount")


def test_a_line_is_named_by_its_id(scenario: Scenario) -> None:
    scenario.given(sales, widget, deal, line()).when(line())
    scenario.then_rejected("opportunity.line_id_used")
    scenario.when(RemoveLine(opportunity_id=DEAL, line_id=SECOND))
    scenario.then_rejected("opportunity.no_such_line", line_id=str(SECOND))


# --- the forecast ---------------------------------------------------------------------------------


def test_a_probability_set_by_hand_holds_while_it_is_in_its_stage(scenario: Scenario) -> None:
    by_hand = OverrideProbability(opportunity_id=DEAL, probability=Decimal(90), reason="told so")
    scenario.given(sales, deal).when(by_hand)
    scenario.then(e.ProbabilityOverridden, probability=Decimal(90), from_probability=Decimal(10))
    scenario.when(ClearProbabilityOverride(opportunity_id=DEAL))
    scenario.then(e.ProbabilityOverrideCleared, probability=Decimal(10))
    scenario.given(by_hand, move("engaging"))
    assert found(scenario).probability == Decimal(25)


@pytest.mark.parametrize("probability", ["-0.1", "100.1", "NaN"])
def test_a_probability_is_between_0_and_100(scenario: Scenario, probability: str) -> None:
    scenario.given(sales, deal)
    scenario.when(OverrideProbability(opportunity_id=DEAL, probability=Decimal(probability)))
    scenario.then_rejected("command.invalid", path="probability")


def test_only_a_won_one_is_forecast_as_closed(scenario: Scenario) -> None:
    def category(wanted: ForecastCategory) -> SetForecastCategory:
        return SetForecastCategory(opportunity_id=DEAL, forecast_category=wanted)

    scenario.given(sales, deal).when(category(ForecastCategory.CLOSED))
    scenario.then_rejected("opportunity.category_is_closing")
    scenario.when(category(ForecastCategory.COMMIT))
    scenario.then(e.ForecastCategorySet, from_category=ForecastCategory.PIPELINE)


def test_a_close_date_may_be_past_and_says_what_it_was(scenario: Scenario) -> None:
    def on(day: date) -> SetCloseDate:
        return SetCloseDate(opportunity_id=DEAL, close_date=day, reason="holidays")

    scenario.given(sales, deal, on(date(2026, 3, 1))).when(on(date(2025, 3, 1)))
    scenario.then(e.CloseDateChanged, from_date=date(2026, 3, 1), to_date=date(2025, 3, 1))


def test_a_next_step_is_planned_and_done_with(scenario: Scenario) -> None:
    scenario.given(sales, deal).when(SetNextStep(opportunity_id=DEAL, due_on=date(2026, 2, 1)))
    scenario.then_rejected("command.invalid", path="text")
    step = SetNextStep(opportunity_id=DEAL, text="call Ada", due_on=date(2026, 2, 1))
    scenario.when(step).then(e.NextStepSet, text="call Ada", due_on=date(2026, 2, 1))
    scenario.when(SetNextStep(opportunity_id=DEAL)).then(e.NextStepSet, text=None, due_on=None)


# --- the people -----------------------------------------------------------------------------------


def test_a_person_can_have_several_parts_in_a_decision(scenario: Scenario) -> None:
    def part(role: e.ContactRole) -> dict[str, Any]:
        return {"opportunity_id": DEAL, "customer_id": ADA, "role": role}

    scenario.given(sales, deal)
    for role in (e.ContactRole.USER, e.ContactRole.DECISION_MAKER):
        scenario.when(AddContactRole(**part(role))).then(e.ContactRoleAdded, role=role)
    scenario.when(RemoveContactRole(**part(e.ContactRole.USER))).then(e.ContactRoleRemoved)
    scenario.when(RemoveContactRole(**part(e.ContactRole.USER)))
    scenario.then_rejected("opportunity.no_such_contact_role", role="USER")
    assert found(scenario).contact_roles == {(ADA, e.ContactRole.DECISION_MAKER)}


def test_a_competitor_is_added_once_and_stands_somewhere(scenario: Scenario) -> None:
    globex = AddCompetitor(opportunity_id=DEAL, competitor="globex")
    leading = SetCompetitorStatus(
        opportunity_id=DEAL, competitor="globex", status=e.CompetitorStatus.LEADING
    )
    scenario.given(sales, deal).when(leading).then_rejected("opportunity.no_such_competitor")
    scenario.when(globex).then(e.CompetitorAdded, status=e.CompetitorStatus.ACTIVE)
    scenario.when(globex).then_rejected("opportunity.competitor_exists", competitor="globex")
    scenario.when(leading).then(e.CompetitorStatusSet, status=e.CompetitorStatus.LEADING)


def test_an_owner_follows_another(scenario: Scenario) -> None:
    scenario.given(sales, deal, lose)
    scenario.when(AssignOpportunityOwner(opportunity_id=DEAL, owner_id=BOB))
    scenario.then(e.OpportunityOwnerAssigned, from_owner_id=EVE, to_owner_id=BOB)


def test_team_splits_sum_to_100_or_there_are_none(scenario: Scenario) -> None:
    def shares(*percents: str, users: tuple[UUID, ...] = (EVE, BOB, ADA)) -> SetTeamSplits:
        pairs = zip(users, percents, strict=False)
        splits = tuple(e.TeamSplit(user_id=u, percent=Decimal(p)) for u, p in pairs)
        return SetTeamSplits(opportunity_id=DEAL, splits=splits)

    scenario.given(sales, deal).when(shares("50", "49.99"))
    scenario.then_rejected("opportunity.splits_not_100", total=Decimal("99.99"))
    scenario.when(shares("50", "50", users=(EVE, EVE))).then_rejected("opportunity.split_twice")
    for wrong in (("100", "0"), ("120", "-20")):
        scenario.when(shares(*wrong)).then_rejected("command.invalid", path="splits.percent")
    scenario.when(shares("33.33", "33.33", "33.34")).then(e.TeamSplitsSet)
    scenario.when(shares()).then(e.TeamSplitsSet, splits=())


def test_an_external_id_is_held_by_one_opportunity(scenario: Scenario) -> None:
    def link(opportunity_id: UUID) -> LinkOpportunityExternalId:
        return LinkOpportunityExternalId(
            opportunity_id=opportunity_id, system="erp", external_id="4711"
        )

    scenario.given(sales, deal, opening(TWIN), link(DEAL)).when(link(TWIN))
    scenario.then_rejected("claim.taken", holder_id=str(DEAL))
    unlink = UnlinkOpportunityExternalId(opportunity_id=DEAL, system="erp", external_id="4711")
    scenario.given(unlink).when(link(TWIN)).then(e.OpportunityExternalIdLinked)
    scenario.given(ArchiveOpportunity(opportunity_id=TWIN)).when(link(DEAL))
    scenario.then(e.OpportunityExternalIdLinked)


def test_saying_what_is_so_already_records_nothing(scenario: Scenario) -> None:
    owner = AssignOpportunityOwner(opportunity_id=DEAL, owner_id=EVE)
    customer = SetOpportunityCustomer(opportunity_id=DEAL, customer_id=ACME)
    scenario.given(sales, widget, deal, amount)
    for command in (move("prospecting"), amount, owner, customer, SetNextStep(opportunity_id=DEAL)):
        scenario.when(command).then_nothing()
    scenario.given(line())
    scenario.when(ChangeLine(opportunity_id=DEAL, line_id=LINE, quantity=Decimal("3.0")))
    scenario.then_nothing()
    assert scenario.record(Pipeline, SALES).latest == 1
