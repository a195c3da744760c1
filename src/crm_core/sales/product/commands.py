"""What can be asked of a product."""

from __future__ import annotations

from uuid import UUID

from msgspec import field

from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import Code, Money, Name, ShortText
from crm_core.sales.product.product import Product


class OnProduct(Command, frozen=True, kw_only=True):
    TARGET = "product_id"


class AddProduct(OnProduct, frozen=True, kw_only=True):
    """Adds a product under a code that no other active product has, at a list price."""

    NAME = "product.add"
    product_id: UUID = field(default_factory=new_id)
    name: Name
    code: Code
    series: ShortText | None = None
    list_price: Money

    async def handle(self, work: Work) -> None:
        work.add(
            Product.add(
                self.product_id,
                work.at,
                name=self.name,
                code=self.code,
                series=self.series,
                list_price=self.list_price,
            )
        )


class SetProductPrice(OnProduct, frozen=True, kw_only=True):
    """Sets the list price of a product; lines that exist keep the price they were made with."""

    NAME = "product.set_price"
    product_id: UUID
    list_price: Money

    async def handle(self, work: Work) -> None:
        (await work.load(Product, self.product_id)).set_price(self.list_price)


class RetireProduct(OnProduct, frozen=True, kw_only=True):
    """Takes a product off sale; old lines keep it."""

    NAME = "product.retire"
    product_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Product, self.product_id)).retire()


class ReactivateProduct(OnProduct, frozen=True, kw_only=True):
    """Puts a retired product on sale again, unless another one has its code by now."""

    NAME = "product.reactivate"
    product_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Product, self.product_id)).reactivate()
