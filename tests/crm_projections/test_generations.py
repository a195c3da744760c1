"""A new version fills beside the old one, takes over, and can be sent back (G17)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from crm_core import Crm, RecordedEvent, Rejected
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_projections import generations
from crm_projections.customer_directory.projection import CustomerDirectory
from crm_projections.generations import State
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.runner import ProjectionRunner
from crm_projections.tables import Row, Table
from projecting import Tally, fill, folded, somebody, tell


class WeightedRow(Row, frozen=True, kw_only=True):
    record_id: UUID
    events: int
    versions: int


WEIGHTED = Table("tally", WeightedRow, key=("record_id",))


class NextTally(Projection):
    """The next version of Tally: its rows have another shape, under the same name."""

    name = "tally"
    version = 2
    tables = (WEIGHTED,)
    by_stream = True

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        before = rows.get(WEIGHTED, event.record_id)
        rows.put(
            WEIGHTED,
            WeightedRow(
                record_id=event.record_id,
                events=1 + (before.events if before else 0),
                versions=event.version + (before.versions if before else 0),
            ),
        )


@asynccontextmanager
async def running(*runners: ProjectionRunner) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(runner.run()) for runner in runners]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def keeper(crm: Crm, pool: Pool, projection: Projection) -> ProjectionRunner:
    made = ProjectionRunner(crm.store, pool, [projection])
    await made.prepare()
    return made


async def generations_now(pool: Pool, name: str = "tally") -> list[tuple[int, int, State]]:
    async with pool.connection() as connection:
        found = await generations.generations_of(connection, [name])
    return [(g.number, g.version, g.state) for g in found]


async def columns_shown(pool: Pool) -> list[str]:
    async with pool.connection() as connection:
        cursor = await connection.execute("select * from read_model.tally limit 0")
        assert cursor.description is not None
        return [column.name for column in cursor.description]


async def test_a_first_generation_serves_at_once(crm: Crm, projector: Pool) -> None:
    await keeper(crm, projector, Tally())
    assert await generations_now(projector) == [(1, 1, State.LIVE)]
    assert await columns_shown(projector) == ["tenant_id", "record_id", "events"]


async def test_a_raised_version_fills_beside_the_old_one_and_takes_over(
    crm: Crm, projector: Pool
) -> None:
    await fill(crm, people=3)
    old = await keeper(crm, projector, Tally())
    await old.catch_up(crm.tenant_id)
    new = await keeper(crm, projector, NextTally())
    assert await generations_now(projector) == [(1, 1, State.LIVE), (2, 2, State.FILLING)]
    assert "versions" not in await columns_shown(projector)
    (at,) = await new.status()
    assert at.version == 1
    assert at.rebuild is not None
    assert (at.rebuild.version, at.rebuild.position) == (2, 0)
    await new.catch_up(crm.tenant_id)
    assert await generations_now(projector) == [(1, 1, State.KEPT), (2, 2, State.LIVE)]
    assert "versions" in await columns_shown(projector)
    assert await new.digests(crm.tenant_id) == await folded(crm, [NextTally()])


async def test_who_reads_sees_no_position_go_back_at_a_switch(crm: Crm, projector: Pool) -> None:
    old, new = await keeper(crm, projector, Tally()), None
    await fill(crm, people=3)
    await old.catch_up(crm.tenant_id)
    new = await keeper(crm, projector, NextTally())
    await new._turn()  # has caught up, but does not serve yet
    await tell(crm, *somebody("late"))
    await old.catch_up(crm.tenant_id)
    await new._take_over()
    await new.wait_for(crm.tenant_id, await crm.position(), seconds=0.01)
    assert await generations_now(projector) == [(1, 1, State.KEPT), (2, 2, State.LIVE)]
    assert await new.digests(crm.tenant_id) == await folded(crm, [NextTally()])


async def test_workers_of_two_versions_at_once_under_writes(crm: Crm, projector: Pool) -> None:
    await fill(crm, people=2)
    old = await keeper(crm, projector, Tally())
    async with running(old):
        for number in range(5):
            await tell(crm, *somebody(f"before{number}"))
        new = await keeper(crm, projector, NextTally())
        async with running(new):
            number = 0
            async with asyncio.timeout(60):
                while (2, 2, State.LIVE) not in await generations_now(projector):
                    await tell(crm, *somebody(f"during{number}"))  # none may be refused
                    number += 1
            for number in range(5):
                await tell(crm, *somebody(f"after{number}"))
            await new.wait_for(crm.tenant_id, await crm.position(), seconds=20)
    await old.catch_up(crm.tenant_id)  # a worker of the old release, which is not gone yet
    assert await new.digests(crm.tenant_id) == await folded(crm, [NextTally()])
    assert await old.digests(crm.tenant_id) == await folded(crm, [Tally()])


async def test_the_kept_tables_serve_again_after_a_rollback(crm: Crm, projector: Pool) -> None:
    await fill(crm, people=2)
    old = await keeper(crm, projector, Tally())
    await old.catch_up(crm.tenant_id)
    new = await keeper(crm, projector, NextTally())
    await new.catch_up(crm.tenant_id)
    await tell(crm, *somebody("late"))
    await new.catch_up(crm.tenant_id)
    async with projector.connection() as connection:
        left, back = await generations.roll_back(connection, "tally")
    assert (left.version, back.version) == (2, 1)
    assert "versions" not in await columns_shown(projector)
    await new.catch_up(crm.tenant_id)  # the newer worker does not take over again by itself
    assert await generations_now(projector) == [(1, 1, State.LIVE), (2, 2, State.KEPT)]
    await old.catch_up(crm.tenant_id)
    assert await old.digests(crm.tenant_id) == await folded(crm, [Tally()])
    async with projector.connection() as connection:
        await generations.roll_back(connection, "tally")
    assert await generations_now(projector) == [(1, 1, State.KEPT), (2, 2, State.LIVE)]


async def test_without_kept_tables_there_is_no_way_back(crm: Crm, projector: Pool) -> None:
    await keeper(crm, projector, Tally())
    async with projector.connection() as connection:
        for ask in (generations.roll_back, generations.drop_kept):
            with pytest.raises(Rejected) as refused:
                await ask(connection, "tally")
            assert refused.value.code == "projection.nothing_kept"


async def test_kept_tables_can_be_given_up(crm: Crm, projector: Pool) -> None:
    await keeper(crm, projector, Tally())
    new = await keeper(crm, projector, NextTally())
    await fill(crm, people=1)
    await new.catch_up(crm.tenant_id)
    async with projector.connection() as connection:
        assert await generations.drop_kept(connection, "tally") == 1
        found = await connection.execute("select to_regclass('read_model.tally__1')")
        assert await found.fetchone() == (None,)
    assert await generations_now(projector) == [(2, 2, State.LIVE)]


async def test_an_old_worker_stands_still_once_its_tables_are_gone(
    crm: Crm, projector: Pool
) -> None:
    old = await keeper(crm, projector, Tally())
    new = await keeper(crm, projector, NextTally())
    await fill(crm, people=1)
    await new.catch_up(crm.tenant_id)
    async with projector.connection() as connection:
        await generations.drop_kept(connection, "tally")
    await old.prepare()
    await old.catch_up(crm.tenant_id)
    assert await generations_now(projector) == [(2, 2, State.LIVE)]


async def test_a_version_that_stumbles_does_not_take_over(
    crm: Crm, projector: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(crm, people=1)
    old = await keeper(crm, projector, Tally())
    await old.catch_up(crm.tenant_id)

    def fails(*_: Any) -> None:
        raise ValueError

    monkeypatch.setattr(NextTally, "apply", fails)
    new = await keeper(crm, projector, NextTally())
    await new.catch_up(crm.tenant_id)
    assert await generations_now(projector) == [(1, 1, State.LIVE), (2, 2, State.FILLING)]
    await old.wait_for(crm.tenant_id, await crm.position(), seconds=1)


async def test_a_switch_gives_way_to_who_reads(crm: Crm, projector: Pool) -> None:
    await fill(crm, people=1)
    old = await keeper(crm, projector, Tally())
    await old.catch_up(crm.tenant_id)
    new = await keeper(crm, projector, NextTally())
    async with projector.connection() as reading, reading.transaction():
        await reading.execute("select count(*) from read_model.tally")
        await new.catch_up(crm.tenant_id)
        assert await generations_now(projector) == [(1, 1, State.LIVE), (2, 2, State.FILLING)]
        await reading.execute("select count(*) from read_model.tally")
    await new.catch_up(crm.tenant_id)
    assert await generations_now(projector) == [(1, 1, State.KEPT), (2, 2, State.LIVE)]


async def test_the_application_reads_through_the_views(
    crm: Crm, projector: Pool, database_url: str
) -> None:
    runner = await keeper(crm, projector, CustomerDirectory())
    await fill(crm, people=1)
    await runner.catch_up(crm.tenant_id)
    app = await open_pool(database_url, "crm_app", size=1)
    async with app.connection() as connection:
        found = await connection.execute("select count(*) from read_model.customer")
        assert await found.fetchone() == (4,)
    await app.close()
