"""G4: of twenty writers who expect the same version one wins; of those who expect none, none loses.

The racers share two pools, as two processes would: within each they share transactions, between
them they wait for the head.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID, uuid4

import pytest
from tests.crm_core.ledger.contract import command, event, stream

from crm_core import CrmError, VersionConflict
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.memory import InMemoryLedger
from crm_core.ledger.records import Append, Appended, Expected, ExpectedVersion, StoredEvent

from . import numbers
from .history import faults_of_log, faults_of_receipts
from .writing import ledgers, whole_log

RACES_AT_ONCE = 10


@pytest.fixture(params=["memory", "postgres"])
async def doors(
    request: pytest.FixtureRequest, database_url: str
) -> AsyncIterator[Sequence[Ledger]]:
    """Two doors to the same ledger."""
    if request.param == "memory":
        ledger = InMemoryLedger()
        yield ledger, ledger
        return
    async with ledgers(database_url, 2) as opened:
        yield opened


async def test_of_twenty_who_expect_the_same_version_one_wins(doors: Sequence[Ledger]) -> None:
    assert await races(doors, 1, winners=1) == []


async def test_of_twenty_who_expect_no_version_none_loses(doors: Sequence[Ledger]) -> None:
    assert await races(doors, Expected.ANY, winners=numbers.RACERS) == []


# --- planted bugs: the same races must show them


class CarelessLedger(InMemoryLedger):
    """Looks at the version, and stores a moment later."""

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        (append,) = appends
        (wanted,) = append.streams
        found = await self.last_version(tenant_id, wanted.stream_id)
        if wanted.expected != (found or Expected.NONE):
            return [VersionConflict(wanted.name, 0, found)]
        await asyncio.sleep(0)
        anyway = stream(wanted.stream_id, Expected.ANY, *wanted.events)
        return await super().append(tenant_id, [command(anyway, command_id=append.command_id)])


class ForgetfulLedger(InMemoryLedger):
    """Acknowledges every append and stores none where another one is being stored."""

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        before = await self.head(tenant_id)
        await asyncio.sleep(0)
        if (await self.head(tenant_id)) != before:
            return [Appended(a.command_id, a.event_ids, 0, self.clock.now()) for a in appends]
        return await super().append(tenant_id, appends)


async def test_a_ledger_that_looks_before_it_locks_is_caught() -> None:
    ledger = CarelessLedger()
    faults = await races([ledger, ledger], 1, winners=1)
    assert "20 of 20 won a race" in faults


async def test_a_ledger_that_swallows_appends_is_caught() -> None:
    ledger = ForgetfulLedger()
    faults = await races([ledger, ledger], Expected.ANY, winners=numbers.RACERS)
    assert any("is lost" in fault for fault in faults)


# --- the workshop


async def races(doors: Sequence[Ledger], expected: ExpectedVersion, *, winners: int) -> list[str]:
    """What went wrong in all the races, each on a stream of its own that has one event."""
    faults: list[str] = []
    for _ in range(numbers.RACES // RACES_AT_ONCE):
        tenant_id = uuid4()
        ran = await asyncio.gather(
            *(race(doors, tenant_id, expected) for _ in range(RACES_AT_ONCE))
        )
        log = await whole_log(doors[0], tenant_id)
        faults += faults_of_log(log)
        for sent, outcomes in ran:
            faults += faults_of_race(log, sent, outcomes, winners)
    return faults


async def race(
    doors: Sequence[Ledger], tenant_id: UUID, expected: ExpectedVersion
) -> tuple[list[Append], list[Appended | CrmError]]:
    """What the racers sent, and what each was told."""
    stream_id = uuid4()
    await doors[0].append(tenant_id, [command(stream(stream_id, Expected.NONE))])
    sent = [command(stream(stream_id, expected, event())) for _ in range(numbers.RACERS)]
    outcomes = await asyncio.gather(
        *(doors[n % len(doors)].append(tenant_id, [append]) for n, append in enumerate(sent))
    )
    return sent, [outcome for (outcome,) in outcomes]


def faults_of_race(
    log: Sequence[StoredEvent],
    sent: Sequence[Append],
    outcomes: Sequence[Appended | CrmError],
    winners: int,
) -> list[str]:
    won = [outcome for outcome in outcomes if isinstance(outcome, Appended)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, VersionConflict)]
    faults = faults_of_receipts(log, won)
    if (len(won), len(lost)) != (winners, len(sent) - winners):
        faults.append(f"{len(won)} of {len(sent)} won a race")
    told = {outcome.command_id for outcome in won}
    stored = {event.command_id for event in log}
    faults += [
        f"command {append.command_id} is stored, though it was refused"
        for append in sent
        if append.command_id in stored - told
    ]
    return faults
