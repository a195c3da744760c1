"""What the API is given. Made from schema.graphql by `make client`."""

from __future__ import annotations

__all__ = [
    "ActorKindComparator",
    "AddressInput",
    "ApiKeyOrder",
    "ApiKeyWhere",
    "AsOf",
    "AuditOrder",
    "AuditWhere",
    "BooleanComparator",
    "BulkKindComparator",
    "BulkOperationOrder",
    "BulkOperationWhere",
    "BulkStatusComparator",
    "CustomerBy",
    "CustomerKindComparator",
    "CustomerOrder",
    "CustomerStatusComparator",
    "CustomerWhere",
    "DateComparator",
    "DateTimeComparator",
    "DecimalComparator",
    "ExternalIdInput",
    "ExternalTicketIdInput",
    "ForecastCategoryComparator",
    "IDComparator",
    "IDListComparator",
    "IntComparator",
    "LifecycleComparator",
    "ListComparator",
    "MappedColumnInput",
    "MoneyInput",
    "OpportunityBy",
    "OpportunityOrder",
    "OpportunityStatusComparator",
    "OpportunityWhere",
    "Past",
    "Period",
    "PositionComparator",
    "ProductOrder",
    "ProductWhere",
    "RoleOrder",
    "RoleRuleInput",
    "RoleWhere",
    "SalesReportWhere",
    "ShareLevelComparator",
    "ShareOrder",
    "ShareWhere",
    "StageInput",
    "StageMappingInput",
    "StringComparator",
    "TaskOrder",
    "TaskStatusComparator",
    "TaskWhere",
    "TeamOrder",
    "TeamSplitInput",
    "TeamWhere",
    "TicketBy",
    "TicketChannelComparator",
    "TicketOrder",
    "TicketPriorityComparator",
    "TicketReportWhere",
    "TicketStatusComparator",
    "TicketTypeComparator",
    "TicketWhere",
    "UserOrder",
    "UserStatusComparator",
    "UserWhere",
]

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from crm_client.asking import Id
from crm_client.made.types import *


class ActorKindComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: ActorKind | None = None
    in_: list[ActorKind] | None = msgspec.field(name="in", default=None)


