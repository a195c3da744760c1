"""The opportunity in answers."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self, cast
from uuid import UUID

import strawberry

from crm_api.graphql.context import Info
from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.links import linked
from crm_api.graphql.reading import Column, Link, Money, Pairs
from crm_api.graphql.records import RecordKind
from crm_api.graphql.scalars import CurrencyCode
from crm_api.graphql.types.customer import CUSTOMER, Customer
from crm_api.graphql.types.external_id import ExternalId
from crm_api.graphql.types.money import MoneyAmount
from crm_api.graphql.types.node import Record
from crm_api.graphql.types.pipeline import PIPELINE, Pipeline, Stage
from crm_api.graphql.types.product import PRODUCT, Product
from crm_api.graphql.types.user import USER, User
from crm_core import AsOf
from crm_core.sales.opportunity.events import ContactRole, OpportunityStatus
from crm_core.sales.opportunity.opportunity import Opportunity as OpportunityAggregate
from crm_core.sales.pipeline.events import ForecastCategory
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.tables import OPPORTUNITIES

__all__ = ["OPPORTUNITY", "Opportunity"]

for _enum in (ContactRole, ForecastCategory, OpportunityStatus):
    graphql_enum(_enum)


@strawberry.type(description="A line of an opportunity; its price is a snapshot.")
class OpportunityLine:
    line_id: UUID
    unit_price: MoneyAmount
    quantity: Decimal
    discount_percent: Decimal
    tax_code: str | None
    line_total: MoneyAmount
    product_id: strawberry.Private[UUID]
    as_of: strawberry.Private[AsOf]

    @classmethod
    def of(cls, line: Any, currency: str, as_of: AsOf) -> Self:
        code = CurrencyCode(currency)
        return cls(
            line_id=line.line_id,
            unit_price=MoneyAmount(amount=line.unit_price, currency_code=code),
            quantity=line.quantity,
            discount_percent=line.discount_percent,
            tax_code=line.tax_code,
            line_total=MoneyAmount(amount=line.line_total, currency_code=code),
            product_id=line.product_id,
            as_of=as_of,
        )

    @resolver("What is sold.", reads=Link("product", "product_id"))
    async def product(self, info: Info) -> Product | None:
        return cast("Product | None", await linked(info, PRODUCT, self.product_id, self.as_of))


@strawberry.type(description="A person and what they have to say in the decision.")
class OpportunityContact:
    role: ContactRole
    customer_id: strawberry.Private[UUID]
    as_of: strawberry.Private[AsOf]

    @resolver("Who.", reads=Link("customer", "customer_id"))
    async def customer(self, info: Info) -> Customer | None:
        found = await linked(info, CUSTOMER, self.customer_id, self.as_of)
        return cast("Customer | None", found)


@strawberry.type(description="A deal that may be won, on its way through a pipeline.")
class Opportunity(Record):
    KEY = "opportunity_id"

    name: str | None = strawberry.field(description="Null once it was erased.")
    status: OpportunityStatus
    source: str | None
    probability: Decimal = strawberry.field(description="In percent, 0 to 100.")
    forecast_category: ForecastCategory
    close_date: date | None = strawberry.field(description="When it is expected to close.")
    next_step: str | None
    next_step_on: date | None
    lost_reason: str | None = strawberry.field(description="The code of why it was lost.")
    lost_to: str | None = strawberry.field(description="The competitor that won.")
    opened_at: datetime
    stage_entered_at: datetime
    closed_at: datetime | None
    pipeline_version: int = strawberry.field(
        description="The version of the pipeline's definition that the stage was entered by."
    )

    @resolver("What it is worth; null while nobody has said.", reads=Money("amount", "currency"))
    def amount(self) -> MoneyAmount | None:
        return MoneyAmount.of(self.row.amount, self.row.currency)

    @resolver("In what it is reckoned.", reads=Column("currency"))
    def currency_code(self) -> CurrencyCode:
        return CurrencyCode(self.row.currency)

    @resolver("The stage as the pipeline has it now.")
    async def stage(self, info: Info) -> Stage | None:
        pipeline = await linked(info, PIPELINE, self.row.pipeline_id, self.as_of)
        stages = pipeline.row.stages if pipeline else ()
        return next((stage for stage in stages if stage.id == self.row.stage_id), None)

    @resolver("The stage's id, be the stage retired by now or not.", reads=Column("stage_id"))
    def stage_id(self) -> str:
        return cast("str", self.row.stage_id)

    @resolver("The open stage it was in before it was closed.", reads=Column("last_stage"))
    def last_stage_id(self) -> str | None:
        return cast("str | None", self.row.last_stage)

    @resolver("With whom.", reads=Link("customer", "customer_id"))
    async def customer(self, info: Info) -> Customer | None:
        found = await linked(info, CUSTOMER, self.row.customer_id, self.as_of)
        return cast("Customer | None", found)

    @resolver("The user who is responsible.", reads=Link("user", "owner_id"))
    async def owner(self, info: Info) -> User | None:
        return cast("User | None", await linked(info, USER, self.row.owner_id, self.as_of))

    @resolver("What it is about.", reads=Link("product", "product_id"))
    async def product(self, info: Info) -> Product | None:
        found = await linked(info, PRODUCT, self.row.product_id, self.as_of)
        return cast("Product | None", found)

    @resolver("The way it goes.", reads=Link("pipeline", "pipeline_id"))
    async def pipeline(self, info: Info) -> Pipeline | None:
        found = await linked(info, PIPELINE, self.row.pipeline_id, self.as_of)
        return cast("Pipeline | None", found)

    @resolver("What is sold; where there are lines, `amount` is their sum.")
    def lines(self) -> list[OpportunityLine]:
        return [OpportunityLine.of(line, self.row.currency, self.as_of) for line in self.row.lines]

    @resolver("Who decides, and who has a say.", reads=Column("contacts"))
    def contacts(self) -> list[OpportunityContact]:
        return [
            OpportunityContact(role=contact.role, customer_id=contact.customer_id, as_of=self.as_of)
            for contact in self.row.contacts
        ]

    @resolver(
        "What other systems call this opportunity.",
        reads=Pairs("external_ids", ("system", "id")),
    )
    def external_ids(self) -> list[ExternalId]:
        return ExternalId.all_of(self.row.external_ids)


OPPORTUNITY = RecordKind(Opportunity, OpportunityAggregate, SalesPipeline(), OPPORTUNITIES)
