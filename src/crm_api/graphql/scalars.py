"""The scalars, and in which forms they are taken. What is refused here never reaches a resolver."""

from __future__ import annotations

import decimal
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NewType
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

__all__ = ["SCALARS", "CurrencyCode", "Position", "UserErrorCode"]

Position = NewType("Position", int)
CurrencyCode = NewType("CurrencyCode", str)
UserErrorCode = NewType("UserErrorCode", str)

_POSITION_MAX = 2**63 - 1
_DIGITS_MAX = 40


def _position(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"\d{1,19}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _POSITION_MAX:
        raise GraphQLError("A Position is a whole number from 0.")
    return value


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise GraphQLError(
        "A DateTime is an RFC 3339 moment with its offset, such as 2026-01-31T12:00:00Z."
    )


def _moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _date(value: Any) -> date:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            return date.fromisoformat(value)
    except (TypeError, ValueError):
        pass
    raise GraphQLError("A Date is written as 2026-01-31.")


def _decimal(value: Any) -> Decimal:
    try:
        if isinstance(value, str | int) and not isinstance(value, bool):
            number = Decimal(value)
            if number.is_finite() and _digits(number) <= _DIGITS_MAX:
                return number
    except decimal.InvalidOperation:
        pass
    raise GraphQLError(f'A Decimal is a string of at most {_DIGITS_MAX} digits, such as "1234.50".')


def _digits(number: Decimal) -> int:
    """The digits that the number has when it is written out."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), "it is finite"
    return max(len(digits), -exponent) + max(exponent, 0)


def _decimal_text(number: Decimal) -> str:
    return format(number, "f")


def _uuid(value: Any) -> UUID:
    try:
        return UUID(value)
    except (AttributeError, TypeError, ValueError):
        raise GraphQLError("A UUID is written as 8-4-4-4-12 hexadecimal digits.") from None


def _currency(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch("[A-Z]{3}", value, re.ASCII):
        return value
    raise GraphQLError("A CurrencyCode is three capital letters, such as EUR.")


SCALARS: dict[object, ScalarDefinition] = {
    Position: strawberry.scalar(
        name="Position",
        description="A place in the tenant's ledger, from 1; 0 is before the first event. It comes"
        " as a JSON number and is taken as a number or a string of digits.",
        serialize=int,
        parse_value=_position,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment, RFC 3339 with its offset; comes in UTC with `Z`.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_moment_text,
        parse_value=_moment,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day of the calendar, such as 2026-01-31.",
        serialize=date.isoformat,
        parse_value=_date,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="A decimal number as a string, so that nothing is rounded on the way.",
        serialize=_decimal_text,
        parse_value=_decimal,
    ),
    UUID: strawberry.scalar(
        name="UUID",
        description="A universally unique identifier.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc9562",
        serialize=str,
        parse_value=_uuid,
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description="An ISO 4217 code, such as EUR.",
        serialize=str,
        parse_value=_currency,
    ),
    UserErrorCode: strawberry.scalar(
        name="UserErrorCode",
        description="Names the rule that refused, such as `customer.archived`. It never changes;"
        " programs branch on it.",
        serialize=str,
        parse_value=str,
    ),
}
