"""No question tells what the rights do not show: SQL against a reference that knows only rules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.crm_api.random_rights import (
    CUSTOMERS_OF,
    IDS,
    ME,
    OWNERS,
    PEOPLE,
    rights,
    rules,
    shows,
    story,
)

from crm_core import SYSTEM, Crm
from crm_core.access.records import FIELD_GROUPS
from crm_core.access.rights import Circle, Rights, Rule, Scope
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_projections.customer_directory.projection import CUSTOMERS
from crm_projections.reading import (
    All,
    Comparison,
    Either,
    Filter,
    Not,
    Operator,
    Order,
    Reads,
    Sight,
    Window,
)
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner
from crm_projections.sales_pipeline.tables import OPPORTUNITIES
from crm_projections.tables import Table
from crm_projections.task_list.projection import TASKS
from crm_projections.ticket_queue.projection import TICKETS
from crm_projections.timeline.projection import TIMELINE

ROOT_KEY = bytes(range(32))
TABLES: dict[str, tuple[Table[Any], str, str]] = {
    "customer": (CUSTOMERS, "customer_id", "owner_id"),
    "opportunity": (OPPORTUNITIES, "opportunity_id", "owner_id"),
    "ticket": (TICKETS, "ticket_id", "assignee_id"),
    "task": (TASKS, "task_id", "assignee_id"),
}
FIELDS = {  # to filter and sort by: some can be withheld, others not
    "customer": ("email", "annual_revenue", "name", "owner_id"),
    "opportunity": ("amount", "name", "owner_id"),
    "ticket": ("csat_score", "subject", "assignee_id"),
    "task": ("title", "assignee_id"),
}


Question = tuple[str, Filter, tuple[Order, ...]]


@dataclass(frozen=True)
class World:
    """The read models, and all their rows as a program of ours sees them."""

    pool: Pool
    tenant_id: UUID
    rows: dict[str, list[Any]]

    def reads(self, rights: Rights) -> Reads:
        return Reads(self.pool, self.tenant_id, Sight(rights))


@pytest.fixture(scope="module")
async def world(reading_url: str) -> AsyncIterator[World]:
    pool = await open_pool(reading_url, "crm_app")
    projecting = await open_pool(reading_url, "crm_projector")
    async with await Crm.open(reading_url, root_key=ROOT_KEY, tenant="sights") as crm:
        runner = ProjectionRunner(crm.store, projecting, PROJECTIONS)
        await runner.prepare()
        for command in story():
            await crm.execute(command, SYSTEM)
        await runner.catch_up(crm.tenant_id)
        reads = Reads(pool, crm.tenant_id)
        tables = {name: table for name, (table, _, _) in TABLES.items()} | {"timeline": TIMELINE}
        rows = {
            name: (await reads.page(table, Window(first=100))).rows
            for name, table in tables.items()
        }
        assert all(rows.values())
        yield World(pool, crm.tenant_id, rows)
    await pool.close()
    await projecting.close()


# --- the reference --------------------------------------------------------------------------------


def visible(world: World, rights: Rights, kind: str) -> list[Any]:
    """The rows that may be seen, without what may not be seen of them."""
    _, key, owner_field = TABLES[kind]
    found = []
    for row in world.rows[kind]:
        record, owner = getattr(row, key), getattr(row, owner_field)
        if shows(rights, kind, record, owner):
            hidden = {
                field: () if isinstance(getattr(row, field), tuple) else None
                for group, fields in FIELD_GROUPS.get(kind, {}).items()
                if not shows(rights, kind, record, owner, group)
                for field in fields
            }
            found.append(msgspec.structs.replace(row, **hidden))
    return found


def takes(where: Filter, row: Any) -> bool:
    match where:
        case All(parts):
            return all(takes(part, row) for part in parts)
        case Either(parts):
            return any(takes(part, row) for part in parts)
        case Not(part):
            return not takes(part, row)
    value = getattr(row, where.column)
    if where.operator is Operator.IS_NULL:
        return (value is None) is where.value
    if where.operator is Operator.CONTAINS:
        return value is not None and where.value.lower() in value.lower()
    return bool(value is not None and value == where.value)


# --- what is asked --------------------------------------------------------------------------------

kinds = st.sampled_from(sorted(TABLES))


@st.composite
def questions(draw: st.DrawFn) -> Question:
    kind = draw(kinds)
    field = st.sampled_from(FIELDS[kind])

    @st.composite
    def comparisons(draw: st.DrawFn) -> Comparison:
        column = draw(field)
        if draw(st.booleans()):
            return Comparison(column, Operator.IS_NULL, draw(st.booleans()))
        if column.endswith("_id"):
            return Comparison(column, Operator.EQ, draw(st.sampled_from(PEOPLE)))
        if column in ("annual_revenue", "amount", "csat_score"):
            return Comparison(column, Operator.EQ, draw(st.integers(0, 2)))
        return Comparison(column, Operator.CONTAINS, draw(st.sampled_from(["c1", "1", "s", "x"])))

    where = draw(
        st.recursive(
            comparisons(),
            lambda inner: (
                st.lists(inner, max_size=3).map(lambda parts: All(tuple(parts)))
                | st.lists(inner, max_size=3).map(lambda parts: Either(tuple(parts)))
                | inner.map(Not)
            ),
            max_leaves=4,
        )
    )
    order = draw(st.lists(st.builds(Order, field, st.booleans()), max_size=2))
    return kind, where, tuple(order)


def ordered(rows: Sequence[Any], kind: str, order: Sequence[Order]) -> list[Any]:
    """By the asked columns, empty last; then by the key, in the direction of the last column."""
    _, key, _ = TABLES[kind]
    falling = order[-1].descending if order else False
    found = sorted(rows, key=lambda row: getattr(row, key), reverse=falling)
    for by in reversed(order):
        filled = [row for row in found if getattr(row, by.column) is not None]
        empty = [row for row in found if getattr(row, by.column) is None]
        filled.sort(key=lambda row: getattr(row, by.column), reverse=by.descending)
        found = filled + empty
    return found


@settings(max_examples=250)
@given(rights=rights, question=questions())
async def test_lists_counts_filters_and_orders_agree_with_the_rules(
    world: World, rights: Rights, question: Question
) -> None:
    await require_no_leak(world, world.reads(rights), rights, question)


@settings(max_examples=100)
@given(rights=rights, question=questions())
async def test_reaches_over_many_people_agree_with_the_rules_too(
    world: World, rights: Rights, question: Question
) -> None:
    """They are asked for in another form; here each is one over many."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("crm_projections.reading.sights._MANY", 0)
        await require_no_leak(world, world.reads(rights), rights, question)


