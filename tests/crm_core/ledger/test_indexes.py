"""Every reader of a large ledger is led by an index: it never goes through the whole tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.selecting import page_query
from crm_core.ledger.selection import Selection

HERE, THERE = UUID(int=0xA), UUID(int=0xB)
RARE = UUID(int=7)
EVENTS, SELECTED = 50_000, 50

# Every thousandth event here is what is looked for. There, where it must mislead nobody, every
# second one is: what is rare in one tenant can be common in the database.
_FILL = """
insert into ledger.event (tenant_id, position, event_id, stream_type, stream_id, version, type,
    schema_version, recorded_at, actor_kind, actor_id, command_id, correlation_id, subject_ids,
    tags, data)
select %(tenant)s, n, gen_random_uuid(), 'any.kind',
       case when rare then %(rare)s else md5(n::text)::uuid end, case when rare then n else 1 end,
       case when rare then 'sales.quote.sent'
            else 'service.ticket.' || (array['opened', 'moved', 'closed'])[n %% 3 + 1] end,
       1, now(), 'SYSTEM', 'crm', gen_random_uuid(),
       case when rare then %(rare)s else md5('c' || n)::uuid end,
       case when rare and n %% 3 = 0 then array[md5('s' || n %% 500)::uuid, %(rare)s]
            when rare then array[%(rare)s] else array[md5('s' || n %% 500)::uuid] end,
       case when rare then array['vip'] when n %% 2 = 1 then array['late'] else '{}' end, '{}'
  from generate_series(1, %(events)s) as n, lateral (select n %% %(each)s = 0 as rare) as which
"""

SELECTIONS = {
    "a type": Selection(types=["sales.quote.sent"]),
    "a category": Selection(categories=["sales.quote"]),
    "a context": Selection(categories=["sales"]),
    "a tag": Selection(tags=["vip"]),
    "a subject": Selection(subject_id=RARE),
    "a journey": Selection(correlation_id=RARE),
    "a record": Selection(stream_id=RARE),
    "a type and a subject": Selection(types=["sales.quote.sent"], subject_id=RARE),
}


@pytest.fixture(scope="module")
def large(postgres: EmbeddedPostgres, migrated: str) -> Iterator[psycopg.Connection[Any]]:
    """Two large ledgers in one table, and its statistics."""
    with psycopg.connect(postgres.url(), autocommit=True) as owner:
        owner.execute(f"create database large template {migrated}")
        with psycopg.connect(postgres.url("large"), autocommit=True) as connection:
            for tenant, each in ((HERE, EVENTS // SELECTED), (THERE, 2)):
                rare = RARE if tenant == HERE else UUID(int=8)
                connection.execute(
                    _FILL, {"tenant": tenant, "rare": rare, "each": each, "events": EVENTS}
                )
            connection.execute("vacuum analyze ledger.event")
            yield connection
        owner.execute("drop database large with (force)")


def touched(plan: dict[str, Any]) -> int:
    """How many rows the plan has taken from the events' table and its indexes."""
    below = sum(touched(part) for part in plan.get("Plans", ()))
    if "Scan" not in plan["Node Type"] or plan.get("Alias") in ("found", "wanted"):
        return below
    dropped = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    rows: int = round((plan["Actual Rows"] + dropped) * plan["Actual Loops"])
    return below + rows


def looked_at(connection: psycopg.Connection[Any], selection: Selection) -> int:
    """How many rows PostgreSQL has touched for a page of what is selected; all of it is found."""
    query = page_query(HERE, selection, after=0, up_to=EVENTS, limit=2_000)
    assert len(connection.execute(*query, prepare=False).fetchall()) == SELECTED
    explain = f"explain (analyze, format json) {query.text}"
    ((found,),) = connection.execute(explain, query.parameters, prepare=False).fetchall()
    return touched(found[0]["Plan"])


@pytest.mark.parametrize("selected", SELECTIONS)
def test_what_is_rare_is_found_without_a_look_at_the_rest(
    large: psycopg.Connection[Any], selected: str
) -> None:
    assert looked_at(large, SELECTIONS[selected]) < 10 * SELECTED


@pytest.mark.parametrize(
    ("index", "selected"),
    [
        ("event_type", "a type"),
        ("event_correlation", "a journey"),
        ("event_subject", "a subject"),
        ("event_subjects", "a subject"),
        ("event_tags", "a tag"),
    ],
)
def test_each_index_is_needed(large: psycopg.Connection[Any], index: str, selected: str) -> None:
    with large.transaction(force_rollback=True):
        large.execute(f"drop index ledger.{index}")
        assert looked_at(large, SELECTIONS[selected]) > EVENTS / 10
