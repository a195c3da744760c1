"""Writes many real events fast: products whose prices change. Also as a process of its own:

python -m tests.guarantees.bulk TENANT EVENTS, with the database in CRM_DATABASE_URL
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from tests.crm_core.ledger.contract import command

from crm_core import Money, new_id
from crm_core.kernel.events import Event
from crm_core.ledger.codec import form_of
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.records import Append, Appended, Expected, NewEvent, StreamAppend
from crm_core.sales.product.events import ProductAdded, ProductPriceSet

__all__ = ["ADDED", "ADDED_DATA", "write_products"]

ADDED, _PRICE_SET = ProductAdded.TOPIC, ProductPriceSet.TOPIC
_PRODUCT_EVENTS = 25
_CALL_PRODUCTS = 20
_PRICE = Money(Decimal(10), "EUR")


def _product() -> Append:
    """A product and what its price did: a stream of its own."""
    events = ((ADDED, ADDED_DATA), *[(_PRICE_SET, _PRICE_SET_DATA)] * (_PRODUCT_EVENTS - 1))
    new = tuple(
        NewEvent(event_id=new_id(), type=topic, schema_version=1, data=data)
        for topic, data in events
    )
    return command(StreamAppend("sales.product", uuid4(), Expected.NONE, new))


async def write_products(ledger: Ledger, tenant_id: UUID, events: int) -> None:
    """Appends until there are about so many events; some of what is sent is refused on the way."""
    for _ in range(events // (_PRODUCT_EVENTS * _CALL_PRODUCTS)):
        products = [_product() for _ in range(_CALL_PRODUCTS)]
        outcomes = await ledger.append(tenant_id, [*products, products[0]])
        assert [isinstance(outcome, Appended) for outcome in outcomes] == (
            [True] * _CALL_PRODUCTS + [False]
        )


def _stored(event_class: type[Event], **fields: object) -> bytes:
    event = event_class(
        originator_id=uuid4(), originator_version=1, timestamp=datetime.now(UTC), **fields
    )
    return form_of(event_class).encode(event, uuid4(), uuid4(), None)


ADDED_DATA = _stored(
    ProductAdded,
    originator_topic="sales.product",
    name="Chair",
    code="C-1",
    series=None,
    list_price=_PRICE,
)
_PRICE_SET_DATA = _stored(ProductPriceSet, list_price=_PRICE, from_price=_PRICE)


async def _main(tenant_id: UUID, events: int) -> None:
    ledger = PostgresLedger(await open_pool(os.environ["CRM_DATABASE_URL"], "crm_app"))
    await write_products(ledger, tenant_id, events)
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(_main(UUID(sys.argv[1]), int(sys.argv[2])))
