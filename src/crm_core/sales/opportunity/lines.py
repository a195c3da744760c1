"""What the lines of an opportunity come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from uuid import UUID

from crm_core.kernel.errors import Rejected
from crm_core.kernel.values import Money
from crm_core.sales.figures import FULL

__all__ = ["Line", "require_amount", "sum_of"]

_EXACT = Context(prec=100)  # more digits than price x quantity x discount can have


@dataclass(frozen=True, slots=True)
class Line:
    """A product at the price it had when the line was made; `discount_percent` is 0 to 100."""

    product_id: UUID
    unit_price: Money
    quantity: Decimal
    discount_percent: Decimal
    tax_code: str | None

    @property
    def total(self) -> Money:
        """Quantity x unit price less the discount, rounded once, half to even."""
        share = _EXACT.divide(_EXACT.subtract(FULL, self.discount_percent), FULL)
        exact = _EXACT.multiply(_EXACT.multiply(self.unit_price.amount, self.quantity), share)
        currency = self.unit_price.currency
        return Money(Money.rounded(exact, currency), currency)


def sum_of(lines: Iterable[Line], currency: str) -> Money:
    """The rounded totals, added: what is printed line by line adds up to the sum exactly."""
    total = Money.zero(currency)
    for line in lines:
        total += line.total
    return total


def require_amount(amount: Money, currency: str) -> None:
    if amount.currency != currency:
        raise Rejected("opportunity.wrong_currency", wanted=currency, given=amount.currency)
    if amount.amount < 0:
        raise Rejected("opportunity.negative_amount", currency=currency)
