"""The rules of a product."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from crm_core.kernel.aggregate import Aggregate, HeldKey
from crm_core.kernel.errors import Rejected
from crm_core.kernel.values import Money
from crm_core.sales.product import events as e


class ProductStatus(StrEnum):
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


class Product(Aggregate):
    TOPIC = "sales.product"

    name: str = ""
    code: str = ""
    series: str | None = None
    list_price: Money = Money(Decimal(0), "XXX")
    status: ProductStatus = ProductStatus.ACTIVE

    @classmethod
    def add(
        cls,
        product_id: UUID,
        at: datetime,
        *,
        name: str,
        code: str,
        series: str | None,
        list_price: Money,
    ) -> Product:
        _require_not_negative(list_price)
        return cls.start(
            e.ProductAdded,
            product_id,
            at,
            name=name.strip(),
            code=code,
            series=series,
            list_price=list_price,
        )

    def set_price(self, list_price: Money) -> None:
        """Prices already on the lines of opportunities stay as they are."""
        self.require_active()
        _require_not_negative(list_price)
        if list_price != self.list_price:
            self.record(e.ProductPriceSet, list_price=list_price, from_price=self.list_price)

    def retire(self) -> None:
        """Old lines keep the product; its code is free for another one."""
        if self.status is not ProductStatus.RETIRED:
            self.record(e.ProductRetired)

    def reactivate(self) -> None:
        if self.status is not ProductStatus.ACTIVE:
            self.record(e.ProductReactivated)

    def require_active(self) -> None:
        if self.status is ProductStatus.RETIRED:
            raise Rejected("product.retired", product_id=str(self.id))

    def held_keys(self) -> frozenset[HeldKey]:
        """An active product holds its code."""
        if self.status is ProductStatus.RETIRED:
            return frozenset()
        return frozenset({HeldKey("product", self.code)})

    def when(self, event: Any) -> None:
        match event:
            case e.ProductAdded():
                self.name, self.code, self.series = event.name, event.code, event.series
                self.list_price = event.list_price
            case e.ProductPriceSet():
                self.list_price = event.list_price
            case e.ProductRetired():
                self.status = ProductStatus.RETIRED
            case e.ProductReactivated():
                self.status = ProductStatus.ACTIVE
            case _:
                assert_never(event)


def _require_not_negative(price: Money) -> None:
    if price.amount < 0:
        raise Rejected("product.negative_price", currency=price.currency)
