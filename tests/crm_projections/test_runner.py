"""Every event reaches every read model exactly once, whatever stops and starts again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from crm_core import SYSTEM, Crm, Lagging, RecordedEvent, Request
from crm_core.customers.customer.commands import (
    AddContactPoint,
    ArchiveCustomer,
    MergeCustomers,
    RegisterOrganization,
    RegisterPerson,
    RenameCustomer,
    TagCustomer,
)
from crm_core.customers.customer.events import ContactPointType
from crm_core.ledger.postgres.connections import Pool
from crm_projections.customer_directory.projection import CUSTOMERS, CustomerDirectory
from crm_projections.digest import digest_of
from crm_projections.projection import Projection, project
from crm_projections.registry import PROJECTIONS
from crm_projections.rows import Rows
from crm_projections.runner import ProjectionRunner
from crm_projections.storage import LIVE, StaleWorker

ADA, BOB, ACME = UUID(int=1), UUID(int=2), UUID(int=3)


async def fill(crm: Crm, people: int = 30) -> None:
    """A few hundred events of every kind that the directory shows."""
    requests = [
        RegisterPerson(customer_id=ADA, name="Ada", email="ada@example.com"),
        RegisterPerson(customer_id=BOB, name="Bob", email="bob@example.com"),
        RegisterOrganization(customer_id=ACME, name="Acme"),
        AddContactPoint(customer_id=ADA, type=ContactPointType.PHONE, value="+390111234567"),
        TagCustomer(customer_id=BOB, tag="vip"),
        MergeCustomers(customer_id=ADA, loser_ids=(BOB,)),
        ArchiveCustomer(customer_id=ACME),
    ]
    for number in range(people):
        person = RegisterPerson(name=f"Person {number}", email=f"p{number}@example.com")
        renamed = RenameCustomer(customer_id=person.customer_id, name=f"Renamed {number}")
        requests += [person, renamed, TagCustomer(customer_id=person.customer_id, tag="new")]
    outcomes = await crm.execute_many([Request(command=c, actor=SYSTEM) for c in requests])
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]


async def folded(crm: Crm) -> dict[str, str]:
    events = [event async for page in crm.events() for event in page]
    return {p.name: digest_of(p, project(p, events)) for p in PROJECTIONS}


async def test_read_models_are_the_fold_of_the_ledger(crm: Crm, runner: ProjectionRunner) -> None:
    await fill(crm)
    assert await runner.catch_up(crm.tenant_id) == await crm.position()
    assert await runner.digests(crm.tenant_id) == await folded(crm)


@pytest.mark.parametrize("batch", [1, 7, 100])
async def test_the_size_of_a_batch_changes_nothing(
    crm: Crm, runner: ProjectionRunner, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_projections.runner._BATCH_EVENTS", batch)
    await fill(crm, people=10)
    await runner.catch_up(crm.tenant_id)
    assert await runner.digests(crm.tenant_id) == await folded(crm)


async def test_of_two_workers_one_applies_a_batch(crm: Crm, runner: ProjectionRunner) -> None:
    await fill(crm)
    directory = CustomerDirectory()
    events = await crm.store.decode(await crm.store.ledger.page(crm.tenant_id, after=0, limit=1000))
    at = await runner.storage.checkpoint(crm.tenant_id, directory)
    end = events[-1].position
    work = [runner.storage.apply(directory, at, events, end) for _ in range(2)]
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "StaleWorker"]


async def test_a_worker_of_an_older_epoch_writes_nothing(
    crm: Crm, runner: ProjectionRunner
) -> None:
    await fill(crm)
    directory = CustomerDirectory()
    at = await runner.storage.checkpoint(crm.tenant_id, directory)
    events = await crm.store.decode(await crm.store.ledger.page(crm.tenant_id, after=0, limit=5))
    with pytest.raises(StaleWorker):
        await runner.storage.apply(directory, replace(at, epoch=at.epoch - 1), events, 5)
    assert (await runner.storage.checkpoint(crm.tenant_id, directory)).position == 0


async def test_many_workers_at_once_make_the_same_rows(
    crm: Crm, projector: Pool, runner: ProjectionRunner
) -> None:
    workers = [ProjectionRunner(crm.store, projector, PROJECTIONS) for _ in range(3)]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        for _ in range(5):
            await crm.execute(RegisterPerson(name="Somebody"), actor=SYSTEM)
        await fill(crm)
        await runner.wait_for(crm.tenant_id, await crm.position(), seconds=20)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    assert await runner.digests(crm.tenant_id) == await folded(crm)


async def test_a_rebuild_makes_the_same_rows(crm: Crm, runner: ProjectionRunner) -> None:
    await fill(crm)
    await runner.catch_up(crm.tenant_id)
    before = await runner.digests(crm.tenant_id)
    for _ in range(2):  # names of tables and indexes are free again after the first
        for projection in PROJECTIONS:
            await runner.rebuild(projection.name)
    assert await runner.digests(crm.tenant_id) == before


async def test_a_rebuild_mends_what_somebody_changed(
    crm: Crm, runner: ProjectionRunner, projector: Pool
) -> None:
    await fill(crm)
    await runner.catch_up(crm.tenant_id)
    before = await runner.digests(crm.tenant_id)
    async with projector.connection() as connection:
        await connection.execute("update read_model.customer set name = 'Mallory'")
    assert (await runner.digests(crm.tenant_id))["customer_directory"] != before[
        "customer_directory"
    ]
    await runner.rebuild("customer_directory")
    assert await runner.digests(crm.tenant_id) == before


class Careless(Projection):
    """Fails on one event, as a projection with a bug does."""

    name = "careless"
    tables = (replace(CUSTOMERS, name="careless"),)
    reads = ("customers.",)
    fails_at = 4

    def needs(self, event: RecordedEvent) -> Any:
        return ()

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        if event.position == self.fails_at:
            raise KeyError("the name of a person")


async def test_a_poison_event_stops_its_projection_and_no_other(crm: Crm, projector: Pool) -> None:
    runner = ProjectionRunner(crm.store, projector, [Careless(), *PROJECTIONS])
    await runner.prepare()
    await fill(crm)
    await runner.catch_up(crm.tenant_id)
    status = {at.projection: at for at in await runner.status()}
    assert (status["careless"].position, status["careless"].stopped_at) == (3, 4)
    assert status["careless"].stopped_by == "KeyError"
    assert {at.lag_events for name, at in status.items() if name != "careless"} == {0}


async def test_who_asks_for_a_position_waits_or_is_told(crm: Crm, runner: ProjectionRunner) -> None:
    await fill(crm, people=1)
    position = await crm.position()
    with pytest.raises(Lagging) as told:
        await runner.wait_for(crm.tenant_id, position, seconds=0.05)
    assert told.value.parameters["wanted"] == position
    running = asyncio.create_task(runner.run())
    await runner.wait_for(crm.tenant_id, position, seconds=5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_waits_for_a_stopped_projection_does_not_hammer_the_database(
    crm: Crm, projector: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = ProjectionRunner(crm.store, projector, [Careless(), *PROJECTIONS])
    await runner.prepare()
    await fill(crm)
    await runner.catch_up(crm.tenant_id)
    looks = 0
    look = runner.storage.checkpoints

    async def counted(tenant_id: UUID | None = None) -> Any:
        nonlocal looks
        looks += 1
        return await look(tenant_id)

    monkeypatch.setattr(runner.storage, "checkpoints", counted)
    with pytest.raises(Lagging) as told:
        await runner.wait_for(crm.tenant_id, await crm.position(), seconds=0.5)
    assert told.value.parameters["projection"] == "careless"
    assert looks < 15


async def test_a_projection_that_is_gone_keeps_nobody_waiting(
    crm: Crm, projector: Pool, runner: ProjectionRunner
) -> None:
    former = ProjectionRunner(crm.store, projector, [Careless()])
    await former.prepare()
    await fill(crm)
    await former.catch_up(crm.tenant_id)
    await runner.catch_up(crm.tenant_id)
    await runner.wait_for(crm.tenant_id, await crm.position(), seconds=1)


async def test_a_raised_version_starts_again_from_position_1(
    crm: Crm, projector: Pool, runner: ProjectionRunner
) -> None:
    class Next(CustomerDirectory):
        version = CustomerDirectory.version + 1

    await fill(crm, people=2)
    await runner.catch_up(crm.tenant_id)
    assert await runner.storage.prepare([CustomerDirectory()]) == []
    assert await runner.storage.prepare([Next()]) == ["customer_directory"]
    at = await runner.storage.checkpoint(crm.tenant_id, Next(), LIVE)
    assert (at.position, at.version) == (0, Next.version)
