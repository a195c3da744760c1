"""The customer in answers: one organisation or one person."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self, cast
from uuid import UUID

import strawberry

from crm_api.graphql.arguments.opportunity import OpportunityOrder, OpportunityWhere
from crm_api.graphql.arguments.task import TaskOrder, TaskWhere
from crm_api.graphql.arguments.ticket import TicketOrder, TicketWhere
from crm_api.graphql.connection import After, Before, Connection, First, Last, window_of
from crm_api.graphql.context import Info
from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.filters import filter_of
from crm_api.graphql.links import linked, linked_list
from crm_api.graphql.reading import Column, Link, LinkedList, Money, Pairs
from crm_api.graphql.records import RecordKind
from crm_api.graphql.types.external_id import ExternalId
from crm_api.graphql.types.money import MoneyAmount
from crm_api.graphql.types.node import Record
from crm_api.graphql.types.timeline import TimelineEntry, timeline_of
from crm_api.graphql.types.user import USER, User
from crm_core import AsOf
from crm_core.customers.customer.customer import Customer as CustomerAggregate
from crm_core.customers.customer.customer import CustomerStatus
from crm_core.customers.customer.events import (
    ConsentBasis,
    ConsentChannel,
    ContactPointType,
    CustomerKind,
    Lifecycle,
)
from crm_projections.customer_directory.projection import CUSTOMERS, CustomerDirectory
from crm_projections.reading import Order

if TYPE_CHECKING:
    from crm_api.graphql.types.interaction import Interaction
    from crm_api.graphql.types.opportunity import Opportunity
    from crm_api.graphql.types.task import Task
    from crm_api.graphql.types.ticket import Ticket

__all__ = ["CUSTOMER", "Customer"]

OPPORTUNITIES_OF = LinkedList("opportunity", "customer_id", Order("opened_at"))
TICKETS_OF = LinkedList("ticket", "customer_id", Order("opened_at"))
TASKS_OF = LinkedList("task", "customer_id", Order("due_at"))

for _enum in (
    CustomerKind, CustomerStatus, Lifecycle, ContactPointType, ConsentBasis, ConsentChannel
):  # fmt: skip
    graphql_enum(_enum)


@strawberry.type(description="A way to reach a customer. At most one of a type is primary.")
class ContactPoint:
    point_id: UUID
    type: ContactPointType
    value: str | None = strawberry.field(description="Null once it was erased.")
    label: str | None
    verified: bool
    primary: bool


@strawberry.type(description="A postal address; `country` is an ISO 3166-1 alpha-2 code.")
class Address:
    lines: list[str]
    city: str | None
    region: str | None
    postal_code: str | None
    country: str | None


@strawberry.type(description="An address and what it is used for.")
class LabelledAddress:
    label: str
    address: Address


@strawberry.type(description="What a person is at an organisation, from when to when.")
class Affiliation:
    affiliation_id: UUID
    role: str | None = strawberry.field(description="Null once it was erased.")
    since: datetime
    until: datetime | None
    organization_id: strawberry.Private[UUID]
    as_of: strawberry.Private[AsOf]

    @classmethod
    def of(cls, entry: Any, as_of: AsOf) -> Self:
        return cls(
            affiliation_id=entry.affiliation_id,
            role=entry.role,
            since=entry.since,
            until=entry.until,
            organization_id=entry.organization_id,
            as_of=as_of,
        )

    @resolver("Where.", reads=Link("customer", "organization_id"))
    async def organization(self, info: Info) -> Customer | None:
        found = await linked(info, CUSTOMER, self.organization_id, self.as_of)
        return cast("Customer | None", found)


@strawberry.type(description="That this customer may be contacted: where, what for, and why.")
class Consent:
    channel: ConsentChannel
    purpose: str
    basis: ConsentBasis
    granted_at: datetime
    expires_at: datetime | None


@strawberry.type(description="An organisation or a person that is or may become a customer.")
class Customer(Record):
    KEY = "customer_id"

    kind: CustomerKind
    name: str | None = strawberry.field(description="Null once the customer was erased.")
    status: CustomerStatus
    lifecycle: Lifecycle
    email: str | None = strawberry.field(description="The primary e-mail address.")
    phone: str | None = strawberry.field(description="The primary phone number, E.164.")
    source: str | None = strawberry.field(description="Where the customer came from.")
    sector: str | None
    founded_year: int | None
    employees: int | None
    location: str | None
    tags: list[str] = strawberry.field(description="In alphabetical order.")
    consents: list[Consent]

    @resolver(
        "What an organisation takes in a year.",
        reads=Money("annual_revenue", "annual_revenue_currency"),
    )
    def annual_revenue(self) -> MoneyAmount | None:
        return MoneyAmount.of(self.row.annual_revenue, self.row.annual_revenue_currency)

    @resolver("In the order in which they were added.", reads=Column("points"))
    def contact_points(self) -> list[ContactPoint]:
        return cast("list[ContactPoint]", self.row.points)

    @resolver("Postal addresses, by label.", reads=Column("addresses"))
    def addresses(self) -> list[LabelledAddress]:
        return cast("list[LabelledAddress]", self.row.addresses)

    @resolver(
        "What other systems call this customer.", reads=Pairs("external_ids", ("system", "id"))
    )
    def external_ids(self) -> list[ExternalId]:
        return ExternalId.all_of(self.row.external_ids)

    @resolver("What this person is at organisations.", reads=Column("affiliations"))
    def affiliations(self) -> list[Affiliation]:
        return [Affiliation.of(entry, self.as_of) for entry in self.row.affiliations]

    @resolver("The user who is responsible.", reads=Link("user", "owner_id"))
    async def owner(self, info: Info) -> User | None:
        return cast("User | None", await linked(info, USER, self.row.owner_id, self.as_of))

    @resolver("The organisation that this one belongs to.", reads=Link("customer", "parent_id"))
    async def parent(self, info: Info) -> Customer | None:
        found = await linked(info, CUSTOMER, self.row.parent_id, self.as_of)
        return cast("Customer | None", found)

    @resolver(
        "For a merged customer: the one it was merged into.",
        reads=Link("customer", "survivor_id"),
    )
    async def merged_into(self, info: Info) -> Customer | None:
        found = await linked(info, CUSTOMER, self.row.survivor_id, self.as_of)
        return cast("Customer | None", found)

    # --- lists ------------------------------------------------------------------------------------

    @resolver(
        "What happened with this customer, over all its records that you may see; the latest first."
    )
    async def timeline(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[TimelineEntry]:
        return await timeline_of(info, self.uuid, self.as_of, window_of(first, after, last, before))

    @resolver(
        "The customer's opportunities; null where you may not see any.",
        reads=OPPORTUNITIES_OF,
    )
    async def opportunities(
        self,
        info: Info,
        where: OpportunityWhere | None = strawberry.UNSET,
        order_by: list[OpportunityOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> (
        Connection[Annotated[Opportunity, strawberry.lazy("crm_api.graphql.types.opportunity")]]
        | None
    ):
        window = window_of(first, after, last, before)
        return await linked_list(info, OPPORTUNITIES_OF, self, window, filter_of(where), order_by)

    @resolver(
        "The customer's tickets; null where you may not see any.",
        reads=TICKETS_OF,
    )
    async def tickets(
        self,
        info: Info,
        where: TicketWhere | None = strawberry.UNSET,
        order_by: list[TicketOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Annotated[Ticket, strawberry.lazy("crm_api.graphql.types.ticket")]] | None:
        window = window_of(first, after, last, before)
        return await linked_list(info, TICKETS_OF, self, window, filter_of(where), order_by)

    @resolver(
        "What is to be done about the customer, the most urgent first unless ordered otherwise;"
        " null where you may not see any.",
        reads=TASKS_OF,
    )
    async def tasks(
        self,
        info: Info,
        where: TaskWhere | None = strawberry.UNSET,
        order_by: list[TaskOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Annotated[Task, strawberry.lazy("crm_api.graphql.types.task")]] | None:
        window = window_of(first, after, last, before)
        return await linked_list(info, TASKS_OF, self, window, filter_of(where), order_by)

    @resolver(
        "Contacts with the customer and notes about it, the latest first; null where you may not"
        " see any."
    )
    async def interactions(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> (
        Connection[Annotated[Interaction, strawberry.lazy("crm_api.graphql.types.interaction")]]
        | None
    ):
        from crm_api.graphql.types.interaction import interactions_of

        window = window_of(first, after, last, before)
        return await interactions_of(info, self.uuid, self.as_of, window)


CUSTOMER = RecordKind(Customer, CustomerAggregate, CustomerDirectory(), CUSTOMERS)
