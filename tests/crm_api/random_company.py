"""Rows of a made-up company with every kind of gap, straight into the read models."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID, uuid4

import msgspec

from crm_core.ledger.postgres.connections import Pool
from crm_core.sales.pipeline.events import Stage
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_projections.customer_directory.projection import CUSTOMERS
from crm_projections.sales_pipeline.tables import OPPORTUNITIES, PIPELINES, PRODUCTS
from crm_projections.storage import upsert
from crm_projections.tables import Table
from crm_projections.ticket_queue.projection import TICKETS

__all__ = ["ROWS", "TEXTS", "fill", "key"]

ROWS = {CUSTOMERS: 40, OPPORTUNITIES: 60, TICKETS: 60, PRODUCTS: 8, PIPELINES: 4}
FOREIGN = 3
TEXTS = ["", "a", "A", "ä", "Ünï 漢字 🎈", 'q"uo\\te', "tab\tline\n\x01\x7f", "50%_", "null", "{}"]

_TABLES = {"customer": CUSTOMERS, "opportunity": OPPORTUNITIES, "product": PRODUCTS}
_START = datetime(2025, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


def key(table: Table[Any], number: int) -> UUID:
    return UUID(int=(len(table.name) << 64) + number, version=4)


async def fill(pool: Pool, tenant_id: UUID, chance: random.Random) -> None:
    """Some links lead nowhere: what they name is another tenant's."""
    async with pool.connection() as connection:
        for table, number in ROWS.items():
            for tenant, numbers in (
                (tenant_id, range(number)),
                (uuid4(), range(number, number + FOREIGN)),
            ):
                rows = [_row(table, index, chance) for index in numbers]
                statement = upsert(table, table.name)
                await connection.execute(statement, [tenant, *table.arrays_of(rows)])


def _row(table: Table[Any], number: int, chance: random.Random) -> Any:
    made = _struct(table.row, chance)
    return msgspec.structs.replace(made, **{table.key[0]: key(table, number)})


def _struct(of: Any, chance: random.Random) -> Any:
    hints = get_type_hints(of)
    return of(**{name: _value(hints[name], name, chance) for name in of.__struct_fields__})


def _value(of: Any, name: str, chance: random.Random) -> Any:
    if get_origin(of) in (Union, UnionType):
        (of,) = (part for part in get_args(of) if part is not type(None))
        return None if chance.random() < 0.3 else _value(of, name, chance)
    if get_origin(of) is tuple:
        return _tuple(get_args(of), name, chance)
    if issubclass(of, StrEnum):
        return chance.choice(list(of))
    if of is Stage:
        return chance.choice(STANDARD_STAGES)
    if issubclass(of, msgspec.Struct):
        return _struct(of, chance)
    return _SIMPLE[of](name, chance)


def _tuple(parts: Sequence[Any], name: str, chance: random.Random) -> tuple[Any, ...]:
    if parts[-1] is not ...:
        return tuple(_value(part, name, chance) for part in parts)
    return tuple(_value(parts[0], name, chance) for _ in range(chance.choice([0, 0, 1, 3])))


def _uuid(name: str, chance: random.Random) -> UUID:
    """Often of a record that is there."""
    kind = {"parent_id": "customer", "survivor_id": "customer", "organization_id": "customer"}.get(
        name, name.removesuffix("_id")
    )
    table = {"pipeline": PIPELINES, "follow_up_of": TICKETS, **_TABLES}.get(kind, TICKETS)
    return key(table, chance.randrange(ROWS[table] + FOREIGN))


def _moment(_: str, chance: random.Random) -> datetime:
    micro = chance.choice([0, 500_000, 123_456, 10])
    return _START + timedelta(hours=chance.randrange(40), microseconds=micro)


_SIMPLE: dict[type, Any] = {
    UUID: _uuid,
    str: lambda name, chance: "EUR" if "currency" in name else chance.choice(TEXTS),
    int: lambda _, chance: chance.choice([0, 1, 7, 2**31 - 1, -(2**31)] * 20 + [2**31]),
    Decimal: lambda _, chance: Decimal(chance.choice(["0", "1.50", "-3", "0.0000001", "1E+5"])),
    bool: lambda _, chance: chance.random() < 0.5,
    datetime: _moment,
    date: lambda _, chance: date(2025, 1, chance.randrange(1, 29)),
}
