"""A product's rules, as sentences."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from crm_core.kernel.values import Money
from crm_core.sales.product import events as e
from crm_core.sales.product.commands import (
    AddProduct,
    ReactivateProduct,
    RetireProduct,
    SetProductPrice,
)
from crm_core.sales.product.product import Product
from crm_core.testing import Scenario

WIDGET, GADGET = UUID(int=1), UUID(int=2)


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


widget = AddProduct(product_id=WIDGET, name="Widget", code="W-1", series="W", list_price=eur("9.5"))


def test_a_product_is_added_with_its_list_price(scenario: Scenario) -> None:
    scenario.when(widget).then(e.ProductAdded, code="W-1", series="W", list_price=eur("9.50"))


def test_a_code_is_held_by_one_active_product(scenario: Scenario) -> None:
    twin = AddProduct(product_id=GADGET, name="Twin", code="W-1", list_price=eur("1"))
    scenario.given(widget).when(twin)
    scenario.then_rejected("claim.taken", kind="product", holder_id=str(WIDGET))
    scenario.given(RetireProduct(product_id=WIDGET)).when(twin).then(e.ProductAdded)
    scenario.when(ReactivateProduct(product_id=WIDGET))
    scenario.then_rejected("claim.taken", holder_id=str(GADGET))


def test_a_price_says_what_it_was_before(scenario: Scenario) -> None:
    scenario.given(widget).when(SetProductPrice(product_id=WIDGET, list_price=eur("12")))
    scenario.then(e.ProductPriceSet, from_price=eur("9.50"), list_price=eur("12"))
    assert scenario.record(Product, WIDGET).list_price == eur("12")


def test_a_price_is_not_negative(scenario: Scenario) -> None:
    scenario.when(AddProduct(name="Widget", code="W-1", list_price=eur("-1")))
    scenario.then_rejected("product.negative_price")
    scenario.given(widget).when(SetProductPrice(product_id=WIDGET, list_price=eur("-0.01")))
    scenario.then_rejected("product.negative_price")


def test_a_retired_product_takes_no_price_until_it_is_back(scenario: Scenario) -> None:
    price = SetProductPrice(product_id=WIDGET, list_price=eur("12"))
    scenario.given(widget, RetireProduct(product_id=WIDGET)).when(price)
    scenario.then_rejected("product.retired", product_id=str(WIDGET))
    scenario.given(ReactivateProduct(product_id=WIDGET)).when(price).then(e.ProductPriceSet)


def test_saying_what_is_so_already_records_nothing(scenario: Scenario) -> None:
    scenario.given(widget)
    scenario.when(SetProductPrice(product_id=WIDGET, list_price=eur("9.5"))).then_nothing()
    scenario.when(ReactivateProduct(product_id=WIDGET)).then_nothing()
    scenario.given(RetireProduct(product_id=WIDGET))
    scenario.when(RetireProduct(product_id=WIDGET)).then_nothing()
