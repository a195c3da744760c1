"""The read side's generic questions, over a table of made-up rows in a real database."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_core import CrmError, tenant_id_of
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_projections.reading import (
    PAGE_MAX,
    All,
    Comparison,
    Either,
    Filter,
    Not,
    Operator,
    Order,
    Page,
    Reads,
    Window,
    list_of,
)
from crm_projections.storage import upsert
from crm_projections.tables import Row, Table

TENANT = tenant_id_of("reading")
OTHER = tenant_id_of("somebody else")
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


class Thing(Row, frozen=True, kw_only=True):
    thing_id: UUID
    group_id: int
    name: str | None
    size: int | None
    price: Decimal | None
    made_at: datetime
    colour: Colour
    tags: tuple[str, ...]


THINGS = Table("thing", Thing, key=("thing_id",), indexes=("made_at, thing_id",))

things = st.lists(
    st.builds(
        Thing,
        thing_id=st.uuids(version=4),
        group_id=st.integers(1, 3),
        name=st.none() | st.sampled_from(["a", "A", "ab", "é", "100%", "_", "\\"]),
        size=st.none() | st.integers(-2, 2),
        price=st.none() | st.sampled_from([Decimal("1.10"), Decimal("-3"), Decimal("1.1")]),
        made_at=st.integers(0, 3).map(lambda hours: START + timedelta(hours=hours)),
        colour=st.sampled_from(Colour),
        tags=st.lists(st.sampled_from(["x", "y"]), unique=True).map(tuple),
    ),
    max_size=25,
    unique_by=lambda thing: thing.thing_id,
)
orders = st.lists(
    st.builds(
        Order,
        st.sampled_from(["name", "size", "price", "made_at", "colour", "thing_id"]),
        st.booleans(),
    ),
    max_size=3,
).map(tuple)

Fill = Callable[[Sequence[Thing]], Awaitable[None]]


@pytest.fixture(scope="module")
async def pools(reading_url: str) -> AsyncIterator[tuple[Pool, Pool]]:
    app, projector = (
        await open_pool(reading_url, "crm_app"),
        await open_pool(reading_url, "crm_projector"),
    )
    async with projector.connection() as connection:
        for statement in THINGS.make_sql("thing"):
            await connection.execute(cast("Any", statement))
    yield app, projector
    await app.close()
    await projector.close()


@pytest.fixture(scope="module")
def reads(pools: tuple[Pool, Pool]) -> Reads:
    return Reads(pools[0], TENANT)


@pytest.fixture(scope="module")
def fill(pools: tuple[Pool, Pool]) -> Fill:
    """Makes these the tenant's only things; another tenant has one too."""

    async def filled(rows: Sequence[Thing]) -> None:
        foreign = thing(name="foreign")
        async with pools[1].connection() as connection:
            await connection.execute("delete from read_model.thing")
            for tenant, things in ((OTHER, [foreign]), (TENANT, rows)):
                if things:
                    parameters = [tenant, *THINGS.arrays_of(things)]
                    await connection.execute(upsert(THINGS, THINGS.name), parameters)

    return filled


def thing(**fields: Any) -> Thing:
    made = {
        "thing_id": uuid4(),
        "group_id": 1,
        "name": None,
        "size": None,
        "price": None,
        "made_at": START,
        "colour": Colour.RED,
        "tags": (),
    }
    return Thing(**(made | fields))


async def walked(reads: Reads, size: int, backwards: bool, **query: Any) -> list[Thing]:
    """All rows in the list's order, page by page from one end to the other."""
    found: list[Thing] = []
    cursor = None
    for _ in range(100):
        window = Window(last=size, before=cursor) if backwards else Window(first=size, after=cursor)
        page: Page[Thing] = await reads.page(THINGS, window, **query)
        found = [*page.rows, *found] if backwards else [*found, *page.rows]
        if not (page.has_previous if backwards else page.has_next):
            return found
        cursor = page.cursors[0 if backwards else -1]
    raise AssertionError("the walk does not end")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=things, order=orders, size=st.integers(1, 9), backwards=st.booleans())
async def test_any_walk_visits_each_row_exactly_once_in_order(
    reads: Reads, fill: Fill, rows: list[Thing], order: tuple[Order, ...], size: int,
    backwards: bool,
) -> None:  # fmt: skip
    await fill(rows)
    whole = (await reads.page(THINGS, Window(first=100), order=order)).rows
    assert {row.thing_id for row in whole} == {row.thing_id for row in rows}
    assert await walked(reads, size, backwards, order=order) == whole
    for before, after in pairwise(whole):
        assert in_order(before, after, order)


