"""What can be asked of an opportunity."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field

from crm_core.kernel.errors import Invalid
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import Code, CurrencyCode, Money, Name, ShortText
from crm_core.privacy.erasure.commands import Erases
from crm_core.sales.opportunity.events import CompetitorStatus, ContactRole, TeamSplit
from crm_core.sales.opportunity.opportunity import Opportunity
from crm_core.sales.pipeline.events import ForecastCategory
from crm_core.sales.pipeline.pipeline import Pipeline
from crm_core.sales.product.product import Product


class StageMapping(Struct, frozen=True, kw_only=True):
    """Which stage of the new pipeline follows a stage of the old one."""

    from_stage: Code
    to_stage: Code


StageMap = Annotated[tuple[StageMapping, ...], Meta(min_length=1, max_length=50)]
Splits = Annotated[tuple[TeamSplit, ...], Meta(max_length=50)]


class OnOpportunity(Command, frozen=True, kw_only=True):
    TARGET = "opportunity_id"


class OpenOpportunity(OnOpportunity, frozen=True, kw_only=True):
    """Opens an opportunity in a stage of a pipeline: the first open one, if none is named."""

    NAME = "opportunity.open"
    opportunity_id: UUID = field(default_factory=new_id)
    name: Name
    customer_id: UUID | None = None
    pipeline_id: UUID
    stage_id: Code | None = None
    currency: CurrencyCode
    owner_id: UUID
    product_id: UUID | None = None
    source: ShortText | None = None
    amount: Money | None = None
    close_date: date | None = None

    async def handle(self, work: Work) -> None:
        pipeline = await work.load(Pipeline, self.pipeline_id)
        product = None if self.product_id is None else await work.load(Product, self.product_id)
        work.add(
            Opportunity.open(
                self.opportunity_id,
                work.at,
                name=self.name,
                pipeline=pipeline,
                stage_id=self.stage_id,
                owner_id=self.owner_id,
                currency=self.currency,
                customer_id=self.customer_id,
                product=product,
                source=self.source,
                amount=self.amount,
                close_date=self.close_date,
            )
        )


class SetOpportunityCustomer(OnOpportunity, frozen=True, kw_only=True):
    """Says which customer an opportunity is with."""

    NAME = "opportunity.set_customer"
    opportunity_id: UUID
    customer_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Opportunity, self.opportunity_id)).set_customer(self.customer_id)


# --- the way through the pipeline -----------------------------------------------------------------


class MoveStage(OnOpportunity, frozen=True, kw_only=True):
    """Moves an opportunity to another open stage that may follow and whose gates are met."""

    NAME = "opportunity.move_stage"
    opportunity_id: UUID
    stage_id: Code
    reason: ShortText | None = None

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        pipeline = await work.load(Pipeline, opportunity.pipeline_id)
        opportunity.move_stage(pipeline, self.stage_id, self.reason)


class TransferPipeline(OnOpportunity, frozen=True, kw_only=True):
    """Moves an opportunity to another pipeline; the map says which stage follows its own."""

    NAME = "opportunity.transfer_pipeline"
    opportunity_id: UUID
    pipeline_id: UUID
    stage_map: StageMap

    async def handle(self, work: Work) -> None:
        stage_map = {mapping.from_stage: mapping.to_stage for mapping in self.stage_map}
        if len(stage_map) < len(self.stage_map):
            raise Invalid("stage_map", "names a stage twice")
        opportunity = await work.load(Opportunity, self.opportunity_id)
        opportunity.transfer(await work.load(Pipeline, self.pipeline_id), stage_map)


class WinOpportunity(OnOpportunity, frozen=True, kw_only=True):
    """Closes an opportunity as won, for the amount it has or for a final one."""

    NAME = "opportunity.win"
    opportunity_id: UUID
    final_amount: Money | None = None
    order_id: UUID | None = None

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        pipeline = await work.load(Pipeline, opportunity.pipeline_id)
        opportunity.win(pipeline, self.final_amount, self.order_id)


class LoseOpportunity(OnOpportunity, frozen=True, kw_only=True):
    """Closes an opportunity as lost, for a reason and perhaps to a competitor."""

    NAME = "opportunity.lose"
    opportunity_id: UUID
    reason_code: Code
    competitor: Code | None = None

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        pipeline = await work.load(Pipeline, opportunity.pipeline_id)
        opportunity.lose(pipeline, self.reason_code, self.competitor)


class ReopenOpportunity(OnOpportunity, frozen=True, kw_only=True):
    """Opens a won or lost opportunity again, in the stage that it was closed from."""

    NAME = "opportunity.reopen"
    opportunity_id: UUID
    reason: ShortText

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        pipeline = await work.load(Pipeline, opportunity.pipeline_id)
        opportunity.reopen(pipeline, self.reason)


class HoldOpportunity(OnOpportunity, frozen=True, kw_only=True):
    """Puts an opportunity on hold, until a day if one is named; it stays in its stage."""

    NAME = "opportunity.hold"
    opportunity_id: UUID
    until: date | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Opportunity, self.opportunity_id)).hold(self.until)


class ResumeOpportunity(OnOpportunity, frozen=True, kw_only=True):
    """Takes an opportunity off hold."""

    NAME = "opportunity.resume"
    opportunity_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Opportunity, self.opportunity_id)).resume()


class ArchiveOpportunity(OnOpportunity, frozen=True, kw_only=True):
    """Takes an opportunity out of all work, for good."""

    NAME = "opportunity.archive"
    opportunity_id: UUID
    reason: ShortText | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Opportunity, self.opportunity_id)).archive(self.reason)


# --- the money ------------------------------------------------------------------------------------


class SetAmount(OnOpportunity, frozen=True, kw_only=True):
    """Sets the amount of an opportunity without lines, in its currency."""

    NAME = "opportunity.set_amount"
    opportunity_id: UUID
    amount: Money

    async def handle(self, work: Work) -> None:
        (await work.load(Opportunity, self.opportunity_id)).set_amount(self.amount)


class AddLine(OnOpportunity, frozen=True, kw_only=True):
    """Adds a product, at its list price if no other is named; the amount is the lines' sum."""

    NAME = "opportunity.add_line"
    opportunity_id: UUID
    line_id: UUID = field(default_factory=new_id)
    product_id: UUID
    quantity: Decimal
    unit_price: Money | None = None
    discount_percent: Decimal = Decimal(0)
    tax_code: Code | None = None

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        opportunity.add_line(
            self.line_id,
            await work.load(Product, self.product_id),
            quantity=self.quantity,
            unit_price=self.unit_price,
            discount_percent=self.discount_percent,
            tax_code=self.tax_code,
        )


