"""What goes into PostgreSQL in its binary format comes out as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct

from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.arrays import (
    BOOL,
    DATE,
    INT8,
    JSONB,
    NUMERIC,
    TEXT,
    TIMESTAMPTZ,
    UUIDS,
    BinaryArray,
    ElementType,
    register_arrays,
)
from crm_core.ledger.postgres.connections import Pool
from crm_projections.generations import State, add_generation
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.storage import copy_rows, upsert
from crm_projections.tables import Row, Table

moments = st.datetimes(timezones=st.just(UTC))
amounts = st.decimals(allow_nan=False, allow_infinity=False).filter(
    lambda d: d.adjusted() < 100 and -100 < d.as_tuple().exponent < 100  # type: ignore[operator]
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@pytest.fixture(scope="module")
def connection(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.url(), autocommit=True, options="-c timezone=UTC") as opened:
        register_arrays(opened.adapters)
        yield opened


def there_and_back(
    connection: psycopg.Connection, of: ElementType, values: Sequence[Any]
) -> list[Any]:
    found = connection.execute(
        "select value from unnest(%s) with ordinality as v (value, place) order by place",
        [BinaryArray(of, values)],
    )
    return [value for (value,) in found]


@pytest.mark.parametrize(
    ("of", "values"),
    [
        (UUIDS, st.uuids()),
        (TEXT, texts),
        (INT8, st.integers(-(2**63), 2**63 - 1)),
        (BOOL, st.booleans()),
        (DATE, st.dates()),
        (TIMESTAMPTZ, moments),
        (JSONB, st.recursive(st.none() | texts | st.integers(-(2**40), 2**40), st.lists)),
    ],
    ids=["uuid", "text", "int8", "bool", "date", "timestamptz", "jsonb"],
)
def test_a_column_comes_back_as_it_was(
    connection: psycopg.Connection, of: ElementType, values: st.SearchStrategy[Any]
) -> None:
    @given(st.lists(st.none() | values, max_size=40))
    def check(column: list[Any]) -> None:
        assert there_and_back(connection, of, column) == column

    check()


@given(column=st.lists(st.none() | amounts, max_size=40))
@example(column=[Decimal("0"), Decimal("0.00"), Decimal("-0.0001"), Decimal("1E+5"), Decimal("1.0"),
                 Decimal("1.00"), Decimal("10000"), Decimal("99999999.9999")])  # fmt: skip
def test_an_amount_comes_back_with_all_its_digits(
    connection: psycopg.Connection, column: list[Decimal | None]
) -> None:
    digits = [None if amount is None else f"{abs(amount) if amount == 0 else amount:f}"
              for amount in column]  # fmt: skip
    back = there_and_back(connection, NUMERIC, column)
    assert [None if amount is None else f"{amount:f}" for amount in back] == digits


def test_what_is_no_number_is_no_amount() -> None:
    with pytest.raises(ValueError, match="NaN"):
        NUMERIC.encode(Decimal("NaN"))


# --- rows -----------------------------------------------------------------------------------------


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


class Part(Struct, frozen=True):
    name: str
    price: Decimal


class ThingRow(Row, frozen=True, kw_only=True):
    thing_id: UUID
    name: str
    colour: Colour
    second_colour: Colour | None = None
    size: int | None
    price: Decimal | None
    is_new: bool
    made_on: date | None
    seen_at: datetime
    tags: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    whole: Part | None = None


THINGS = Table("thing", ThingRow, key=("thing_id",))


class Things(Projection):
    name = "things"
    tables = (THINGS,)

    def apply(self, event: Any, rows: Rows) -> None: ...


def thing(number: int) -> ThingRow:
    odd = number % 2 == 1
    return ThingRow(
        thing_id=UUID(int=number),
        name=f"tab\tline\n\\ “{number}” é",
        colour=Colour.RED if odd else Colour.BLUE,
        second_colour=Colour.RED if odd else None,
        size=number if odd else None,
        price=Decimal("12.50") if odd else None,
        is_new=odd,
        made_on=date(1999, 12, 31) if odd else None,
        seen_at=datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC),
        tags=("a", "b") if odd else (),
        parts=(Part("bolt", Decimal("0.10")),) * number,
        whole=Part("all", Decimal(1)) if odd else None,
    )


@pytest.mark.parametrize("by", ["copying", "inserting"])
async def test_rows_come_back_as_they_were(projector: Pool, by: str) -> None:
    rows, tenant_id = [thing(number) for number in range(10)], uuid4()
    state = State.LOADING if by == "copying" else State.FILLING
    async with projector.connection() as connection:
        generation = await add_generation(connection, Things(), state)
        name = generation.physical(THINGS)
        if by == "copying":
            await copy_rows(connection, generation, THINGS, [THINGS.copied(tenant_id, rows)])
        else:
            for written in (rows[:7], rows[3:]):  # some of them twice
                parameters = [tenant_id, *THINGS.arrays_of(written)]
                await connection.execute(upsert(THINGS, name), parameters)
        for columns, read in (
            (THINGS.selected_sql, THINGS.rows_of),
            (", ".join(THINGS.column_names), lambda found: list(map(THINGS.row_of, found))),
        ):
            found = await connection.execute(
                f"select {columns} from read_model.{name} where tenant_id = %s order by thing_id",
                [tenant_id],
                binary=True,
            )
            assert read(await found.fetchall()) == rows