def in_order(before: Thing, after: Thing, order: tuple[Order, ...]) -> bool:
    """Judged in Python, apart from text, whose order is the database's."""
    for column, descending in ((o.column, o.descending) for o in order):
        one, two = getattr(before, column), getattr(after, column)
        if column in {"name", "colour"} or one == two:
            if one == two or (one is not None and two is not None):
                if one == two:
                    continue
                return True
            return two is None
        if one is None or two is None:
            return two is None
        return bool(one > two if descending else one < two)
    return True


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=things, order=orders, size=st.integers(0, 4), backwards=st.booleans())
async def test_pages_of_many_lists_are_the_pages_of_each(
    reads: Reads, fill: Fill, rows: list[Thing], order: tuple[Order, ...], size: int,
    backwards: bool,
) -> None:  # fmt: skip
    await fill(rows)
    window = Window(last=size) if backwards else Window(first=size)
    red = Comparison("colour", Operator.EQ, Colour.RED)
    many = await reads.pages(THINGS, "group_id", [1, 2, 4], window, where=red, order=order)
    counts = await reads.counts(THINGS, "group_id", [1, 2, 4], red)
    assert set(many) == set(counts) == {1, 2, 4}
    for group, page in many.items():
        where = list_of("group_id", group, red)
        assert page == await reads.page(THINGS, window, where=where, order=order)
        assert counts[group] == await reads.count(THINGS, where)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=things, column=st.sampled_from(["name", "size", "made_at"]), most=st.integers(0, 6))
async def test_the_values_of_a_column_are_those_that_its_rows_have(
    reads: Reads, fill: Fill, rows: list[Thing], column: str, most: int
) -> None:
    await fill(rows)
    held = {getattr(row, column) for row in rows} - {None}
    found = await reads.values(THINGS, column, most)
    assert found is None if len(held) > most else found == sorted(held)


def holds(where: Filter, row: Thing) -> bool:
    """The filter's meaning, in Python."""
    match where:
        case All(parts):
            return all(holds(part, row) for part in parts)
        case Either(parts):
            return any(holds(part, row) for part in parts)
        case Not(part):
            return not holds(part, row)
    held, value = getattr(row, where.column), where.value
    match where.operator:
        case Operator.IS_NULL:
            return (held is None) is value
        case Operator.EQ if value is None:
            return held is None
        case Operator.CONTAINS if isinstance(held, tuple):
            return value in held
        case _ if held is None:
            return False
        case Operator.CONTAINS:
            return value.lower() in held.lower()
        case Operator.IN:
            return held in value
        case Operator.EQ:
            return bool(held == value)
        case Operator.LT:
            return bool(held < value)
        case Operator.LTE:
            return bool(held <= value)
        case Operator.GT:
            return bool(held > value)
        case _:
            return bool(held >= value)


signs = st.sampled_from([Operator.EQ, Operator.LT, Operator.LTE, Operator.GT, Operator.GTE])
filters = st.recursive(
    st.builds(Comparison, st.just("size"), signs, st.integers(-2, 2))
    | st.builds(Comparison, st.just("price"), signs, st.just(Decimal("1.1")))
    | st.builds(Comparison, st.just("made_at"), signs, st.just(START + timedelta(hours=1)))
    | st.builds(
        Comparison, st.just("size"), st.just(Operator.IN), st.lists(st.integers(-2, 2)).map(tuple)
    )
    | st.builds(
        Comparison,
        st.just("name"),
        st.just(Operator.CONTAINS),
        st.sampled_from(["a", "%", "_", "\\", "'; drop table read_model.thing; --"]),
    )
    | st.builds(Comparison, st.just("tags"), st.just(Operator.CONTAINS), st.just("x"))
    | st.builds(Comparison, st.just("name"), st.just(Operator.IS_NULL), st.booleans())
    | st.builds(Comparison, st.just("name"), st.just(Operator.EQ), st.sampled_from([None, "a"]))
    | st.builds(Comparison, st.just("colour"), st.just(Operator.EQ), st.sampled_from(Colour)),
    lambda parts: (
        st.lists(parts, max_size=3).map(lambda given: All(tuple(given)))
        | st.lists(parts, max_size=3).map(lambda given: Either(tuple(given)))
        | parts.map(Not)
    ),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=things, where=filters)