class ChangeLine(OnOpportunity, frozen=True, kw_only=True):
    """Changes a line; what is not named stays as it is."""

    NAME = "opportunity.change_line"
    opportunity_id: UUID
    line_id: UUID
    quantity: Decimal | None = None
    unit_price: Money | None = None
    discount_percent: Decimal | None = None
    tax_code: Code | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Opportunity, self.opportunity_id)).change_line(
            self.line_id,
            quantity=self.quantity,
            unit_price=self.unit_price,
            discount_percent=self.discount_percent,
            tax_code=self.tax_code,
        )


class RemoveLine(OnOpportunity, frozen=True, kw_only=True):
    """Removes a line; the amount is the sum of the others."""

    NAME = "opportunity.remove_line"
    opportunity_id: UUID
    line_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Opportunity, self.opportunity_id)).remove_line(self.line_id)


# --- the forecast ---------------------------------------------------------------------------------


class SetCloseDate(OnOpportunity, frozen=True, kw_only=True):
    """Sets the day on which the decision is expected."""

    NAME = "opportunity.set_close_date"
    opportunity_id: UUID
    close_date: date
    reason: ShortText | None = None

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        opportunity.set_close_date(self.close_date, self.reason)


class OverrideProbability(OnOpportunity, frozen=True, kw_only=True):
    """Sets the probability, 0 to 100, by hand; it holds while the opportunity is in its stage."""

    NAME = "opportunity.override_probability"
    opportunity_id: UUID
    probability: Decimal
    reason: ShortText | None = None

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        opportunity.override_probability(self.probability, self.reason)


