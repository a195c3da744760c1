"""How customers are found, filtered and ordered."""

from __future__ import annotations

from enum import Enum

import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.filters import (
    DateTimeComparator,
    DecimalComparator,
    EnumComparator,
    IDComparator,
    IntComparator,
    ListComparator,
    OrderDirection,
    StringComparator,
    Where,
)
from crm_api.graphql.types.external_id import ExternalIdInput
from crm_core.customers.customer.customer import CustomerStatus
from crm_core.customers.customer.events import CustomerKind, Lifecycle
from crm_core.kernel.aggregate import HeldKey
from crm_core.kernel.values import normal_email

__all__ = ["CustomerBy", "CustomerOrder", "CustomerWhere"]

graphql_enum(CustomerKind)
graphql_enum(CustomerStatus)
graphql_enum(Lifecycle)


@strawberry.input(
    one_of=True,
    description="Which customer. An e-mail address or an external id names the customer that holds"
    " it now.",
)
class CustomerBy:
    id: strawberry.ID | None = strawberry.UNSET
    email: str | None = strawberry.UNSET
    external_id: ExternalIdInput | None = strawberry.UNSET

    def unique_key(self) -> HeldKey | None:
        if self.email:
            return HeldKey("email", normal_email(self.email))
        return self.external_id.key_of("customer") if self.external_id else None


@strawberry.input(description="Which customers; all that is given must hold.")
class CustomerWhere(Where):
    name: StringComparator | None = strawberry.UNSET
    kind: EnumComparator[CustomerKind] | None = strawberry.UNSET
    status: EnumComparator[CustomerStatus] | None = strawberry.UNSET
    lifecycle: EnumComparator[Lifecycle] | None = strawberry.UNSET
    owner_id: IDComparator | None = strawberry.UNSET
    parent_id: IDComparator | None = strawberry.UNSET
    email: StringComparator | None = strawberry.UNSET
    phone: StringComparator | None = strawberry.UNSET
    source: StringComparator | None = strawberry.UNSET
    sector: StringComparator | None = strawberry.UNSET
    location: StringComparator | None = strawberry.UNSET
    founded_year: IntComparator | None = strawberry.UNSET
    employees: IntComparator | None = strawberry.UNSET
    annual_revenue: DecimalComparator | None = strawberry.UNSET
    tags: ListComparator | None = strawberry.UNSET
    created_at: DateTimeComparator | None = strawberry.UNSET
    updated_at: DateTimeComparator | None = strawberry.UNSET
    and_: list[CustomerWhere] | None = strawberry.field(name="and", default=strawberry.UNSET)
    or_: list[CustomerWhere] | None = strawberry.field(name="or", default=strawberry.UNSET)
    not_: CustomerWhere | None = strawberry.field(name="not", default=strawberry.UNSET)


@strawberry.enum(description="What customers can be ordered by.")
class CustomerOrderField(Enum):
    NAME = "name"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    LIFECYCLE = "lifecycle"
    ANNUAL_REVENUE = "annual_revenue"
    EMPLOYEES = "employees"


@strawberry.input(description="By what customers are ordered.")
class CustomerOrder:
    field: CustomerOrderField
    direction: OrderDirection = OrderDirection.ASC
