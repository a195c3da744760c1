"""A search of a big trail asks an index, whatever it is by: seen in the plans of its statements."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from crm_core.kernel.ids import tenant_id_of
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_projections.audit_trail import search
from crm_projections.audit_trail.projection import AUDIT, AuditTrail
from crm_projections.audit_trail.search import search_filter
from crm_projections.generations import prepare
from crm_projections.reading import All, Comparison, Filter, Operator, Order, Reads, Window

ENTRIES = 120_000
OURS, OTHER = tenant_id_of("main"), tenant_id_of("other")
ANNA = UUID(int=7)
OF_ENTRY_4711 = {
    name: UUID(int=4711 * 10 + place)
    for place, name in enumerate(["record_id", "subject_id", "command_id", "correlation_id"])
}
PAGES_MAX = 1_000  # of the database's, for words, a page and a count; the trail has thousands

# Two tenants' entries in turns: 41 types, users and an importer, and an import of 49 files.
_FILL = """
insert into read_model.audit__1 (tenant_id, position, event_id, type, record_type, record_id,
    subject_id, version, recorded_at, happened_at, actor_kind, actor_id, on_behalf_of, command_id,
    correlation_id, causation_id, reason, source)
select (%(tenants)s::uuid[])[1 + n %% 2], n, md5(n::text)::uuid,
       case when n = 4711 then 'sales.opportunity.reopened'
            else 'customers.customer.fact_' || n %% 40 end,
       'customers.customer',
       lpad(to_hex(n * 10), 32, '0')::uuid, lpad(to_hex(n * 10 + 1), 32, '0')::uuid, 1,
       '2026-01-01Z'::timestamptz + n * interval '1 minute',
       '2026-01-01Z'::timestamptz + n * interval '1 minute',
       'USER', case when n %% 50 = 0 then lpad(to_hex(n %% 1000), 32, '0') else 'importer' end,
       case when n %% 997 = 0 then %(anna)s end,
       lpad(to_hex(n * 10 + 2), 32, '0')::uuid, lpad(to_hex(n * 10 + 3), 32, '0')::uuid, null,
       case when n %% 3 = 0 then 'import:erp:people_' || n %% 49 || '.csv:' || n end,
       case when n %% 3 = 0 then 'import:erp:people_' || n %% 49 || '.csv' end
  from generate_series(1, %(entries)s) as n
"""


class Explained(Reads):
    """Keeps how each statement about the trail was executed."""

    def __init__(self, pool: Pool, tenant_id: UUID) -> None:
        super().__init__(pool, tenant_id)
        self.plans: list[dict[str, Any]] = []

    async def _fetch(
        self, statement: sql.Composed, parameters: Sequence[Any]
    ) -> list[tuple[Any, ...]]:
        asked = sql.SQL("explain (analyze, buffers, format json) ") + statement
        async with self._pool.connection() as connection:
            found = await connection.execute(asked, parameters)
            ((plan,),) = await found.fetchall()
        self.plans.append((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"])
        return await super()._fetch(statement, parameters)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def pages_read(plans: Sequence[dict[str, Any]]) -> int:
    return sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans)


@pytest.fixture(scope="module")
def filled(shared_database_url: str) -> str:
    """A big trail, of which another tenant has the entries with even positions."""
    asyncio.run(prepared(shared_database_url))
    with psycopg.connect(shared_database_url, autocommit=True) as owner:
        owner.execute(_FILL, {"tenants": [OTHER, OURS], "entries": ENTRIES, "anna": str(ANNA)})
        owner.execute("vacuum analyze read_model.audit__1")
    return shared_database_url


async def prepared(url: str) -> None:
    pool = await open_pool(url, "crm_projector", size=1)
    async with pool.connection() as connection:
        await prepare(connection, [AuditTrail()])
    await pool.close()


@pytest.fixture
async def trail(filled: str) -> AsyncIterator[Explained]:
    """The trail, asked from behind the wall between tenants."""
    pool = await open_pool(filled, "crm_tenant", tenant_id=OURS, size=1)
    yield Explained(pool, OURS)
    await pool.close()


async def asked(trail: Explained, *where: Filter) -> list[int]:
    """The positions on the first page and the number of all, as the door asks for them."""
    filtered, order = All(where), (Order("position", descending=True),)
    page = await trail.page(AUDIT, Window(first=50), where=filtered, order=order)
    await trail.count(AUDIT, filtered)
    return [row.position for row in page.rows]


def assert_by_index(trail: Explained) -> None:
    scans = [node for plan in trail.plans for node in nodes(plan)]
    assert "Seq Scan" not in {node["Node Type"] for node in scans if "audit" in str(node)}
    assert pages_read(trail.plans) < PAGES_MAX


@pytest.mark.parametrize(
    ("column", "operator", "value"),
    [
        *((name, Operator.EQ, value) for name, value in OF_ENTRY_4711.items()),
        ("type", Operator.EQ, "sales.opportunity.reopened"),
        ("recorded_at", Operator.LT, "2026-01-01T00:02:00Z"),
        ("on_behalf_of", Operator.EQ, str(ANNA)),
        ("source", Operator.EQ, "import:erp:people_17.csv"),
    ],
)
async def test_each_structured_filter_has_its_index(
    trail: Explained, column: str, operator: Operator, value: Any
) -> None:
    found = await asked(trail, Comparison(column, operator, value))
    assert found
    assert_by_index(trail)


@pytest.mark.parametrize(
    ("words", "positions"),
    [
        ("REOPENED", [4711]),
        (str(OF_ENTRY_4711["command_id"]), [4711]),
        ("anna", [n for n in range(ENTRIES, 0, -1) if n % 997 == 0 and n % 2][:50]),
        ("anna nobody", []),
        ("people_17.csv:213", [213]),
        ("people_17.csv:66", []),  # the other tenant's
        ("importer reopened", [4711]),
        ("5f2c9e08-6f0b-4f43-9a5b-5d6f3a0f1c11", []),
    ],
)
async def test_words_are_looked_up_by_indexes(
    trail: Explained, words: str, positions: list[int]
) -> None:
    where = await search_filter(trail, words, (), {ANNA: "Anna Rossi"})
    assert await asked(trail, where) == positions
    assert_by_index(trail)


@pytest.mark.parametrize("word", ["fact_1", "IMPORT", "People_4", ".csv", "opportunity.", "zz"])
async def test_what_is_looked_up_is_what_looking_through_all_entries_finds(
    trail: Explained, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    looked_up = await search_filter(trail, word, (), {})
    monkeypatch.setattr(search, "VALUES_MAX", 0)
    looked_through = await search_filter(trail, word, (), {})
    assert looked_up != looked_through
    both = [await trail.count(AUDIT, where) for where in (looked_up, looked_through)]
    assert both[0] == both[1]
    pages = [await asked(trail, where) for where in (looked_up, looked_through)]
    assert pages[0] == pages[1]


async def test_a_search_that_compares_words_with_each_entry_is_found(
    trail: Explained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: as if there were too many different values to know."""
    monkeypatch.setattr(search, "VALUES_MAX", 0)
    where = await search_filter(trail, "reopened", (), {})
    assert await asked(trail, where) == [4711]
    with pytest.raises(AssertionError):
        assert_by_index(trail)