async def require_no_leak(
    world: World,
    reads: Reads,
    rights: Rights,
    question: Question,
) -> None:
    kind, where, order = question
    table, key, _ = TABLES[kind]
    seen = visible(world, rights, kind)
    taken = [row for row in seen if takes(where, row)]
    page = await reads.page(table, Window(first=100), where=where, order=order)
    assert page.rows == ordered(taken, kind, order)
    assert (await reads.count(table, where)).rows == len(taken)
    ids = [getattr(row, key) for row in world.rows[kind]]
    by_id = {getattr(row, key): row for row in seen}
    assert {getattr(r, key): r for r in await reads.get_many(table, key, ids)} == by_id
    if kind != "customer":
        nested = await reads.pages(
            table, "customer_id", list(CUSTOMERS_OF), Window(first=100), where=where, order=order
        )
        counts = await reads.counts(table, "customer_id", list(CUSTOMERS_OF), where)
        for customer, part in nested.items():
            of = [row for row in taken if row.customer_id == customer]
            assert part.rows == ordered(of, kind, order)
            assert counts[customer].rows == len(of)


@settings(max_examples=100)
@given(rights=rights)
async def test_timelines_agree_with_the_rules(world: World, rights: Rights) -> None:
    owners = {
        getattr(row, key): (kind, getattr(row, owner))
        for kind, (_, key, owner) in TABLES.items()
        for row in world.rows[kind]
    } | {UUID(int=500 + n): ("interaction", o) for n, o in enumerate(CUSTOMERS_OF.values())}
    expected = []
    for row in world.rows["timeline"]:
        kind, owner = owners[row.record_id]
        if shows(rights, kind, row.record_id, owner):
            groups = FIELD_GROUPS.get(kind, {})
            told = all(shows(rights, kind, row.record_id, owner, group) for group in groups)
            expected.append(row if told else msgspec.structs.replace(row, text=None))
    page = await world.reads(rights).page(TIMELINE, Window(first=100))
    assert page.rows == expected


@settings(max_examples=200)
@given(rights=rights, kind=kinds)
async def test_both_readers_of_a_rule_agree(world: World, rights: Rights, kind: str) -> None:
    table, key, owner_field = TABLES[kind]
    by_sql = {getattr(r, key): r for r in (await world.reads(rights).page(
        table, Window(first=100))).rows}  # fmt: skip
    for row in world.rows[kind]:
        record, owner = getattr(row, key), getattr(row, owner_field)
        assert rights.reach(kind).includes(record, owner) == (record in by_sql)
        if record in by_sql:
            hidden = rights.hidden_fields(kind, record, owner)
            differing = {
                name
                for name in table.column_names
                if getattr(row, name) != getattr(by_sql[record], name)
            }
            assert differing <= hidden
            assert not any(getattr(by_sql[record], name) for name in hidden)


@settings(max_examples=200)
@given(rights=rights, more=rules(), kind=kinds)
def test_one_more_rule_takes_nothing_away(rights: Rights, more: Rule, kind: str) -> None:
    wider = Rights((*rights.rules, more), rights.circle)
    for record in IDS:
        for owner in OWNERS:
            if rights.reach(kind).includes(record, owner):
                assert wider.reach(kind).includes(record, owner)
                assert wider.hidden_fields(kind, record, owner) <= rights.hidden_fields(
                    kind, record, owner
                )


# --- planted bugs ---------------------------------------------------------------------------------

OWN_WITHOUT_CONTACT = Rights(
    (Rule(kind="customer", actions=("read",), scope=Scope.OWN, withheld=("contact",)),),
    Circle(own=frozenset({ME})),
)
EVERYBODY: Question = ("customer", All(), ())
HAS_EMAIL: Question = ("customer", Not(Comparison("email", Operator.IS_NULL, True)), ())
BUGS = {
    "rows out of reach": (EVERYBODY, Rule(kind="customer", actions=("read",))),
    "a withheld field": (EVERYBODY, Rule(kind="customer", actions=("read",), scope=Scope.OWN)),
    "a filter by one": (HAS_EMAIL, Rule(kind="customer", actions=("read",), scope=Scope.OWN)),
}


@pytest.mark.parametrize("bug", sorted(BUGS))
async def test_the_comparison_finds(world: World, bug: str) -> None:
    """What is read with wider rights, as a forgotten check would, is not what the rules show."""
    question, rule = BUGS[bug]
    rights = OWN_WITHOUT_CONTACT
    await require_no_leak(world, world.reads(rights), rights, question)
    careless = world.reads(Rights((rule,), rights.circle))
    with pytest.raises(AssertionError):
        await require_no_leak(world, careless, rights, question)
