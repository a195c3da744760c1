"""Every event reaches every read model exactly once, whatever stops and starts again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import structlog

from crm_core import Crm, Lagging, RecordedEvent, Rejected
from crm_core.customers import RegisterPerson
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_projections import checkpoints
from crm_projections.customer_directory.projection import CUSTOMERS
from crm_projections.digest import digest_of
from crm_projections.projection import Projection, project
from crm_projections.registry import PROJECTIONS
from crm_projections.rows import Rows
from crm_projections.runner import ProjectionRunner
from crm_projections.status import Status
from projecting import fill, folded, somebody, tell


@asynccontextmanager
async def running(*runners: ProjectionRunner) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(runner.run()) for runner in runners]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def status_of(runner: ProjectionRunner) -> dict[str, Status]:
    return {at.projection: at for at in await runner.status()}


async def test_read_models_are_the_fold_of_the_ledger(crm: Crm, runner: ProjectionRunner) -> None:
    await fill(crm)
    assert await runner.catch_up(crm.tenant_id) == await crm.position()
    assert await runner.digests(crm.tenant_id) == await folded(crm)


@pytest.mark.parametrize("batch", [1, 7, 100])
async def test_the_size_of_a_batch_changes_nothing(
    crm: Crm, runner: ProjectionRunner, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_projections.applying._BATCH_EVENTS", batch)
    await fill(crm, people=10)
    await runner.catch_up(crm.tenant_id)
    assert await runner.digests(crm.tenant_id) == await folded(crm)


async def test_a_batch_that_is_read_for_longer_than_a_turn_is_applied_all_the_same(
    crm: Crm, runner: ProjectionRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_projections.runner._TURN_SECONDS", 1e-9)
    monkeypatch.setattr("crm_projections.applying._BATCH_EVENTS", 7)
    await fill(crm, people=10)
    async with asyncio.timeout(30):
        await runner.catch_up(crm.tenant_id)
    assert await runner.digests(crm.tenant_id) == await folded(crm)


async def test_projections_at_different_places_meet(
    crm: Crm, projector: Pool, runner: ProjectionRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_projections.applying._BATCH_EVENTS", 7)
    await fill(crm, people=5)
    for number, projection in enumerate(PROJECTIONS):
        await ProjectionRunner(crm.store, projector, [projection]).catch_up(crm.tenant_id)
        await tell(crm, *somebody(f"late{number}"))
    await runner.catch_up(crm.tenant_id)
    assert await runner.digests(crm.tenant_id) == await folded(crm)


async def test_many_workers_at_once_make_the_same_rows(
    crm: Crm, projector: Pool, runner: ProjectionRunner
) -> None:
    workers = [ProjectionRunner(crm.store, projector, PROJECTIONS) for _ in range(3)]
    async with running(*workers):
        for number in range(10):
            await tell(crm, *somebody(f"p{number}"))
        await runner.wait_for(crm.tenant_id, await crm.position(), seconds=20)
    assert await runner.digests(crm.tenant_id) == await folded(crm)


async def test_a_worker_keeps_the_read_models_of_every_tenant(
    crm: Crm, projector: Pool, runner: ProjectionRunner
) -> None:
    others = [Crm(crm.store.ledger, crm.store.keyring, tenant=f"tenant {n}") for n in range(5)]
    async with running(runner):
        for each in (crm, *others):
            await tell(each, *somebody(each.tenant.replace(" ", "")))
        for each in (crm, *others):
            await runner.wait_for(each.tenant_id, await each.position(), seconds=20)
    for each in (crm, *others):
        assert await runner.digests(each.tenant_id) == await folded(each)


async def test_what_is_much_is_shared_out_and_what_is_little_is_not(
    crm: Crm, projector: Pool, runner: ProjectionRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(crm, people=2)
    other = ProjectionRunner(crm.store, projector, PROJECTIONS)
    async with projector.connection() as connection:
        await checkpoints.beat(connection, other.owner)
        lags = await checkpoints.lagging(connection, PROJECTIONS)
        assert len(await runner._share(connection, lags)) == len(PROJECTIONS)
        monkeypatch.setattr("crm_projections.runner._BACKLOG_EVENTS", 1)
        assert len(await runner._share(connection, lags)) == 4  # of seven, by two workers


async def test_the_checkpoint_is_the_last_position_scanned(
    crm: Crm, runner: ProjectionRunner
) -> None:
    await tell(crm, RegisterPerson(name="Ada"))  # nothing that the ticket queue reads
    await runner.catch_up(crm.tenant_id)
    assert {at.lag_events for at in await runner.status()} == {0}
    async with runner.storage.pool.connection() as connection:
        assert await checkpoints.lagging(connection, PROJECTIONS) == []


async def test_lag_is_told_in_events_and_in_seconds(crm: Crm, runner: ProjectionRunner) -> None:
    await fill(crm, people=1)
    behind = await status_of(runner)
    head = await crm.position()
    assert {at.lag_events for at in behind.values()} == {head}
    assert all(0 < at.lag_seconds < 60 for at in behind.values())
    await runner.catch_up(crm.tenant_id)
    assert {at.lag_seconds for at in await runner.status()} == {0.0}


async def test_an_idle_worker_asks_one_thing_at_a_time(
    crm: Crm, runner: ProjectionRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(crm, people=1)
    await runner.catch_up(crm.tenant_id)
    asked = 0
    look = checkpoints.lagging

    async def counted(*args: Any, **named: Any) -> Any:
        nonlocal asked
        asked += 1
        return await look(*args, **named)

    monkeypatch.setattr(checkpoints, "lagging", counted)
    begun = time.monotonic()
    async with running(runner):
        await asyncio.sleep(1)
    assert asked <= 3 + 5 * (time.monotonic() - begun)  # four times a second, not hundreds


# --- poison ---------------------------------------------------------------------------------------


class Careless(Projection):
    """Fails on some events, as a projection with a bug does."""

    name = "careless"
    tables = (replace(CUSTOMERS, name="careless"),)
    reads = ("customers.",)
    fails_at: Sequence[int] = (4,)

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        if event.position in self.fails_at:
            raise KeyError("the name of a person")
        known = PROJECTIONS[0]
        shelf = Rows()
        shelf.load(CUSTOMERS, rows.group(self.tables[0], event.record_id))
        known.apply(event, shelf)
        for row in shelf.changed(CUSTOMERS):
            rows.put(self.tables[0], row)


@pytest.fixture
async def careless(crm: Crm, projector: Pool) -> ProjectionRunner:
    runner = ProjectionRunner(crm.store, projector, [Careless(), *PROJECTIONS])
    await runner.prepare()
    return runner


@pytest.mark.parametrize("batch", [1, 3, 1000])
async def test_a_poison_event_stops_its_projection_and_no_other(
    crm: Crm, careless: ProjectionRunner, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_projections.applying._BATCH_EVENTS", batch)
    await fill(crm)
    with structlog.testing.capture_logs() as logs:
        await careless.catch_up(crm.tenant_id)
    status = await status_of(careless)
    stopped = status.pop("careless")
    assert (stopped.position, stopped.stopped_at, stopped.stopped_by) == (3, 4, "KeyError")
    assert stopped.stopped_type == "customers.customer.contact_point_added"
    assert {at.lag_events for at in status.values()} == {0}
    (alert,) = [entry for entry in logs if entry["event"] == "projection.poisoned"]
    assert (alert["projection"], alert["position"], alert["error"]) == ("careless", 4, "KeyError")
    assert "person" not in str(alert)


async def test_a_stopped_projection_goes_on_when_it_is_told_to(
    crm: Crm, careless: ProjectionRunner, projector: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(crm)
    await careless.catch_up(crm.tenant_id)
    monkeypatch.setattr(Careless, "fails_at", ())
    await careless.catch_up(crm.tenant_id)
    assert (await status_of(careless))["careless"].stopped_at == 4  # not by itself
    async with projector.connection() as connection:
        assert await checkpoints.retry(connection, crm.tenant_id, "careless") == 1
    await careless.catch_up(crm.tenant_id)
    assert (await status_of(careless))["careless"].lag_events == 0
    assert (await careless.digests(crm.tenant_id))["careless"] == (await folded(crm, [Careless()]))[
        "careless"
    ]


async def test_a_skipped_event_is_left_out_and_the_decision_is_kept(
    crm: Crm, careless: ProjectionRunner, projector: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Careless, "fails_at", (4, 9))
    await fill(crm)
    for position in (4, 9):
        await careless.catch_up(crm.tenant_id)
        async with projector.connection() as connection:
            await checkpoints.skip(
                connection, crm.tenant_id, "careless", position,
                reason="a bug of last year", decided_by="ops",
            )  # fmt: skip
    await careless.catch_up(crm.tenant_id)
    at = (await status_of(careless))["careless"]
    assert (at.lag_events, at.stopped_at) == (0, None)
    assert [(s.position, s.error, s.reason, s.decided_by) for s in at.skips] == [
        (4, "KeyError", "a bug of last year", "ops"),
        (9, "KeyError", "a bug of last year", "ops"),
    ]
    events = [event async for page in crm.events() for event in page]
    explained = [event for event in events if event.position not in (4, 9)]
    assert (await careless.digests(crm.tenant_id))["careless"] == digest_of(
        Careless(), project(Careless(), explained)
    )


async def test_only_what_stopped_a_projection_is_skipped(
    crm: Crm, careless: ProjectionRunner, projector: Pool
) -> None:
    await fill(crm)
    await careless.catch_up(crm.tenant_id)
    async with projector.connection() as connection:
        with pytest.raises(Rejected) as refused:
            await checkpoints.skip(
                connection, crm.tenant_id, "careless", 5, reason="a guess", decided_by="ops"
            )
    assert refused.value.code == "projection.not_stopped_there"
    assert (await status_of(careless))["careless"].skips == ()


async def test_an_event_that_cannot_be_read_stops_those_who_want_to_read_it(
    crm: Crm, runner: ProjectionRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(crm, people=1)
    decode = crm.store.decode

    async def failing(stored: Any) -> Any:
        if any(event.position == 5 for event in stored):
            raise ValueError("an upcaster with a bug")
        return await decode(stored)

    monkeypatch.setattr(crm.store, "decode", failing)
    await runner.catch_up(crm.tenant_id)
    status = await status_of(runner)
    assert (status["customer_directory"].stopped_at, status["timeline"].stopped_at) == (5, 5)
    assert {status[name].lag_events for name in ("audit_trail", "ticket_queue")} == {0}


# --- who waits ------------------------------------------------------------------------------------


async def test_who_asks_for_a_position_waits_or_is_told(crm: Crm, runner: ProjectionRunner) -> None:
    await fill(crm, people=1)
    position = await crm.position()
    with pytest.raises(Lagging) as told:
        await runner.wait_for(crm.tenant_id, position, seconds=0.05)
    assert told.value.parameters["wanted"] == position
    async with running(runner):
        await runner.wait_for(crm.tenant_id, position, seconds=5)


async def test_who_waits_for_a_stopped_projection_is_told_at_once(
    crm: Crm, careless: ProjectionRunner
) -> None:
    await fill(crm)
    await careless.catch_up(crm.tenant_id)
    position = await crm.position()
    with pytest.raises(Lagging) as told:
        async with asyncio.timeout(10):
            await careless.wait_for(crm.tenant_id, position, seconds=60)
    assert told.value.parameters["projection"] == "careless"
    names = [projection.name for projection in PROJECTIONS]
    await careless.wait_for(crm.tenant_id, position, seconds=5, names=names)


async def test_thousands_who_wait_share_a_look(
    crm: Crm, runner: ProjectionRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(crm, people=1)
    position = await crm.position()
    looks = 0
    look = checkpoints.reached

    async def counted(*args: Any) -> Any:
        nonlocal looks
        looks += 1
        return await look(*args)

    monkeypatch.setattr(checkpoints, "reached", counted)
    waits = [
        asyncio.create_task(runner.wait_for(crm.tenant_id, position, seconds=30))
        for _ in range(3_000)
    ]
    async with running(runner):
        await asyncio.gather(*waits)
    assert looks < 50


async def test_a_projection_that_is_gone_keeps_nobody_waiting(
    crm: Crm, careless: ProjectionRunner, runner: ProjectionRunner
) -> None:
    await fill(crm)
    await careless.catch_up(crm.tenant_id)
    await runner.catch_up(crm.tenant_id)
    await runner.wait_for(crm.tenant_id, await crm.position(), seconds=1)


async def test_a_tenant_of_whom_nothing_is_known_keeps_its_readers_waiting(
    crm: Crm, runner: ProjectionRunner
) -> None:
    with pytest.raises(Lagging):
        await runner.wait_for(uuid4(), 1, seconds=0.05)


@pytest.mark.parametrize("many", [1, 100])
async def test_many_rows_are_fetched_by_a_plan_for_the_tables_as_they_are(
    crm: Crm, database_url: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that is kept may be of when they were empty, and read all of a tenant by any index."""
    monkeypatch.setattr("crm_projections.storage._MANY", many)
    monkeypatch.setattr("crm_projections.applying._BATCH_EVENTS", 2)
    pool = await open_pool(database_url, "crm_projector", size=1)
    runner = ProjectionRunner(crm.store, pool, PROJECTIONS)
    await runner.prepare()
    await fill(crm, people=10)
    await runner.catch_up(crm.tenant_id)
    async with pool.connection() as connection:
        kept = await connection.execute(
            "select count(*) from pg_prepared_statements where statement ~ 'as wanted'"
        )
        row = await kept.fetchone()
    await pool.close()
    assert row is not None
    assert (row[0] > 0) == (many > 1)
