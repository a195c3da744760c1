"""How opportunities are found, filtered and ordered."""

from __future__ import annotations

from enum import Enum

import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.filters import (
    DateComparator,
    DateTimeComparator,
    DecimalComparator,
    EnumComparator,
    IDComparator,
    OrderDirection,
    StringComparator,
    Where,
)
from crm_api.graphql.types.external_id import ExternalIdInput
from crm_core.kernel.aggregate import HeldKey
from crm_core.sales.opportunity.events import OpportunityStatus
from crm_core.sales.pipeline.events import ForecastCategory

__all__ = ["OpportunityBy", "OpportunityOrder", "OpportunityWhere"]

graphql_enum(OpportunityStatus)
graphql_enum(ForecastCategory)


@strawberry.input(one_of=True, description="Which opportunity.")
class OpportunityBy:
    id: strawberry.ID | None = strawberry.UNSET
    external_id: ExternalIdInput | None = strawberry.UNSET

    def unique_key(self) -> HeldKey | None:
        return self.external_id.key_of("opportunity") if self.external_id else None


@strawberry.input(description="Which opportunities; all that is given must hold.")
class OpportunityWhere(Where):
    name: StringComparator | None = strawberry.UNSET
    status: EnumComparator[OpportunityStatus] | None = strawberry.UNSET
    forecast_category: EnumComparator[ForecastCategory] | None = strawberry.UNSET
    customer_id: IDComparator | None = strawberry.UNSET
    owner_id: IDComparator | None = strawberry.UNSET
    product_id: IDComparator | None = strawberry.UNSET
    pipeline_id: IDComparator | None = strawberry.UNSET
    stage_id: StringComparator | None = strawberry.UNSET
    source: StringComparator | None = strawberry.UNSET
    currency: StringComparator | None = strawberry.UNSET
    amount: DecimalComparator | None = strawberry.UNSET
    probability: DecimalComparator | None = strawberry.UNSET
    close_date: DateComparator | None = strawberry.UNSET
    lost_reason: StringComparator | None = strawberry.UNSET
    opened_at: DateTimeComparator | None = strawberry.UNSET
    closed_at: DateTimeComparator | None = strawberry.UNSET
    stage_entered_at: DateTimeComparator | None = strawberry.UNSET
    updated_at: DateTimeComparator | None = strawberry.UNSET
    and_: list[OpportunityWhere] | None = strawberry.field(name="and", default=strawberry.UNSET)
    or_: list[OpportunityWhere] | None = strawberry.field(name="or", default=strawberry.UNSET)
    not_: OpportunityWhere | None = strawberry.field(name="not", default=strawberry.UNSET)


@strawberry.enum(description="What opportunities can be ordered by.")
class OpportunityOrderField(Enum):
    NAME = "name"
    AMOUNT = "amount"
    PROBABILITY = "probability"
    CLOSE_DATE = "close_date"
    OPENED_AT = "opened_at"
    CLOSED_AT = "closed_at"
    STAGE_ENTERED_AT = "stage_entered_at"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"


@strawberry.input(description="By what opportunities are ordered.")
class OpportunityOrder:
    field: OpportunityOrderField
    direction: OrderDirection = OrderDirection.ASC