class AddressInput(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A postal address; `country` is an ISO 3166-1 alpha-2 code."""

    lines: list[str] | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


class ApiKeyOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """By what API keys are ordered."""

    field: ApiKeyOrderField
    direction: OrderDirection | None = None


class ApiKeyWhere(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which API keys; all that is given must hold."""

    name: StringComparator | None = None
    user_id: IDComparator | None = None
    scopes: ListComparator | None = None
    expires_at: DateTimeComparator | None = None
    is_revoked: BooleanComparator | None = None
    and_: list[ApiKeyWhere] | None = msgspec.field(name="and", default=None)
    or_: list[ApiKeyWhere] | None = msgspec.field(name="or", default=None)
    not_: ApiKeyWhere | None = msgspec.field(name="not", default=None)


class AsOf(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A point in the past, by what was recorded until then."""

    position: int | None = None
    """Up to and including this place in the ledger."""
    time: datetime | None = None
    """What had been recorded by this moment."""
    version: int | None = None
    """The record after this many of its events."""


class AuditOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """By what the audit trail is ordered."""

    field: AuditOrderField
    direction: OrderDirection | None = None


class AuditWhere(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which entries; all that is given must hold."""

    type: StringComparator | None = None
    record_type: StringComparator | None = None
    record_id: IDComparator | None = None
    subject_id: IDComparator | None = None
    actor_kind: ActorKindComparator | None = None
    actor_id: StringComparator | None = None
    command_id: IDComparator | None = None
    correlation_id: IDComparator | None = None
    causation_id: IDComparator | None = None
    event_id: IDComparator | None = None
    reason: StringComparator | None = None
    source: StringComparator | None = None
    position: PositionComparator | None = None
    recorded_at: DateTimeComparator | None = None
    happened_at: DateTimeComparator | None = None
    and_: list[AuditWhere] | None = msgspec.field(name="and", default=None)
    or_: list[AuditWhere] | None = msgspec.field(name="or", default=None)
    not_: AuditWhere | None = msgspec.field(name="not", default=None)


class BooleanComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Whether it must be so."""

    eq: bool | None = None


class BulkKindComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: BulkKind | None = None
    in_: list[BulkKind] | None = msgspec.field(name="in", default=None)


class BulkOperationOrder(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """By what bulk operations are ordered."""

    field: BulkOperationOrderField
    direction: OrderDirection | None = None


class BulkOperationWhere(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which bulk operations; all that is given must hold."""

    kind: BulkKindComparator | None = None
    status: BulkStatusComparator | None = None
    created_at: DateTimeComparator | None = None
    ended_at: DateTimeComparator | None = None
    and_: list[BulkOperationWhere] | None = msgspec.field(name="and", default=None)
    or_: list[BulkOperationWhere] | None = msgspec.field(name="or", default=None)
    not_: BulkOperationWhere | None = msgspec.field(name="not", default=None)


class BulkStatusComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: BulkStatus | None = None
    in_: list[BulkStatus] | None = msgspec.field(name="in", default=None)


class CustomerBy(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which customer. An e-mail address or an external id names the customer that holds it now."""

    id: Id | None = None
    email: str | None = None
    external_id: ExternalIdInput | None = None


class CustomerKindComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: CustomerKind | None = None
    in_: list[CustomerKind] | None = msgspec.field(name="in", default=None)


class CustomerOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """By what customers are ordered."""

    field: CustomerOrderField
    direction: OrderDirection | None = None


class CustomerStatusComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: CustomerStatus | None = None
    in_: list[CustomerStatus] | None = msgspec.field(name="in", default=None)


class CustomerWhere(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which customers; all that is given must hold."""

    name: StringComparator | None = None
    kind: CustomerKindComparator | None = None
    status: CustomerStatusComparator | None = None
    lifecycle: LifecycleComparator | None = None
    owner_id: IDComparator | None = None
    parent_id: IDComparator | None = None
    email: StringComparator | None = None
    phone: StringComparator | None = None
    source: StringComparator | None = None
    sector: StringComparator | None = None
    location: StringComparator | None = None
    founded_year: IntComparator | None = None
    employees: IntComparator | None = None
    annual_revenue: DecimalComparator | None = None
    tags: ListComparator | None = None
    created_at: DateTimeComparator | None = None
    updated_at: DateTimeComparator | None = None
    and_: list[CustomerWhere] | None = msgspec.field(name="and", default=None)
    or_: list[CustomerWhere] | None = msgspec.field(name="or", default=None)
    not_: CustomerWhere | None = msgspec.field(name="not", default=None)


class DateComparator(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a day must be like."""

    eq: date | None = None
    lt: date | None = None
    lte: date | None = None
    gt: date | None = None
    gte: date | None = None
    is_null: bool | None = None
    """Whether there is no value at all."""


class DateTimeComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """What a moment must be like."""

    eq: datetime | None = None
    lt: datetime | None = None
    lte: datetime | None = None
    gt: datetime | None = None
    gte: datetime | None = None
    is_null: bool | None = None
    """Whether there is no value at all."""


class DecimalComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """What a decimal number must be like."""

    eq: Decimal | None = None
    lt: Decimal | None = None
    lte: Decimal | None = None
    gt: Decimal | None = None
    gte: Decimal | None = None
    is_null: bool | None = None
    """Whether there is no value at all."""


class ExternalIdInput(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """The id that another system has for a record."""

    system: str
    id: str


class ExternalTicketIdInput(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """The id that another system has for a ticket."""

    system: str
    """1 to 64 long, letters, digits and `_.:-`."""
    external_id: str
    """1 to 500 long."""


class ForecastCategoryComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: ForecastCategory | None = None
    in_: list[ForecastCategory] | None = msgspec.field(name="in", default=None)


class IDComparator(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which record it must be; bare UUIDs are taken too."""

    eq: Id | None = None
    in_: list[Id] | None = msgspec.field(name="in", default=None)
    is_null: bool | None = None
    """Whether there is no value at all."""


class IDListComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which record must be on a list of records."""

    contains: Id | None = None


class IntComparator(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a whole number must be like."""

    eq: int | None = None
    in_: list[int] | None = msgspec.field(name="in", default=None)
    lt: int | None = None
    lte: int | None = None
    gt: int | None = None
    gte: int | None = None
    is_null: bool | None = None
    """Whether there is no value at all."""


class LifecycleComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: Lifecycle | None = None
    in_: list[Lifecycle] | None = msgspec.field(name="in", default=None)


class ListComparator(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What must be on a list of texts."""

    contains: str | None = None
    """It has exactly this item."""


class MappedColumnInput(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """A column of a CSV file, and the field of the input that it fills: `money.amount`."""

    column: str
    field: str


class MoneyInput(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An amount in one currency."""

    amount: Decimal
    currency_code: str


class OpportunityBy(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which opportunity."""

    id: Id | None = None
    external_id: ExternalIdInput | None = None


class OpportunityOrder(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """By what opportunities are ordered."""

    field: OpportunityOrderField
    direction: OrderDirection | None = None


class OpportunityStatusComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: OpportunityStatus | None = None
    in_: list[OpportunityStatus] | None = msgspec.field(name="in", default=None)


class OpportunityWhere(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which opportunities; all that is given must hold."""

    name: StringComparator | None = None
    status: OpportunityStatusComparator | None = None
    forecast_category: ForecastCategoryComparator | None = None
    customer_id: IDComparator | None = None
    owner_id: IDComparator | None = None
    product_id: IDComparator | None = None
    pipeline_id: IDComparator | None = None
    stage_id: StringComparator | None = None
    source: StringComparator | None = None
    currency: StringComparator | None = None
    amount: DecimalComparator | None = None
    probability: DecimalComparator | None = None
    close_date: DateComparator | None = None
    lost_reason: StringComparator | None = None
    opened_at: DateTimeComparator | None = None
    closed_at: DateTimeComparator | None = None
    stage_entered_at: DateTimeComparator | None = None
    updated_at: DateTimeComparator | None = None
    and_: list[OpportunityWhere] | None = msgspec.field(name="and", default=None)
    or_: list[OpportunityWhere] | None = msgspec.field(name="or", default=None)
    not_: OpportunityWhere | None = msgspec.field(name="not", default=None)


class Past(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A past on one clock or on both; without either, the present."""

    as_of: AsOf | None = None
    """By what was recorded until then."""
    effective_at: datetime | None = None
    """Only what had happened by this moment, whenever it was recorded."""


class Period(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A stretch of days, in the time zone of the report."""

    from_: date | None = msgspec.field(name="from", default=None)
    """This day included."""
    to: date | None = None
    """This day left out."""


class PositionComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which stretch of the ledger."""

    eq: int | None = None
    lt: int | None = None
    lte: int | None = None
    gt: int | None = None
    gte: int | None = None


class ProductOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """By what products are ordered."""

    field: ProductOrderField
    direction: OrderDirection | None = None


class ProductWhere(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which products; all that is given must hold."""

    code: StringComparator | None = None
    name: StringComparator | None = None
    series: StringComparator | None = None
    list_price: DecimalComparator | None = None
    currency: StringComparator | None = None
    retired: BooleanComparator | None = None
    and_: list[ProductWhere] | None = msgspec.field(name="and", default=None)
    or_: list[ProductWhere] | None = msgspec.field(name="or", default=None)
    not_: ProductWhere | None = msgspec.field(name="not", default=None)


class RoleOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """By what roles are ordered."""

    field: RoleOrderField
    direction: OrderDirection | None = None


class RoleRuleInput(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a role allows on a kind of record: actions, `*` for all; on whose records; and groups of fields that it does not show."""

    kind: str
    """1 to 64 long, like `^(\\*|[a-z][a-z_]*)$`."""
    actions: list[str]
    """1 to 100 long."""
    scope: Scope | None = None
    withheld: list[str] | None = None
    """At most 20 long."""


class RoleWhere(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which roles; all that is given must hold."""

    name: StringComparator | None = None
    is_retired: BooleanComparator | None = None
    and_: list[RoleWhere] | None = msgspec.field(name="and", default=None)
    or_: list[RoleWhere] | None = msgspec.field(name="or", default=None)
    not_: RoleWhere | None = msgspec.field(name="not", default=None)


class SalesReportWhere(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which opportunities a report is about, by how they stood as of then; all of it must hold. Global ids or bare UUIDs."""

    owner_ids: list[Id] | None = None
    """Any of these owners."""
    pipeline_ids: list[Id] | None = None
    """Any of these pipelines."""
    product_ids: list[Id] | None = None
    """Any of these products."""
    sources: list[str] | None = None
    """Any of these sources."""
    period: Period | None = None
    """Only records whose moment lies in it; the report says which moment that is."""


class ShareLevelComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: ShareLevel | None = None
    in_: list[ShareLevel] | None = msgspec.field(name="in", default=None)


class ShareOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """By what shares are ordered."""

    field: ShareOrderField
    direction: OrderDirection | None = None


class ShareWhere(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which shares; all that is given must hold."""

    shared_id: IDComparator | None = None
    principal_id: IDComparator | None = None
    level: ShareLevelComparator | None = None
    until: DateTimeComparator | None = None
    is_revoked: BooleanComparator | None = None
    and_: list[ShareWhere] | None = msgspec.field(name="and", default=None)
    or_: list[ShareWhere] | None = msgspec.field(name="or", default=None)
    not_: ShareWhere | None = msgspec.field(name="not", default=None)


class StageInput(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A stage of one version of a pipeline; its order is its place among the stages. `probability` is 0 to 100, the default for opportunities that enter. `allowed_next` names the stages that may follow; none named means any. `rot_days` is how long an opportunity may stay before it counts as stuck."""

    id: str
    """1 to 64 long, letters, digits and `_.:-`."""
    name: str
    """1 to 200 long, not blank."""
    probability: Decimal
    forecast_category: ForecastCategory | None = None
    stage_class: StageClass | None = None
    required_fields: list[GateField] | None = None
    allowed_next: list[str] | None = None
    rot_days: int | None = None
    """1 to 3650."""


class StageMappingInput(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which stage of the new pipeline follows a stage of the old one."""

    from_stage: str
    """1 to 64 long, letters, digits and `_.:-`."""
    to_stage: str
    """1 to 64 long, letters, digits and `_.:-`."""


class StringComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """What a text must be like."""

    eq: str | None = None
    in_: list[str] | None = msgspec.field(name="in", default=None)
    contains: str | None = None
    """It has this part, in upper or lower case."""
    is_null: bool | None = None
    """Whether there is no value at all."""


class TaskOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """By what tasks are ordered."""

    field: TaskOrderField
    direction: OrderDirection | None = None


class TaskStatusComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: TaskStatus | None = None
    in_: list[TaskStatus] | None = msgspec.field(name="in", default=None)


class TaskWhere(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which tasks; all that is given must hold."""

    title: StringComparator | None = None
    status: TaskStatusComparator | None = None
    assignee_id: IDComparator | None = None
    customer_id: IDComparator | None = None
    due_at: DateTimeComparator | None = None
    deferred_until: DateTimeComparator | None = None
    created_at: DateTimeComparator | None = None
    updated_at: DateTimeComparator | None = None
    and_: list[TaskWhere] | None = msgspec.field(name="and", default=None)
    or_: list[TaskWhere] | None = msgspec.field(name="or", default=None)
    not_: TaskWhere | None = msgspec.field(name="not", default=None)


class TeamOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """By what teams are ordered."""

    field: TeamOrderField
    direction: OrderDirection | None = None


class TeamSplitInput(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A user's share of an opportunity, in percent."""

    user_id: Id
    percent: Decimal


class TeamWhere(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which teams; all that is given must hold."""

    name: StringComparator | None = None
    parent_id: IDComparator | None = None
    member_ids: IDListComparator | None = None
    """Who is of the team now."""
    is_dissolved: BooleanComparator | None = None
    and_: list[TeamWhere] | None = msgspec.field(name="and", default=None)
    or_: list[TeamWhere] | None = msgspec.field(name="or", default=None)
    not_: TeamWhere | None = msgspec.field(name="not", default=None)


class TicketBy(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which ticket."""

    id: Id | None = None
    external_id: ExternalIdInput | None = None


class TicketChannelComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: TicketChannel | None = None
    in_: list[TicketChannel] | None = msgspec.field(name="in", default=None)


class TicketOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """By what tickets are ordered."""

    field: TicketOrderField
    direction: OrderDirection | None = None


class TicketPriorityComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: TicketPriority | None = None
    in_: list[TicketPriority] | None = msgspec.field(name="in", default=None)


class TicketReportWhere(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which tickets a report is about, by how they stood as of then; all of it must hold. Global ids or bare UUIDs."""

    assignee_ids: list[Id] | None = None
    """Any of these users."""
    queues: list[str] | None = None
    """Any of these queues."""
    priorities: list[TicketPriority] | None = None
    """Any of these priorities."""
    types: list[TicketType] | None = None
    """Any of these types."""
    channels: list[TicketChannel] | None = None
    """Any of these channels."""
    products: list[str] | None = None
    """Any of these products."""
    period: Period | None = None
    """Only records whose moment lies in it; the report says which moment that is."""


class TicketStatusComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: TicketStatus | None = None
    in_: list[TicketStatus] | None = msgspec.field(name="in", default=None)


class TicketTypeComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: TicketType | None = None
    in_: list[TicketType] | None = msgspec.field(name="in", default=None)


class TicketWhere(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which tickets; all that is given must hold."""

    subject: StringComparator | None = None
    status: TicketStatusComparator | None = None
    type: TicketTypeComparator | None = None
    priority: TicketPriorityComparator | None = None
    channel: TicketChannelComparator | None = None
    customer_id: IDComparator | None = None
    assignee_id: IDComparator | None = None
    queue: StringComparator | None = None
    product: StringComparator | None = None
    root_cause: StringComparator | None = None
    escalation_level: IntComparator | None = None
    csat_score: IntComparator | None = None
    opened_at: DateTimeComparator | None = None
    first_reply_at: DateTimeComparator | None = None
    resolved_at: DateTimeComparator | None = None
    closed_at: DateTimeComparator | None = None
    last_activity_at: DateTimeComparator | None = None
    and_: list[TicketWhere] | None = msgspec.field(name="and", default=None)
    or_: list[TicketWhere] | None = msgspec.field(name="or", default=None)
    not_: TicketWhere | None = msgspec.field(name="not", default=None)


class UserOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """By what users are ordered."""

    field: UserOrderField
    direction: OrderDirection | None = None


class UserStatusComparator(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Which of its values it must have."""

    eq: UserStatus | None = None
    in_: list[UserStatus] | None = msgspec.field(name="in", default=None)


class UserWhere(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which users; all that is given must hold."""

    name: StringComparator | None = None
    email: StringComparator | None = None
    status: UserStatusComparator | None = None
    office: StringComparator | None = None
    manager_id: IDComparator | None = None
    roles: ListComparator | None = None
    created_at: DateTimeComparator | None = None
    and_: list[UserWhere] | None = msgspec.field(name="and", default=None)
    or_: list[UserWhere] | None = msgspec.field(name="or", default=None)
    not_: UserWhere | None = msgspec.field(name="not", default=None)