class ClearProbabilityOverride(OnOpportunity, frozen=True, kw_only=True):
    """Returns to the probability that the stage gave the opportunity as it entered."""

    NAME = "opportunity.clear_probability_override"
    opportunity_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Opportunity, self.opportunity_id)).clear_probability_override()


class SetForecastCategory(OnOpportunity, frozen=True, kw_only=True):
    """Sets the forecast category by hand; it holds while the opportunity is in its stage."""

    NAME = "opportunity.set_forecast_category"
    opportunity_id: UUID
    forecast_category: ForecastCategory

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        opportunity.set_forecast_category(self.forecast_category)


class SetNextStep(OnOpportunity, frozen=True, kw_only=True):
    """Says what is to be done next and by when; without a text, that nothing is planned."""

    NAME = "opportunity.set_next_step"
    opportunity_id: UUID
    text: ShortText | None = None
    due_on: date | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Opportunity, self.opportunity_id)).set_next_step(self.text, self.due_on)


# --- the people -----------------------------------------------------------------------------------


class AddContactRole(OnOpportunity, frozen=True, kw_only=True):
    """Says what part a person, who is a customer too, has in the decision."""

    NAME = "opportunity.add_contact_role"
    opportunity_id: UUID
    customer_id: UUID
    role: ContactRole

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        opportunity.add_contact_role(self.customer_id, self.role)


class RemoveContactRole(OnOpportunity, frozen=True, kw_only=True):
    """Says that a person has that part in the decision no more."""

    NAME = "opportunity.remove_contact_role"
    opportunity_id: UUID
    customer_id: UUID
    role: ContactRole

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        opportunity.remove_contact_role(self.customer_id, self.role)


class AddCompetitor(OnOpportunity, frozen=True, kw_only=True):
    """Says that a competitor, known by a code, is after the same sale."""

    NAME = "opportunity.add_competitor"
    opportunity_id: UUID
    competitor: Code
    status: CompetitorStatus = CompetitorStatus.ACTIVE

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        opportunity.add_competitor(self.competitor, self.status)


class SetCompetitorStatus(OnOpportunity, frozen=True, kw_only=True):
    """Says how a competitor stands."""

    NAME = "opportunity.set_competitor_status"
    opportunity_id: UUID
    competitor: Code
    status: CompetitorStatus

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        opportunity.set_competitor_status(self.competitor, self.status)


class AssignOpportunityOwner(OnOpportunity, frozen=True, kw_only=True):
    """Makes a user responsible for an opportunity."""

    NAME = "opportunity.assign_owner"
    opportunity_id: UUID
    owner_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Opportunity, self.opportunity_id)).assign_owner(self.owner_id)


class SetTeamSplits(OnOpportunity, frozen=True, kw_only=True):
    """Shares an opportunity among users; the shares sum to 100, or there are none."""

    NAME = "opportunity.set_team_splits"
    opportunity_id: UUID
    splits: Splits = ()

    async def handle(self, work: Work) -> None:
        (await work.load(Opportunity, self.opportunity_id)).set_team_splits(self.splits)


class LinkOpportunityExternalId(OnOpportunity, frozen=True, kw_only=True):
    """Links the id that another system has for this opportunity; unique in that system."""

    NAME = "opportunity.link_external_id"
    opportunity_id: UUID
    system: Code
    external_id: ShortText

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        opportunity.link_external_id(self.system, self.external_id)


class UnlinkOpportunityExternalId(OnOpportunity, frozen=True, kw_only=True):
    """Takes the id of another system off this opportunity."""

    NAME = "opportunity.unlink_external_id"
    opportunity_id: UUID
    system: Code
    external_id: ShortText

    async def handle(self, work: Work) -> None:
        opportunity = await work.load(Opportunity, self.opportunity_id)
        opportunity.unlink_external_id(self.system, self.external_id)


class EraseOpportunity(Erases, frozen=True, kw_only=True):
    """Forgets for ever what is written in an opportunity of no customer; its shape stays.

    Those of a customer go with the customer.
    """

    NAME = "opportunity.erase"
    TARGET = "opportunity_id"
    opportunity_id: UUID

    async def handle(self, work: Work) -> None:
        self.erase_alone(work, await work.load(Opportunity, self.opportunity_id))
