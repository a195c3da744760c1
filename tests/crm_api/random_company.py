"""Rows of a made-up company with every kind of gap, straight into the read models."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID, uuid4

import msgspec
import psycopg

from crm_core.ledger.postgres.connections import Pool
from crm_core.sales.pipeline.events import Stage
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_projections.customer_directory.projection import CUSTOMERS
from crm_projections.sales_pipeline.tables import (
    OPPORTUNITIES,
    OPPORTUNITY_PERIODS,
    PIPELINES,
    PRODUCTS,
)
from crm_projections.storage import upsert
from crm_projections.tables import Table
from crm_projections.task_list.projection import TASKS
from crm_projections.ticket_queue.projection import TICKET_PERIODS, TICKETS

__all__ = ["PLAIN", "ROWS", "Company", "fill", "key"]

ROWS = {CUSTOMERS: 40, OPPORTUNITIES: 60, TICKETS: 60, TASKS: 60, PRODUCTS: 8, PIPELINES: 4}
PERIODS = {OPPORTUNITY_PERIODS: OPPORTUNITIES, TICKET_PERIODS: TICKETS}  # for the reports
FOREIGN = 3
TEXTS = ["", "a", "A", "ä", "Ünï 漢字 🎈", 'q"uo\\te', "tab\tline\n\x01\x7f", "50%_", "null", "{}"]

_TABLES = {"customer": CUSTOMERS, "opportunity": OPPORTUNITIES, "product": PRODUCTS}
_START = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Company:
    """What tells one company's rows from those of another: the ids, and the words in them."""

    series: int = 0
    texts: Sequence[str] = tuple(TEXTS)

    def key(self, table: Table[Any], number: int) -> UUID:
        return UUID(int=(len(table.name) << 64) + (self.series << 32) + number, version=4)

    def own_keys(self) -> Iterator[UUID]:
        """Those of its own rows."""
        return (self.key(table, n) for table, number in ROWS.items() for n in range(number))


PLAIN = Company()
key = PLAIN.key


async def fill(
    pool: Pool, tenant_id: UUID, chance: random.Random, company: Company = PLAIN
) -> None:
    """Some links lead nowhere: what they name is another tenant's."""
    made = _Making(chance, company)
    async with pool.connection() as connection:
        for table, number in ROWS.items():
            for tenant, numbers in (
                (tenant_id, range(number)),
                (uuid4(), range(number, number + FOREIGN)),
            ):
                rows = [made.row(table, index) for index in numbers]
                await _write(connection, table, tenant, rows)
        for table, of in PERIODS.items():
            for tenant in (tenant_id, uuid4()):
                periods = [made.period(table, of, index) for index in range(ROWS[of])]
                await _write(connection, table, tenant, periods)


async def _write(
    connection: psycopg.AsyncConnection[Any], table: Table[Any], tenant_id: UUID, rows: list[Any]
) -> None:
    await connection.execute(upsert(table, table.name), [tenant_id, *table.arrays_of(rows)])


@dataclass(frozen=True)
class _Making:
    chance: random.Random
    company: Company

    def row(self, table: Table[Any], number: int) -> Any:
        made = self._struct(table.row)
        return msgspec.structs.replace(made, **{table.key[0]: self.company.key(table, number)})

    def period(self, table: Table[Any], of: Table[Any], number: int) -> Any:
        """How a record has always been, by what the reports know."""
        always = {"recorded_from": 1, "recorded_to": None, "effective_to": None}
        own = {table.key[0]: self.company.key(of, number), **always}
        return msgspec.structs.replace(self._struct(table.row), **own)

    def _struct(self, of: Any) -> Any:
        hints = get_type_hints(of)
        return of(**{name: self._value(hints[name], name) for name in of.__struct_fields__})

    def _value(self, of: Any, name: str) -> Any:
        chance = self.chance
        if get_origin(of) in (Union, UnionType):
            (of,) = (part for part in get_args(of) if part is not type(None))
            return None if chance.random() < 0.3 else self._value(of, name)
        if get_origin(of) is tuple:
            return self._tuple(get_args(of), name)
        if issubclass(of, StrEnum):
            return chance.choice(list(of))
        if of is Stage:
            return chance.choice(STANDARD_STAGES)
        if issubclass(of, msgspec.Struct):
            return self._struct(of)
        if of is UUID:
            return self._link(name)
        if of is str:
            return "EUR" if "currency" in name else chance.choice(self.company.texts)
        return _SIMPLE[of](chance)

    def _tuple(self, parts: Sequence[Any], name: str) -> tuple[Any, ...]:
        if parts[-1] is not ...:
            return tuple(self._value(part, name) for part in parts)
        return tuple(self._value(parts[0], name) for _ in range(self.chance.choice([0, 0, 1, 3])))

    def _link(self, name: str) -> UUID:
        """Often of a record that is there."""
        kind = {
            "parent_id": "customer", "survivor_id": "customer", "organization_id": "customer",
        }.get(name, name.removesuffix("_id"))  # fmt: skip
        table = {"pipeline": PIPELINES, "follow_up_of": TICKETS, **_TABLES}.get(kind, TICKETS)
        return self.company.key(table, self.chance.randrange(ROWS[table] + FOREIGN))


def _moment(chance: random.Random) -> datetime:
    micro = chance.choice([0, 500_000, 123_456, 10])
    return _START + timedelta(hours=chance.randrange(40), microseconds=micro)


_SIMPLE: dict[type, Callable[[random.Random], Any]] = {
    int: lambda chance: chance.choice([0, 1, 7, 2**31 - 1, -(2**31)] * 20 + [2**31]),
    Decimal: lambda chance: Decimal(chance.choice(["0", "1.50", "-3", "0.0000001", "1E+5"])),
    bool: lambda chance: chance.random() < 0.5,
    datetime: _moment,
    date: lambda chance: date(2025, 1, chance.randrange(1, 29)),
}
