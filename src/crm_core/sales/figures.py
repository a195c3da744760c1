"""Numbers that the sales records share: percentages and quantities, each in one stored form."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from crm_core.kernel.errors import Invalid

__all__ = ["FULL", "ZERO", "percentage", "positive_quantity"]

ZERO: Final = Decimal(0)
FULL: Final = Decimal(100)
_DIGITS_MAX = 6  # after the point; more would be lost in money anyway
_QUANTITY_MAX = Decimal(10**9)


def percentage(value: Decimal, path: str) -> Decimal:
    """The value, 0 to 100. Raises Invalid under the path of the field it came from."""
    plain = _plain(value, path)
    if not ZERO <= plain <= FULL:
        raise Invalid(path, "must be between 0 and 100")
    return plain


def positive_quantity(value: Decimal, path: str) -> Decimal:
    """The value, above 0 and up to 10^9. Raises Invalid under the path of its field."""
    plain = _plain(value, path)
    if not ZERO < plain <= _QUANTITY_MAX:
        raise Invalid(path, "must be above 0 and at most 10^9")
    return plain


def _plain(value: Decimal, path: str) -> Decimal:
    """One number, one stored form: 10, 10.0 and 1E+1 are all kept as 10."""
    if not value.is_finite():
        raise Invalid(path, "must be a finite number")
    if value and not -_DIGITS_MAX <= value.adjusted() <= _QUANTITY_MAX.adjusted():
        raise Invalid(path, "is out of range")
    short = value.normalize()
    if short != value or int(short.as_tuple().exponent) < -_DIGITS_MAX:
        raise Invalid(path, f"has at most {_DIGITS_MAX} digits after the point")
    return short + ZERO  # writes out the zeros that an exponent stands for, and loses the sign of 0
