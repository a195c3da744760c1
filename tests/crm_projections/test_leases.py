"""A worker that was paused beyond its lease, or whose connection was killed, does no harm (G14)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from crm_core import Crm
from crm_core.ledger.postgres.connections import Pool
from crm_projections import checkpoints
from crm_projections.batch import Batch, Poison, read_batch
from crm_projections.checkpoints import Lag, Slot, StaleWorker
from crm_projections.generations import Connection
from crm_projections.projection import Projection
from crm_projections.runner import ProjectionRunner
from crm_projections.storage import Storage
from projecting import Fold, Tally, somebody, tell

TALLY = Tally()


class Worker:
    """A worker that is led by hand, step by step."""

    def __init__(self, crm: Crm, pool: Pool, name: str, of: Projection = TALLY) -> None:
        self.storage = Storage(pool)
        self.slot: Slot | None = None
        self.batch: Batch | None = None
        self._crm, self._pool, self._name, self._of = crm, pool, name, of

    async def lags(self) -> list[Lag]:
        async with self._pool.connection() as connection:
            return await checkpoints.lagging(connection, [self._of], tenant_id=self._crm.tenant_id)

    async def claim(self) -> Slot | None:
        lags = await self.lags()
        async with self._pool.connection() as connection:
            slots = await checkpoints.claim(connection, self._name, lags)
        self.slot = slots[0] if slots else None
        return self.slot

    async def read(self) -> None:
        assert self.slot is not None
        stored = await self._crm.store.ledger.page(
            self._crm.tenant_id, after=self.slot.position, limit=1000
        )
        self.batch = await read_batch(self._crm.store, stored, [self._of])

    async def apply(self) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await self.apply_within(connection)

    async def apply_within(self, connection: Connection) -> None:
        assert self.slot is not None
        assert self.batch is not None
        events, _ = self.batch.share_of(self._of, self.slot.skipped)
        await self.storage.apply_within(
            connection, self._of, self.slot, events, self.batch.scanned_to
        )


@pytest.fixture
async def ready(crm: Crm, projector: Pool) -> ProjectionRunner:
    runner = ProjectionRunner(crm.store, projector, [TALLY])
    await runner.prepare()
    return runner


async def pass_time(pool: Pool) -> None:
    """The leases that there are end."""
    async with pool.connection() as connection:
        await connection.execute("update read_model.checkpoint set leased_until = '-infinity'")


# --- leases ---------------------------------------------------------------------------------------


async def test_a_slot_is_leased_to_one_worker_at_a_time(
    crm: Crm, projector: Pool, ready: ProjectionRunner
) -> None:
    await tell(crm, *somebody("ada"))
    first, second = Worker(crm, projector, "first"), Worker(crm, projector, "second")
    slots = await asyncio.gather(first.claim(), second.claim())
    assert sum(slot is not None for slot in slots) == 1
    (lag,) = await first.lags()
    assert not lag.is_free
    await pass_time(projector)
    again = await second.claim()
    assert again is not None
    assert again.epoch == 2


async def test_a_slot_that_is_held_in_a_transaction_keeps_nobody_waiting(
    crm: Crm, projector: Pool, ready: ProjectionRunner
) -> None:
    await tell(crm, *somebody("ada"))
    paused, other = Worker(crm, projector, "paused"), Worker(crm, projector, "other")
    await paused.claim()
    await paused.read()
    await pass_time(projector)
    async with projector.connection() as connection, connection.transaction():
        await paused.apply_within(connection)
        async with asyncio.timeout(5):
            assert await other.claim() is None


async def test_a_lease_that_was_given_back_is_free_at_once(
    crm: Crm, projector: Pool, ready: ProjectionRunner
) -> None:
    await tell(crm, *somebody("ada"))
    worker, other = Worker(crm, projector, "worker"), Worker(crm, projector, "other")
    slot = await worker.claim()
    assert slot is not None
    async with projector.connection() as connection:
        await checkpoints.release(connection, [slot])
    assert await other.claim() is not None
    async with projector.connection() as connection:
        await checkpoints.release(connection, [slot])  # no longer ours: nothing is taken away
    (lag,) = await worker.lags()
    assert not lag.is_free


async def leave_what_is_leased(crm: Crm, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose own clock runs an hour ahead takes nobody's lease."""
    await tell(crm, *somebody("ada"))
    owner, ahead = Worker(crm, pool, "owner"), Worker(crm, pool, "ahead")
    await owner.claim()
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3600)
    assert await ahead.claim() is None