async def test_a_filter_takes_the_rows_that_its_meaning_takes(
    reads: Reads, fill: Fill, rows: list[Thing], where: Filter
) -> None:
    await fill(rows)
    page = await reads.page(THINGS, Window(first=100), where=where)
    expected = {row.thing_id for row in rows if holds(where, row)}
    assert {row.thing_id for row in page.rows} == expected
    assert (await reads.count(THINGS, where)).rows == len(expected)


async def test_rows_are_found_by_key_and_by_a_column(reads: Reads, fill: Fill) -> None:
    one, two = thing(group_id=1), thing(group_id=2)
    await fill([one, two])
    assert await reads.get(THINGS, one.thing_id) == one
    assert await reads.get(THINGS, uuid4()) is None
    assert await reads.get_many(THINGS, "group_id", [2, 3]) == [two]


async def test_a_tenant_sees_no_row_of_another(reads: Reads, fill: Fill) -> None:
    await fill([])
    everything = await reads.page(THINGS, Window(first=100))
    assert everything.rows == []
    assert (await reads.count(THINGS)).rows == 0


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ({}, "paging.size_missing"),
        ({"first": 1, "last": 1}, "paging.first_and_last"),
        ({"first": -1}, "paging.size_negative"),
        ({"last": PAGE_MAX + 1}, "paging.size_too_large"),
    ],
)
def test_a_page_has_one_size_within_its_limit(window: dict[str, int], code: str) -> None:
    with pytest.raises(CrmError) as refused:
        Window(**cast("Any", window))
    assert refused.value.code == code


async def test_a_cursor_serves_only_its_own_query(reads: Reads, fill: Fill) -> None:
    await fill([thing(size=1), thing(size=2)])
    page = await reads.page(THINGS, Window(first=1), order=(Order("size"),))
    cursor = page.cursors[0]
    for query in (
        {"order": (Order("size", descending=True),)},
        {"order": (Order("name"),)},
        {"order": (Order("size"),), "where": Comparison("size", Operator.GT, 0)},
    ):
        with pytest.raises(CrmError) as refused:
            await reads.page(THINGS, Window(first=1, after=cursor), **cast("Any", query))
        assert refused.value.code == "paging.cursor_of_another_query"


@pytest.mark.parametrize(
    "values", [None, b"", b"[]", b'"x"', b'["DIGEST"]', b'["DIGEST","a","b"]', b"\xff", b"[[[["]
)
async def test_a_broken_cursor_is_refused(reads: Reads, fill: Fill, values: bytes | None) -> None:
    await fill([thing(size=1)])
    page = await reads.page(THINGS, Window(first=1), order=(Order("size"),))
    digest = base64.urlsafe_b64decode(page.cursors[0] + "==").split(b'"')[1]
    raw = None if values is None else values.replace(b"DIGEST", digest)
    cursor = "ünreadable" if raw is None else base64.urlsafe_b64encode(raw).decode()
    with pytest.raises(CrmError) as refused:
        await reads.page(THINGS, Window(first=1, after=cursor), order=(Order("size"),))
    assert refused.value.code in {"paging.bad_cursor", "paging.cursor_of_another_query"}


@pytest.mark.parametrize(
    ("where", "code"),
    [
        (Comparison("nothing; --", Operator.EQ, 1), "query.unknown_column"),
        (Comparison("size", Operator.CONTAINS, "1"), "query.operator_not_for_column"),
        (Comparison("name", Operator.EQ, "a\0b"), "command.invalid"),
        (Either(tuple([Comparison("size", Operator.EQ, 1)] * 151)), "query.filter_too_large"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(
    reads: Reads, where: Filter, code: str
) -> None:
    with pytest.raises(CrmError) as refused:
        await reads.count(THINGS, where)
    assert refused.value.code == code


async def test_structured_columns_have_no_order(reads: Reads) -> None:
    with pytest.raises(CrmError) as refused:
        await reads.page(THINGS, Window(first=1), order=(Order("tags"),))
    assert refused.value.code == "query.not_sortable"


async def test_beyond_ten_thousand_a_count_says_at_least(
    reads: Reads, pools: tuple[Pool, Pool]
) -> None:
    insert = (
        "insert into read_model.thing (tenant_id, thing_id, group_id, made_at, colour, tags)"
        " select %s, gen_random_uuid(), 1, now(), 'RED', '[]' from generate_series(1, 10001)"
    )
    async with pools[1].connection() as connection:
        await connection.execute("delete from read_model.thing")
        await connection.execute(insert, [TENANT])
    many = await reads.count(THINGS)
    assert (many.rows, many.is_exact) == (10_000, False)
