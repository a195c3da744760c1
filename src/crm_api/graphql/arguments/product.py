"""How products are filtered and ordered."""

from __future__ import annotations

from enum import Enum

import strawberry

from crm_api.graphql.filters import (
    BooleanComparator,
    DecimalComparator,
    OrderDirection,
    StringComparator,
    Where,
)

__all__ = ["ProductOrder", "ProductWhere"]


@strawberry.input(description="Which products; all that is given must hold.")
class ProductWhere(Where):
    code: StringComparator | None = strawberry.UNSET
    name: StringComparator | None = strawberry.UNSET
    series: StringComparator | None = strawberry.UNSET
    list_price: DecimalComparator | None = strawberry.UNSET
    currency: StringComparator | None = strawberry.UNSET
    retired: BooleanComparator | None = strawberry.UNSET
    and_: list[ProductWhere] | None = strawberry.field(name="and", default=strawberry.UNSET)
    or_: list[ProductWhere] | None = strawberry.field(name="or", default=strawberry.UNSET)
    not_: ProductWhere | None = strawberry.field(name="not", default=strawberry.UNSET)


@strawberry.enum(description="What products can be ordered by.")
class ProductOrderField(Enum):
    CODE = "code"
    NAME = "name"
    LIST_PRICE = "list_price"
    CREATED_AT = "created_at"


@strawberry.input(description="By what products are ordered.")
class ProductOrder:
    field: ProductOrderField
    direction: OrderDirection = OrderDirection.ASC
