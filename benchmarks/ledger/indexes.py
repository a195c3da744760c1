"""What the indexes for readers cost an append, and what they give: the figures of decision 0011.

Appends: groups of 50 events of 60 types, each with a subject and a journey of its own, inserted by
one connection, with each index alone, all, and none. Reads: the first page of what one event in
10,000 is, through the ledger, in one tenant of 300,000 events, with the indexes and without.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.postgres.migrate import migrate
from crm_core.ledger.selection import Selection

SECONDS, ROUNDS = 3.0, 3
GROUP, EVENTS, EACH = 50, 300_000, 10_000
TENANT, RARE = UUID(int=1), UUID(int=2)
FOR_READERS = ("event_type", "event_correlation", "event_subject", "event_subjects", "event_tags")

_INSERT = """
insert into ledger.event (tenant_id, position, event_id, stream_type, stream_id, version, type,
    schema_version, recorded_at, actor_kind, actor_id, command_id, correlation_id, subject_ids,
    tags, data)
select %(tenant)s, n, gen_random_uuid(), 'a.b', case when rare then %(rare)s else md5(n::text)::uuid
       end, n, case when rare then 'rare.kind.seen' else 'a.b.kind_' || n %% 60 end, 1, now(),
       'SYSTEM', 'crm', id, case when rare then %(rare)s else id end,
       array[case when rare then %(rare)s else md5('s' || n %% 10000)::uuid end],
       case when rare then array['rare'] when n <= %(tagged)s and n %% 2 = 0 then array['usual']
            else '{}' end, convert_to(repeat('x', 400), 'UTF8')
  from generate_series(%(first)s::bigint, %(last)s) as n,
       lateral (select %(tagged)s > 0 and n %% %(each)s = 0 as rare, uuidv7() as id) as made
"""
SELECTIONS = {
    "type": Selection(types=["rare.kind.seen"]),
    "category": Selection(categories=["rare"]),
    "journey": Selection(correlation_id=RARE),
    "subject": Selection(subject_id=RARE),
    "tag": Selection(tags=["rare"]),
    "record": Selection(stream_id=RARE),
}
Connection = psycopg.Connection[tuple[Any, ...]]


def insert(connection: Connection, first: int, last: int, *, tagged: int = 0) -> None:
    """Events of these positions; up to `tagged` every second one has a tag, and some are rare."""
    connection.execute(
        _INSERT,
        {"tenant": TENANT, "rare": RARE, "first": first, "last": last, "each": EACH,
         "tagged": tagged},
    )  # fmt: skip


def drop(connection: Connection, *kept: str) -> None:
    for index in FOR_READERS:
        if index not in kept:
            connection.execute(f"drop index ledger.{index}")


def appending(server: EmbeddedPostgres, owner: Connection) -> None:
    """Events a second and bytes of WAL an event, by the indexes that are there."""
    variants = {"none": (), "type": ("event_type",), "journey": ("event_correlation",),
                "subject": ("event_subject", "event_subjects"), "all": FOR_READERS}  # fmt: skip
    rates: dict[str, list[float]] = {name: [] for name in variants}
    written: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, kept in variants.items():
            owner.execute("create database variant template migrated")
            with psycopg.connect(server.url("variant"), autocommit=True) as connection:
                drop(connection, *kept)
                insert(connection, 1, 50_000)
                owner.execute("checkpoint")
                before = _wal(connection)
                started, last = time.perf_counter(), 50_000
                while time.perf_counter() - started < SECONDS:
                    insert(connection, last + 1, last + GROUP)
                    last += GROUP
                rates[name].append((last - 50_000) / (time.perf_counter() - started))
                written[name] = (_wal(connection) - before) / (last - 50_000)
            owner.execute("drop database variant with (force)")
    print("| indexes for readers | events/s | WAL, bytes/event |\n|---|---|---|")
    for name, seen in rates.items():
        print(f"| {name} | {statistics.median(seen):,.0f} | {written[name]:,.0f} |")


def _wal(connection: Connection) -> float:
    ((bytes_,),) = connection.execute("select pg_current_wal_insert_lsn() - '0/0'").fetchall()
    return float(bytes_)


async def reading(server: EmbeddedPostgres, owner: Connection) -> None:
    """Milliseconds of a page of 30 events among 300,000."""
    taken: dict[str, list[float]] = {name: [] for name in SELECTIONS}
    owner.execute("create database variant template migrated")
    with psycopg.connect(server.url("variant"), autocommit=True) as connection:
        insert(connection, 1, EVENTS, tagged=EVENTS)
        connection.execute("insert into ledger.head values (%s, %s, now())", [TENANT, EVENTS])
        for dropped in (False, True):
            if dropped:
                drop(connection)
            connection.execute("vacuum analyze ledger.event")
            ledger = PostgresLedger(await open_pool(server.url("variant"), "crm_app"))
            for name, selection in SELECTIONS.items():
                samples = []
                for _ in range(9):
                    started = time.perf_counter()
                    page = await ledger.page(TENANT, after=0, limit=200, selection=selection)
                    samples.append(time.perf_counter() - started)
                    assert len(page) == EVENTS // EACH
                taken[name].append(statistics.median(samples) * 1000)
            await ledger.close()
    print("\n| a page by | with the indexes, ms | without, ms |\n|---|---|---|")
    for name, (with_them, without) in taken.items():
        print(f"| {name} | {with_them:.1f} | {without:.1f} |")


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    folder.chmod(0o755)
    try:
        with (
            EmbeddedPostgres.start(folder / "data") as server,
            psycopg.connect(server.url(), autocommit=True) as owner,
        ):
            owner.execute("create database migrated")
            asyncio.run(migrate(server.url("migrated")))
            appending(server, owner)
            asyncio.run(reading(server, owner))
    finally:
        shutil.rmtree(folder)


main()
