"""Money in answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

import strawberry

from crm_api.graphql.scalars import CurrencyCode

__all__ = ["MoneyAmount"]


@strawberry.type(name="Money", description="An amount in one currency.")
class MoneyAmount:
    amount: Decimal
    currency_code: CurrencyCode

    @classmethod
    def of(cls, amount: Decimal | None, currency: str | None) -> Self | None:
        if amount is None or currency is None:
            return None
        return cls(amount=amount, currency_code=CurrencyCode(currency))
