"""What Officine Faro sells, and the pipeline through which it sells it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from crm_core.demo.staff import ANNA
from crm_core.demo.story import Story
from crm_core.kernel.values import Money
from crm_core.sales.pipeline.commands import RenameStage, SetStageProbability
from crm_core.sales.pipeline.standard import standard_pipeline
from crm_core.sales.product.commands import AddProduct, RetireProduct, SetProductPrice

__all__ = ["OFFER", "Offered", "list_price", "money", "tell_offer"]


class Offered(NamedTuple):
    code: str
    name: str
    series: str
    euros: int


OFFER: Final = {
    offered.code: offered
    for offered in (
        Offered("LAN-1", "Lanterna 1, one group", "Lanterna", 3_900),
        Offered("LAN-2", "Lanterna 2, two groups", "Lanterna", 6_800),
        Offered("LAN-3", "Lanterna 3, three groups", "Lanterna", 9_400),
        Offered("LAN-C", "Lanterna Classica, two groups, lever", "Lanterna", 7_950),
        Offered("SEC-2", "Secca 2, bean to cup", "Secca", 8_600),
        Offered("MOL-1", "Molo grinder", "Molo", 1_150),
        Offered("MOL-S", "Molo Silenzioso grinder", "Molo", 1_590),
        Offered("BOA-8", "Boa water softener, 8 litres", "Boa", 340),
        Offered("ORM-1", "Ormeggio: delivery, installation and a day of training", "Service", 650),
        Offered("CAN-12", "Cantiere: a year of maintenance", "Service", 890),
        Offered("KIT-G", "Gasket and shower kit", "Parts", 58),
        Offered("KIT-S", "Steam wand kit", "Parts", 124),
    )
}

# Units of each currency for one euro, as the company's own price lists have it.
_PRICE_LISTS: Final = {"EUR": "1", "GBP": "0.86", "USD": "1.1", "SEK": "11.3", "NOK": "11.6",
                       "CNY": "7.8", "JPY": "162"}  # fmt: skip


def money(euros: int, currency: str) -> Money:
    """The price in another currency, to ten units, as price lists are printed."""
    if currency == "EUR":
        return Money(Decimal(euros), currency)
    return Money((euros * Decimal(_PRICE_LISTS[currency]) / 10).quantize(Decimal(1)) * 10, currency)


def list_price(code: str, currency: str) -> Money:
    return money(OFFER[code].euros, currency)


def tell_offer(story: Story) -> None:
    """Set up on the first day; half-way prices rise, a stage is renamed, a hope is corrected."""
    for number, offered in enumerate(OFFER.values()):
        story.tell(
            0.2 + 0.01 * number,
            None,
            AddProduct(
                product_id=story.id("product", offered.code),
                name=offered.name,
                code=offered.code,
                series=offered.series,
                list_price=Money(Decimal(offered.euros), "EUR"),
            ),
        )
    pipeline_id = story.id("pipeline")
    story.tell(0.4, None, standard_pipeline(pipeline_id, "Machines and service"))

    renamed = RenameStage(pipeline_id=pipeline_id, stage_id="engaging", name="Tasting")
    story.tell(88.3, ANNA, renamed, reason="nobody-buys-untasted")
    sobered = SetStageProbability(
        pipeline_id=pipeline_id, stage_id="negotiation", probability=Decimal(70)
    )
    story.tell(96.2, ANNA, sobered, reason="won-14-of-20")
    for number, (code, euros) in enumerate((("LAN-1", 4_050), ("LAN-3", 9_750), ("CAN-12", 940))):
        story.tell(
            101.1 + 0.01 * number,
            ANNA,
            SetProductPrice(
                product_id=story.id("product", code), list_price=Money(Decimal(euros), "EUR")
            ),
        )
    retired = RetireProduct(product_id=story.id("product", "LAN-C"))
    story.tell(140.4, ANNA, retired, reason="lever-not-cast-any-more")
