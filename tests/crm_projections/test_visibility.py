"""Who waits for a position is woken when it shows, and told when it will not."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from uuid import UUID, uuid4

import pytest

from crm_core import Lagging
from crm_projections.checkpoints import Reached
from crm_projections.visibility import Visibility

TENANT, OTHER = uuid4(), uuid4()


class Checkpoints:
    """What there is to see, and how often it was looked at."""

    def __init__(self) -> None:
        self.reached: dict[UUID, dict[str, Reached]] = {TENANT: {}, OTHER: {}}
        self.looks = 0
        self.seen = asyncio.Event()
        self.visibility = Visibility(self.look)

    async def look(self, tenants: Collection[UUID]) -> dict[UUID, dict[str, Reached]]:
        self.looks += 1
        self.seen.set()
        return {tenant: dict(self.reached[tenant]) for tenant in tenants}

    def move(self, position: int, name: str = "a", *, tenant: UUID = TENANT) -> None:
        self.reached[tenant][name] = Reached(position, False)

    async def looked(self) -> None:
        self.seen.clear()
        await self.seen.wait()


@pytest.fixture
def checkpoints() -> Checkpoints:
    return Checkpoints()


async def test_what_shows_already_is_not_waited_for(checkpoints: Checkpoints) -> None:
    checkpoints.move(7)
    await checkpoints.visibility.wait(TENANT, 7, ["a"], seconds=60)
    assert checkpoints.looks == 1


async def test_a_move_in_this_process_wakes_who_waits(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_projections.visibility._LOOK_SECONDS_MIN", 3600)
    monkeypatch.setattr("crm_projections.visibility._LOOK_SECONDS_MAX", 3600)
    waiting = asyncio.create_task(checkpoints.visibility.wait(TENANT, 7, ["a"], seconds=3600))
    await checkpoints.looked()
    checkpoints.move(7)
    checkpoints.visibility.moved()
    async with asyncio.timeout(10):
        await waiting


async def test_what_other_processes_move_is_seen_by_looking_again(
    checkpoints: Checkpoints,
) -> None:
    waiting = asyncio.create_task(checkpoints.visibility.wait(TENANT, 7, ["a"], seconds=3600))
    await checkpoints.looked()
    checkpoints.move(7)
    async with asyncio.timeout(10):
        await waiting


async def test_each_waits_for_its_own_tenant_and_projections(checkpoints: Checkpoints) -> None:
    wait = checkpoints.visibility.wait
    checkpoints.move(7, "a")
    checkpoints.move(3, "b")
    await wait(TENANT, 7, ["a"], seconds=60)
    for tenant, names in ((TENANT, ["a", "b"]), (OTHER, ["a"])):
        with pytest.raises(Lagging) as told:
            await wait(tenant, 7, names, seconds=0.01)
        assert told.value.parameters["projection"] == names[-1]


async def test_who_gave_up_is_not_looked_for_any_more(checkpoints: Checkpoints) -> None:
    with pytest.raises(Lagging):
        await checkpoints.visibility.wait(TENANT, 7, ["a"], seconds=0.01)
    watching = checkpoints.visibility._watching
    assert watching is not None
    async with asyncio.timeout(10):
        await watching


async def test_a_database_that_is_away_is_told_to_all_who_wait() -> None:
    async def away(_: Collection[UUID]) -> dict[UUID, dict[str, Reached]]:
        raise OSError("away")

    visibility = Visibility(away)
    waits = [visibility.wait(TENANT, 7, ["a"], seconds=60) for _ in range(3)]
    outcomes = await asyncio.gather(*waits, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [OSError] * 3
