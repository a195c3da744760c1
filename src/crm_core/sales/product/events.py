"""What can happen to a product."""

from __future__ import annotations

from crm_core.kernel.events import Created, Event
from crm_core.kernel.values import Money


class ProductAdded(Created):
    TOPIC = "sales.product.added"
    name: str
    code: str
    series: str | None
    list_price: Money


class ProductPriceSet(Event):
    TOPIC = "sales.product.price_set"
    list_price: Money
    from_price: Money


class ProductRetired(Event):
    TOPIC = "sales.product.retired"


class ProductReactivated(Event):
    TOPIC = "sales.product.reactivated"
