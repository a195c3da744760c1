"""G15: a clock that jumps by an hour changes no order, and `recorded_at` rises all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle
from uuid import uuid4

import pytest
from tests.crm_core.ledger.contract import command, stream

from crm_core.kernel.clock import ManualClock
from crm_core.ledger import memory
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.memory import InMemoryLedger
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.records import Appended, Expected, Head

from .history import faults_of_log
from .writing import whole_log

START = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # the night in which Europe moves its clocks
JUMPS = [timedelta(hours=h) for h in (1, -1, -1, 2, 0, -3, 1)]
APPENDS = 200


@asynccontextmanager
async def in_memory(_: str, clock: ManualClock) -> AsyncIterator[list[Ledger]]:
    yield [InMemoryLedger(clock)]


@asynccontextmanager
async def two_processes(url: str, clock: ManualClock) -> AsyncIterator[list[Ledger]]:
    """The second one's clock stands an hour behind and never moves."""
    late = ManualClock(START - timedelta(hours=1))
    ledgers = [PostgresLedger(await open_pool(url, "crm_app"), each) for each in (clock, late)]
    yield list(ledgers)
    for ledger in ledgers:
        await ledger.close()


async def faults_under_jumps(ledgers: list[Ledger], clock: ManualClock) -> list[str]:
    """Appends while the clock jumps; what is wrong with the log, and with where moments lie."""
    tenant, jumps = uuid4(), cycle(JUMPS)
    for n in range(APPENDS):
        clock.advance(next(jumps))
        (outcome,) = await ledgers[n % len(ledgers)].append(
            tenant, [command(stream(uuid4(), Expected.NONE))]
        )
        assert isinstance(outcome, Appended)
    log = await whole_log(ledgers[0], tenant)
    assert len(log) == APPENDS
    faults = faults_of_log(log)
    for event in log[:: APPENDS // 10]:
        found = await ledgers[0].position_at(tenant, event.recorded_at)
        if found != event.position:
            faults.append(f"position {event.position} is found at {found} by its moment")
    return faults


@pytest.mark.parametrize("opened", [in_memory, two_processes])
async def test_jumps_of_an_hour_leave_the_order_and_rising_times(
    database_url: str, opened: Callable[..., AsyncIterator[list[Ledger]]]
) -> None:
    clock = ManualClock(START)
    async with opened(database_url, clock) as ledgers:
        assert await faults_under_jumps(ledgers, clock) == []


async def test_concurrent_appends_rise_too_while_the_clock_goes_back(database_url: str) -> None:
    clock, tenant = ManualClock(START), uuid4()
    async with two_processes(database_url, clock) as ledgers:
        for jump in JUMPS:
            clock.advance(jump)
            await asyncio.gather(
                *(
                    ledgers[n % 2].append(tenant, [command(stream(uuid4(), Expected.NONE))])
                    for n in range(20)
                )
            )
        assert faults_of_log(await whole_log(ledgers[0], tenant)) == []


async def test_a_ledger_that_believes_the_clock_is_caught(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: it does not know when the last event was recorded."""
    monkeypatch.setattr(memory._Tenant, "head", property(lambda t: Head(len(t.events), None)))
    clock = ManualClock(START)
    async with in_memory(database_url, clock) as ledgers:
        assert await faults_under_jumps(ledgers, clock) != []
