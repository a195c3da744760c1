"""Filters and orders as arguments: a comparator for each form of value, and/or/not around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, ClassVar, Generic, TypeVar

import strawberry

from crm_api.graphql.errors import ErrorCode, Refused
from crm_api.graphql.ids import required_uuid
from crm_projections.reading import All, Comparison, Either, Filter, Not, Operator, Order

__all__ = [
    "BooleanComparator", "Comparator", "DateComparator", "DateTimeComparator", "DecimalComparator",
    "EnumComparator", "IDComparator", "IntComparator", "ListComparator", "OrderDirection",
    "StringComparator", "Where", "filter_of", "order_of",
]  # fmt: skip


class Comparator:
    """Its fields are operators; all that are given must hold."""

    def comparisons(self, column: str) -> Iterator[Filter]:
        for operator in Operator:
            name = _ATTRIBUTES.get(operator, operator.value)
            value = getattr(self, name, strawberry.UNSET)
            if value is strawberry.UNSET:
                continue
            if value is None:  # a forgotten variable must not widen the list
                raise Refused(ErrorCode.BAD_USER_INPUT, "query.null_comparison", column=column)
            yield Comparison(column, operator, self.taken(value))

    def taken(self, value: Any) -> Any:
        """The value as its column has it."""
        return tuple(value) if isinstance(value, list) else value


_ATTRIBUTES = {Operator.IN: "in_", Operator.IS_NULL: "is_null"}


def _in() -> Any:
    return strawberry.field(name="in", default=strawberry.UNSET)


def _null() -> Any:
    return strawberry.field(
        default=strawberry.UNSET, description="Whether there is no value at all."
    )


@strawberry.input(description="What a text must be like.")
class StringComparator(Comparator):
    eq: str | None = strawberry.UNSET
    in_: list[str] | None = _in()
    contains: str | None = strawberry.field(
        default=strawberry.UNSET, description="It has this part, in upper or lower case."
    )
    is_null: bool | None = _null()


@strawberry.input(description="What must be on a list of texts.")
class ListComparator(Comparator):
    contains: str | None = strawberry.field(
        default=strawberry.UNSET, description="It has exactly this item."
    )


@strawberry.input(description="Which record it must be; bare UUIDs are taken too.")
class IDComparator(Comparator):
    eq: strawberry.ID | None = strawberry.UNSET
    in_: list[strawberry.ID] | None = _in()
    is_null: bool | None = _null()

    def taken(self, value: Any) -> Any:
        match value:
            case str():
                return required_uuid(value)
            case list():
                return tuple(map(required_uuid, value))
            case _:
                return value


@strawberry.input(description="What a moment must be like.")
class DateTimeComparator(Comparator):
    eq: datetime | None = strawberry.UNSET
    lt: datetime | None = strawberry.UNSET
    lte: datetime | None = strawberry.UNSET
    gt: datetime | None = strawberry.UNSET
    gte: datetime | None = strawberry.UNSET
    is_null: bool | None = _null()


@strawberry.input(description="What a day must be like.")
class DateComparator(Comparator):
    eq: date | None = strawberry.UNSET
    lt: date | None = strawberry.UNSET
    lte: date | None = strawberry.UNSET
    gt: date | None = strawberry.UNSET
    gte: date | None = strawberry.UNSET
    is_null: bool | None = _null()


@strawberry.input(description="What a whole number must be like.")
class IntComparator(Comparator):
    eq: int | None = strawberry.UNSET
    in_: list[int] | None = _in()
    lt: int | None = strawberry.UNSET
    lte: int | None = strawberry.UNSET
    gt: int | None = strawberry.UNSET
    gte: int | None = strawberry.UNSET
    is_null: bool | None = _null()


@strawberry.input(description="What a decimal number must be like.")
class DecimalComparator(Comparator):
    eq: Decimal | None = strawberry.UNSET
    lt: Decimal | None = strawberry.UNSET
    lte: Decimal | None = strawberry.UNSET
    gt: Decimal | None = strawberry.UNSET
    gte: Decimal | None = strawberry.UNSET
    is_null: bool | None = _null()


@strawberry.input(description="Whether it must be so.")
class BooleanComparator(Comparator):
    eq: bool | None = strawberry.UNSET


E = TypeVar("E", bound=StrEnum)


@strawberry.input(name="Comparator", description="Which of its values it must have.")
class EnumComparator(Comparator, Generic[E]):
    eq: E | None = strawberry.UNSET
    in_: list[E] | None = _in()


class Where:
    """A filter: its fields are columns with comparators; all of them must hold."""

    # Fields that are not named as their columns.
    COLUMNS: ClassVar[dict[str, str]] = {}

    def filter(self) -> Filter:
        parts: list[Filter] = []
        for name in _names(type(self)):
            value = getattr(self, name)
            if value is strawberry.UNSET or value is None:
                continue
            match name:
                case "and_":
                    parts.extend(part.filter() for part in value)
                case "or_":
                    parts.append(Either(tuple(part.filter() for part in value)))
                case "not_":
                    parts.append(Not(value.filter()))
                case _:
                    parts.extend(value.comparisons(self.COLUMNS.get(name, name)))
        return All(tuple(parts))


def _names(of: Any) -> tuple[str, ...]:
    return tuple(field.python_name for field in of.__strawberry_definition__.fields)


def filter_of(where: Where | None) -> Filter:
    return where.filter() if where else All()


@strawberry.enum(description="Which end of an order comes first. Empty values are always last.")
class OrderDirection(Enum):
    ASC = "ASC"
    DESC = "DESC"


def order_of(orders: Sequence[Any] | None, default: Order) -> tuple[Order, ...]:
    """The asked order: inputs with a `field`, an enum of columns, and a `direction`."""
    if not orders:
        return (default,)
    return tuple(
        Order(asked.field.value, descending=asked.direction is OrderDirection.DESC)
        for asked in orders
    )
