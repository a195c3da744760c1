"""Values that several contexts share: money, e-mail addresses, phone numbers."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Annotated, Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from crm_core.kernel.errors import Invalid, Rejected

__all__ = [
    "Code",
    "CurrencyCode",
    "LongText",
    "Money",
    "Name",
    "ShortText",
    "minor_units",
    "normal_email",
    "normal_phone",
]

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
ShortText = Annotated[str, Meta(min_length=1, max_length=500)]
LongText = Annotated[str, Meta(min_length=1, max_length=20_000)]
Code = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$")]
CurrencyCode = Annotated[str, Meta(pattern="^[A-Z]{3}$")]

# ISO 4217: currencies whose minor unit is not 2 digits.
_MINOR_UNITS = dict.fromkeys(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
     "VUV", "XAF", "XOF", "XPF"), 0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)  # fmt: skip
_SMALLEST = {digits: Decimal(1).scaleb(-digits) for digits in (0, 2, 3)}


def minor_units(currency: str) -> int:
    """Digits after the decimal point that the currency has (ISO 4217)."""
    return _MINOR_UNITS.get(currency, 2)


class Money(Struct, frozen=True, order=False):
    """An amount in one currency, never more digits than the currency has."""

    amount: Decimal
    currency: CurrencyCode

    def __post_init__(self) -> None:
        if not self.amount.is_finite():
            raise Invalid("amount", "must be a finite number")
        rounded = self.rounded(self.amount, self.currency)
        if rounded != self.amount:
            digits = minor_units(self.currency)
            raise Invalid("amount", f"{self.currency} has {digits} digits after the point")
        if abs(rounded) >= 10**15:
            raise Invalid("amount", "must be below 10^15")
        # One amount, one stored form: 10, 10.0 and 1E+1 are all kept as 10.00.
        force_setattr(self, "amount", rounded)

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise Rejected("money.mixed_currencies", left=self.currency, right=other.currency)
        return Money(self.amount + other.amount, self.currency)

    def __mul__(self, factor: Decimal) -> Money:
        """Rounds half to even, to the currency's minor unit."""
        return Money(self.rounded(self.amount * factor, self.currency), self.currency)

    @staticmethod
    def rounded(amount: Decimal, currency: str) -> Decimal:
        try:
            return amount.quantize(_SMALLEST[minor_units(currency)], ROUND_HALF_EVEN)
        except ArithmeticError as error:
            raise Invalid("amount", "must be below 10^15") from error

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(Decimal(0), currency)


def normal_email(address: str) -> str:
    """The form under which an address is unique: RFC 5322 syntax, lower case, IDNA domain."""
    try:
        checked: Any = validate_email(address, check_deliverability=False)
    except EmailNotValidError as error:
        raise Invalid("value", "is not an e-mail address") from error
    return str(checked.normalized).lower()


@lru_cache(maxsize=4096)
def normal_phone(number: str, region: str | None = None) -> str:
    """The number in E.164, such as `+391234567890`; without `+` a region says which country."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException as error:
        raise Invalid("value", "is not a phone number; start with + and country code") from error
    if not phonenumbers.is_possible_number(parsed):
        raise Invalid("value", "is not a possible phone number")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