async def test_leases_are_timed_by_the_database(
    crm: Crm, projector: Pool, ready: ProjectionRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave_what_is_leased(crm, projector, monkeypatch)


async def test_leases_by_the_clock_of_a_process_are_found_out(
    crm: Crm, projector: Pool, ready: ProjectionRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = checkpoints.claim

    async def by_own_clock(connection: Connection, owner: str, wanted: Sequence[Lag]) -> Any:
        await connection.execute(
            "update read_model.checkpoint set leased_until = null"
            " where leased_until < to_timestamp(%s)",
            [time.time()],
        )
        return await claim(connection, owner, wanted)

    monkeypatch.setattr(checkpoints, "claim", by_own_clock)
    with pytest.raises(AssertionError):
        await leave_what_is_leased(crm, projector, monkeypatch)


# --- fences ---------------------------------------------------------------------------------------


async def fail_over(crm: Crm, pool: Pool, ready: ProjectionRunner, times: int) -> None:
    """Again and again a worker is paused beyond its lease, and goes on when another has taken over.

    Each second time it has begun its transaction, and its connection is killed.
    """
    fold = Fold(crm, [TALLY])
    for number in range(times):
        await pass_time(pool)
        await tell(crm, *somebody(f"p{number}")[:3])
        paused, other = Worker(crm, pool, "paused"), Worker(crm, pool, "other")
        await paused.claim()
        await paused.read()
        if number % 2:
            await killed_in_its_transaction(paused, pool)
        await pass_time(pool)
        await other.claim()
        await other.read()
        await other.apply()
        try:
            await paused.apply()
        except StaleWorker:
            pass
        else:
            raise AssertionError("a stale worker was let through")
        assert await ready.digests(crm.tenant_id) == await fold.digests()


async def killed_in_its_transaction(paused: Worker, pool: Pool) -> None:
    with suppress(psycopg.OperationalError), psycopg.connect(pool.conninfo) as owner:
        async with pool.connection() as connection, connection.transaction():
            await paused.apply_within(connection)
            pid = connection.info.backend_pid
            owner.execute("select pg_terminate_backend(%s, 5000)", [pid])


async def test_a_stale_worker_is_harmless_a_hundred_times(
    crm: Crm, projector: Pool, ready: ProjectionRunner
) -> None:
    await fail_over(crm, projector, ready, 100)


async def test_a_checkpoint_without_a_fence_is_found_out(
    crm: Crm, projector: Pool, ready: ProjectionRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    naive = checkpoints.FENCE.replace("position = %s and epoch = %s", "%s::bigint + %s > 0")
    monkeypatch.setattr(checkpoints, "FENCE", naive)
    with pytest.raises(AssertionError):
        await fail_over(crm, projector, ready, 1)


async def skip_behind_its_back(crm: Crm, pool: Pool, ready: ProjectionRunner) -> None:
    """A worker that was paused before an operator decided to skip an event does not apply it."""
    await tell(crm, *somebody("ada"))
    paused, other = Worker(crm, pool, "paused"), Worker(crm, pool, "other")
    await paused.claim()
    await paused.read()
    await pass_time(pool)
    slot = await other.claim()
    assert slot is not None
    async with pool.connection() as connection:
        await checkpoints.stop(connection, slot, Poison(1, "customers.customer.registered", "Bug"))
        await checkpoints.skip(
            connection, crm.tenant_id, TALLY.name, 1, reason="a bug", decided_by="ops"
        )
    with pytest.raises(StaleWorker):
        await paused.apply()


async def test_a_worker_that_does_not_know_of_a_decision_loses_its_slot(
    crm: Crm, projector: Pool, ready: ProjectionRunner
) -> None:
    await skip_behind_its_back(crm, projector, ready)
    await ready.catch_up(crm.tenant_id)
    (at,) = await ready.status()
    assert (at.lag_events, [skip.position for skip in at.skips]) == (0, [1])


async def test_a_fence_without_the_epoch_is_found_out(
    crm: Crm, projector: Pool, ready: ProjectionRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    naive = checkpoints.FENCE.replace("and epoch = %s", "and %s::bigint > 0")
    monkeypatch.setattr(checkpoints, "FENCE", naive)
    with pytest.raises(pytest.fail.Exception):
        await skip_behind_its_back(crm, projector, ready)
