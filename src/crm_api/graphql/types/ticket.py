"""The ticket in answers."""

from __future__ import annotations

from datetime import datetime
from typing import cast

import strawberry

from crm_api.graphql.context import Info
from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.links import linked
from crm_api.graphql.reading import Link, Pairs
from crm_api.graphql.records import RecordKind
from crm_api.graphql.types.customer import CUSTOMER, Customer
from crm_api.graphql.types.external_id import ExternalId
from crm_api.graphql.types.node import Record
from crm_api.graphql.types.user import USER, User
from crm_core.service.ticket.events import TicketChannel, TicketPriority, TicketStatus, TicketType
from crm_core.service.ticket.ticket import Ticket as TicketAggregate
from crm_projections.ticket_queue.projection import TICKETS, TicketQueue

__all__ = ["TICKET", "Ticket"]

for _enum in (TicketChannel, TicketPriority, TicketStatus, TicketType):
    graphql_enum(_enum)


@strawberry.type(description="A customer's concern, until it is settled.")
class Ticket(Record):
    KEY = "ticket_id"

    subject: str | None = strawberry.field(description="Null once it was erased.")
    status: TicketStatus
    type: TicketType
    priority: TicketPriority
    channel: TicketChannel = strawberry.field(description="How it came.")
    product: str | None = strawberry.field(description="What it is about.")
    queue: str | None = strawberry.field(description="Where it waits for somebody.")
    cycle: int = strawberry.field(description="One more than it was reopened.")
    escalation_level: int = strawberry.field(description="In this cycle; 0 if it never was.")
    csat_score: int | None = strawberry.field(description="How content the customer is, 1 to 5.")
    root_cause: str | None
    opened_at: datetime
    first_reply_at: datetime | None = strawberry.field(
        description="When the customer first got an answer."
    )
    resolved_at: datetime | None = strawberry.field(description="The last time.")
    closed_at: datetime | None = strawberry.field(description="The last time.")
    last_activity_at: datetime

    @resolver("Whose concern it is.", reads=Link("customer", "customer_id"))
    async def customer(self, info: Info) -> Customer | None:
        found = await linked(info, CUSTOMER, self.row.customer_id, self.as_of)
        return cast("Customer | None", found)

    @resolver("The user who works on it.", reads=Link("user", "assignee_id"))
    async def assignee(self, info: Info) -> User | None:
        return cast("User | None", await linked(info, USER, self.row.assignee_id, self.as_of))

    @resolver("The closed ticket that it goes on from.", reads=Link("ticket", "follow_up_of"))
    async def follow_up_of(self, info: Info) -> Ticket | None:
        found = await linked(info, TICKET, self.row.follow_up_of, self.as_of)
        return cast("Ticket | None", found)

    @resolver(
        "For a merged ticket: the one it was merged into.", reads=Link("ticket", "survivor_id")
    )
    async def merged_into(self, info: Info) -> Ticket | None:
        found = await linked(info, TICKET, self.row.survivor_id, self.as_of)
        return cast("Ticket | None", found)

    @resolver("What other systems call this ticket.", reads=Pairs("external_ids", ("system", "id")))
    def external_ids(self) -> list[ExternalId]:
        return ExternalId.all_of(self.row.external_ids)


TICKET = RecordKind(Ticket, TicketAggregate, TicketQueue(), TICKETS)
