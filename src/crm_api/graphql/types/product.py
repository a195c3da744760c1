"""The product in answers."""

from __future__ import annotations

import strawberry

from crm_api.graphql.fields import resolver
from crm_api.graphql.reading import Money
from crm_api.graphql.records import RecordKind
from crm_api.graphql.scalars import CurrencyCode
from crm_api.graphql.types.money import MoneyAmount
from crm_api.graphql.types.node import Record
from crm_core.sales.product.product import Product as ProductAggregate
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.tables import PRODUCTS

__all__ = ["PRODUCT", "Product"]


@strawberry.type(description="What is sold.")
class Product(Record):
    KEY = "product_id"

    code: str
    name: str
    series: str | None
    retired: bool = strawberry.field(description="It is sold no more; old lines keep it.")

    @resolver("Its price today.", reads=Money("list_price", "currency"))
    def list_price(self) -> MoneyAmount:
        return MoneyAmount(
            amount=self.row.list_price, currency_code=CurrencyCode(self.row.currency)
        )


PRODUCT = RecordKind(Product, ProductAggregate, SalesPipeline(), PRODUCTS)
