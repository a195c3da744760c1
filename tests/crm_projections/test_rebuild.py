"""A read model is filled again beside the one that serves, by one worker or several."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from crm_core import Crm, RecordedEvent, Rejected, SetupError
from crm_core.embedded import EmbeddedPostgres
from crm_core.engagement import InteractionChannel, InteractionDirection, LogInteraction
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_core.replay import replay
from crm_projections import checkpoints
from crm_projections.digest import digest_of
from crm_projections.projection import project
from crm_projections.rebuilding import Processes, Rebuild
from crm_projections.rebuilding.parts import begin_rebuild, claim_part
from crm_projections.registry import PROJECTIONS
from crm_projections.rows import Rows
from crm_projections.runner import ProjectionRunner
from crm_projections.tables import Table
from projecting import ADA, Tally, Visits, fill, folded, somebody, tell

ROOT_KEY = bytes(range(32))  # that of the fixtures


async def visit(crm: Crm, times: int) -> None:
    await tell(
        crm,
        *(
            LogInteraction(
                customer_id=ADA,
                channel=InteractionChannel.CALL,
                direction=InteractionDirection.INBOUND,
                subject=f"call {number}",
            )
            for number in range(times)
        ),
    )


@pytest.fixture
async def past(crm: Crm, runner: ProjectionRunner, monkeypatch: pytest.MonkeyPatch) -> Crm:
    """A CRM whose read models are up to date; rebuilds cut its ledger into small parts."""
    monkeypatch.setattr("crm_projections.rebuilding.parts.PART_EVENTS", 20)
    monkeypatch.setattr("crm_projections.rebuilding.loading._PAGE_EVENTS", 7)
    await fill(crm, people=10)
    await visit(crm, 5)
    await runner.catch_up(crm.tenant_id)
    return crm


async def test_a_rebuild_makes_the_same_rows_each_time(
    past: Crm, projector: Pool, runner: ProjectionRunner
) -> None:
    for _ in range(3):
        rebuilt = await Rebuild(past.store, projector, PROJECTIONS).run()
        assert [of.comparison and of.comparison.differing for of in rebuilt] == [0] * len(
            PROJECTIONS
        )
        assert await runner.digests(past.tenant_id) == await folded(past)


async def test_a_rebuild_mends_and_counts_what_somebody_changed(
    past: Crm, projector: Pool, runner: ProjectionRunner
) -> None:
    async with projector.connection() as connection:
        await connection.execute("update read_model.customer set name = 'M' where name = 'Ada'")
        await connection.execute("delete from read_model.customer where name = 'Acme'")
    (rebuilt,) = await Rebuild(past.store, projector, PROJECTIONS[:1]).run()
    assert rebuilt.comparison is not None
    assert (rebuilt.comparison.rows, rebuilt.comparison.differing) == (13, 2)
    assert await runner.digests(past.tenant_id) == await folded(past)


async def test_verifying_tells_and_changes_nothing(
    past: Crm, projector: Pool, runner: ProjectionRunner
) -> None:
    verified = await Rebuild(past.store, projector, PROJECTIONS).verify(past.tenant_id)
    expected = await folded(past)
    assert {of.projection: of.comparison and of.comparison.digests for of in verified} == {
        name: (digest, digest) for name, digest in expected.items()
    }
    async with projector.connection() as connection:
        await connection.execute("update read_model.ticket set subject = 'M'")
    (ticket,) = await Rebuild(past.store, projector, PROJECTIONS[2:3]).verify(past.tenant_id)
    assert ticket.comparison is not None
    assert ticket.comparison.differing == 10
    assert ticket.comparison.digests is not None
    live, fresh = ticket.comparison.digests
    assert (live != expected["ticket_queue"], fresh) == (True, expected["ticket_queue"])
    assert (await runner.digests(past.tenant_id))["ticket_queue"] == live


async def test_a_rebuild_goes_on_under_writes_and_is_compared_all_the_same(
    past: Crm, projector: Pool, runner: ProjectionRunner
) -> None:
    keeping = asyncio.create_task(runner.run())
    rebuilding = asyncio.create_task(Rebuild(past.store, projector, PROJECTIONS).run())
    number = 0
    async with asyncio.timeout(120):
        while not rebuilding.done():
            await tell(past, *somebody(f"w{number}"))
            number += 1
    assert [of.comparison and of.comparison.differing for of in await rebuilding] == [0] * len(
        PROJECTIONS
    )
    await runner.wait_for(past.tenant_id, await past.position(), seconds=20)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert await runner.digests(past.tenant_id) == await folded(past)


async def test_rows_of_many_streams_are_filled_in_the_ledgers_order(
    past: Crm, projector: Pool
) -> None:
    kept = [Visits(), Tally()]
    runner = ProjectionRunner(past.store, projector, kept)
    await runner.prepare()
    await runner.catch_up(past.tenant_id)
    rebuilt = await Rebuild(past.store, projector, kept).run()
    assert [of.comparison and of.comparison.differing for of in rebuilt] == [0, 0]
    assert await runner.digests(past.tenant_id) == await folded(past, kept)


async def test_every_tenant_is_rebuilt(
    past: Crm, projector: Pool, runner: ProjectionRunner
) -> None:
    other = Crm(past.store.ledger, past.store.keyring, tenant="other")
    await tell(other, *somebody("ada"))
    await runner.catch_up(other.tenant_id)
    await Rebuild(past.store, projector, PROJECTIONS).run()
    for crm in (past, other):
        assert await runner.digests(crm.tenant_id) == await folded(crm)


async def test_what_was_skipped_is_left_out_of_a_rebuild_too(
    past: Crm, projector: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stumbling(Tally):
        name = "stumbling"
        tables = (Table("stumbling", Tally.tables[0].row, key=("record_id",)),)

        def apply(self, event: RecordedEvent, rows: Rows) -> None:
            if event.position == 9:
                raise ValueError
            super().apply(event, rows)

    # Its rows are in the table of its own name.
    monkeypatch.setattr("projecting.TALLY", Stumbling.tables[0])
    kept = [Stumbling()]
    runner = ProjectionRunner(past.store, projector, kept)
    await runner.prepare()
    await runner.catch_up(past.tenant_id)
    with pytest.raises(SetupError) as stopped:
        await Rebuild(past.store, projector, kept).run()
    assert stopped.value.code == "projection.poisoned"
    assert stopped.value.parameters["position"] == 9
    async with projector.connection() as connection:
        await checkpoints.skip(
            connection, past.tenant_id, "stumbling", 9, reason="a bug", decided_by="ops"
        )
    await runner.catch_up(past.tenant_id)
    (rebuilt,) = await Rebuild(past.store, projector, kept).run()
    assert rebuilt.comparison is not None
    assert rebuilt.comparison.differing == 0
    events = [event async for page in past.events() for event in page]
    explained = [event for event in events if event.position != 9]
    assert await runner.digests(past.tenant_id) == {
        "stumbling": digest_of(kept[0], project(kept[0], explained))
    }


async def test_two_rebuilds_of_one_read_model_do_not_mix(past: Crm, projector: Pool) -> None:
    async with projector.connection() as connection:
        await begin_rebuild(connection, uuid4(), PROJECTIONS[:2])
    with pytest.raises(Rejected) as refused:
        await Rebuild(past.store, projector, PROJECTIONS[1:3]).run()
    assert refused.value.code == "projection.rebuild_running"
    await Rebuild(past.store, projector, PROJECTIONS[2:]).run()


async def test_nobody_fills_parts_of_a_rebuild_that_nobody_tends(
    past: Crm, projector: Pool
) -> None:
    rebuild_id = uuid4()
    async with projector.connection() as connection:
        await begin_rebuild(connection, rebuild_id, PROJECTIONS[:1])
        assert await claim_part(connection, rebuild_id, "worker") is not None
        await connection.execute("update read_model.rebuild set tended_until = '-infinity'")
        assert await claim_part(connection, rebuild_id, "worker") is None


@pytest.fixture
def fresh_urls(postgres: EmbeddedPostgres, migrated: str) -> Iterator[list[str]]:
    names = [f"fresh_{uuid4().hex}" for _ in range(2)]
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        for name in names:
            connection.execute(f"create database {name} template {migrated}")
        yield [postgres.url(name) for name in names]
        for name in names:
            connection.execute(f"drop database {name} with (force)")


async def test_a_ledger_makes_equal_digests_in_two_fresh_databases(
    past: Crm, fresh_urls: Sequence[str]
) -> None:
    """G11, but for other versions of PostgreSQL and Python."""
    digests = []
    for url in fresh_urls:
        digests.append(await replayed_digests(past, url))
    assert digests == [await folded(past)] * len(fresh_urls)


async def replayed_digests(source: Crm, url: str) -> dict[str, str]:
    pool = await open_pool(url, "crm_projector", size=6)
    async with await Crm.open(url, root_key=ROOT_KEY) as crm:
        await replay(source.store, crm.store, source.tenant_id, up_to=await source.position())
        runner = ProjectionRunner(crm.store, pool, PROJECTIONS)
        await runner.prepare()
        await Rebuild(crm.store, pool, PROJECTIONS).run()
        digests = await runner.digests(crm.tenant_id)
    await pool.close()
    return digests


# --- processes of their own -----------------------------------------------------------------------


async def test_two_worker_processes_make_the_same_rows_as_one(
    past: Crm, projector: Pool, runner: ProjectionRunner, database_url: str
) -> None:
    seen = []
    processes = Processes(database_url, ROOT_KEY, projector, workers=2)
    await Rebuild(
        past.store,
        projector,
        PROJECTIONS,
        load=processes.load,
        progress=lambda done, total: seen.append((done, total)),
    ).run()
    assert await runner.digests(past.tenant_id) == await folded(past)
    assert len(processes.peaks_bytes) == 2
    assert seen[-1][0] == seen[-1][1] > 0


async def test_a_killed_worker_process_is_replaced(
    past: Crm,
    projector: Pool,
    runner: ProjectionRunner,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def remembered(*args: Any, **named: Any) -> asyncio.subprocess.Process:
        begun.append(await start(*args, **named))
        if len(begun) == 1:
            begun[0].send_signal(signal.SIGKILL)
        return begun[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", remembered)
    processes = Processes(database_url, ROOT_KEY, projector, workers=1)
    await Rebuild(past.store, projector, PROJECTIONS, load=processes.load).run()
    assert len(begun) == 2
    assert await runner.digests(past.tenant_id) == await folded(past)


async def test_a_worker_process_says_what_it_cannot_do(
    past: Crm, projector: Pool, database_url: str
) -> None:
    processes = Processes(database_url, ROOT_KEY, projector, workers=1)
    kept = [Tally()]
    with pytest.raises(SetupError) as refused:
        await Rebuild(past.store, projector, kept, load=processes.load).run()
    assert refused.value.code == "projection.unknown"
    assert "entry point" in refused.value.remedy
