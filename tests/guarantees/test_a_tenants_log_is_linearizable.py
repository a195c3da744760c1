"""G6: whatever clients of a tenant do at once, it is as if they had done it one after the other.

Dozens of clients append to streams and read streams, pages and heads, through two pools. What they
sent, what they saw and when is then explained by one order of all operations, or it is not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from random import Random
from uuid import UUID, uuid4

import pytest
from tests.crm_core.ledger.contract import command, stream

from crm_core import CrmError, VersionConflict
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.memory import InMemoryLedger
from crm_core.ledger.records import Append, Appended, Expected, StoredEvent

from . import numbers
from .linearizability import LOG, Operation, anomalies
from .writing import ledgers, whole_log

TENANTS = 4
CLIENTS_A_TENANT = 8
STREAMS = 10
STREAM_EVENTS_MAX = 12  # then the clients go on with another one, so that reads stay short
PAGE_EVENTS = 10


@pytest.mark.parametrize("round_", range(numbers.LINEARIZABLE_ROUNDS))
async def test_one_order_explains_what_all_clients_saw(database_url: str, round_: int) -> None:
    operations = numbers.OPERATIONS_A_ROUND // TENANTS
    async with ledgers(database_url, 2) as opened:
        busy = [Clients(opened, seed=round_ * TENANTS + n) for n in range(TENANTS)]
        await asyncio.gather(*(clients.run(operations) for clients in busy))
        for clients in busy:
            assert clients.done >= operations
            assert await clients.anomalies() == []


# --- planted bugs: the checker must show them


def wrote(began: int, ended: int | None, *values: tuple[str, int]) -> Operation:
    return Operation("client", began, values, ended)


def refused(began: int, ended: int, *values: tuple[str, int]) -> Operation:
    return Operation("client", began, values, ended, was_refused=True)


def read(began: int, ended: int, **lists: list[int]) -> Operation:
    return Operation("client", began, ended=ended, saw=lists)


def counted(began: int, ended: int, **lists: int) -> Operation:
    return Operation("client", began, ended=ended, counted=lists)


A1, A2, B3 = ("a", 1), ("a", 2), ("b", 3)


@pytest.mark.parametrize(
    ("history", "log", "fault"),
    [
        ([wrote(1, 2, A1), wrote(3, 4, A2)], [A1], "what was acknowledged is lost"),
        ([wrote(1, 2, A1), wrote(3, None, A2)], [A1], None),
        ([wrote(1, 2, A1)], [A1, A1], "a value is in the log twice"),
        ([wrote(1, 2, A1)], [A1, A2], "1 values are there that nobody wrote"),
        ([refused(1, 2, A1)], [A1], "what was refused is there"),
        ([wrote(1, 2, A1), wrote(3, 4, A2)], [A2, A1], "no order explains"),
        ([wrote(1, 2, A1), read(1, 2, a=[1])], [A1], None),
        ([wrote(1, 2, A1), read(3, 4, a=[])], [A1], "no order explains"),
        ([wrote(1, 9, A1), read(3, 4, a=[]), read(5, 6, a=[1])], [A1], None),
        ([wrote(1, 9, A1), read(3, 4, a=[1]), read(5, 6, a=[])], [A1], "no order explains"),
        ([wrote(1, 9, A1), wrote(1, 9, A2), read(10, 11, a=[2])], [A1, A2], "never as it was read"),
        ([wrote(1, 2, A1), counted(3, 4, a=2)], [A1], "never as long as it was found"),
        ([wrote(1, 9, A1, B3), read(3, 4, a=[1], b=[])], [A1, B3], "no order explains"),
        ([wrote(1, 9, A1, B3), read(3, 4, a=[1], b=[3])], [A1, B3], None),
        ([wrote(1, 9, A1, B3), wrote(1, 9, A2)], [A1, A2, B3], "is not together"),
    ],
)
def test_a_history_that_cannot_be_is_told_from_one_that_can(
    history: list[Operation], log: list[tuple[str, int]], fault: str | None
) -> None:
    found = anomalies(history, log)
    assert any(fault in one for one in found) if fault else found == []


class LaggingLedger(InMemoryLedger):
    """Reads from a copy that follows a little later, as a replica does."""

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        self._copy = [*await self.page(tenant_id, after=0, limit=1_000_000)]
        return await super().append(tenant_id, appends)

    async def stream(
        self, tenant_id: UUID, stream_ids: Collection[UUID], **_: object
    ) -> list[StoredEvent]:
        return [event for event in self._copy if event.stream_id in stream_ids]


class HastyLedger(InMemoryLedger):
    """Acknowledges what it is about to store."""

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        storing = asyncio.create_task(super().append(tenant_id, appends))
        if appends[0].command_id.int % 2:
            return await storing
        return [Appended(a.command_id, a.event_ids, 0, self.clock.now()) for a in appends]


@pytest.mark.parametrize(
    ("planted", "fault"),
    [(LaggingLedger(), "no order explains"), (HastyLedger(), "what was acknowledged is lost")],
)
async def test_a_ledger_that_is_not_what_it_says_is_caught(
    planted: InMemoryLedger, fault: str
) -> None:
    clients = Clients([planted], seed=1)
    await clients.run(1_000)
    assert any(fault in anomaly for anomaly in await clients.anomalies())


async def test_the_ledger_in_memory_is_linearizable_too() -> None:
    clients = Clients([InMemoryLedger()], seed=1)
    await clients.run(5_000)
    assert await clients.anomalies() == []


# --- the workshop


class Clients:
    """The clients of one tenant; each does one thing after the other, and writes down what and
    when.
    """

    def __init__(self, ledgers: Sequence[Ledger], seed: int) -> None:
        self.operations: list[Operation] = []
        self.done = 0
        self._ledgers = ledgers
        self._tenant_id = uuid4()
        self._random = Random(seed)
        self._versions = {uuid4(): 0 for _ in range(STREAMS)}  # as far as anybody knows
        self._reached = 0
        self._pages: dict[int, UUID] = {}

    async def run(self, operations: int) -> None:
        """Until there were so many appends to one stream and reads of one, several in a call."""

        async def one_after_the_other(number: int) -> None:
            ledger = self._ledgers[number % len(self._ledgers)]
            while self.done < operations:
                operation = Operation(f"client {number}", time.monotonic_ns())
                self.operations.append(operation)
                await self._do_something(ledger, operation)
                operation.ended = time.monotonic_ns()
                self.done += len(operation.wrote) + len(operation.saw) + len(operation.counted)

        await asyncio.gather(*(one_after_the_other(n) for n in range(CLIENTS_A_TENANT)))

    async def anomalies(self) -> list[str]:
        log = await whole_log(self._ledgers[0], self._tenant_id)
        torn = self._pages.items() - {(event.position, event.event_id) for event in log}
        found = anomalies(self.operations, [(event.stream_id, event.event_id) for event in log])
        return found + [f"a page had another event at {position}" for position, _ in torn]

    async def _do_something(self, ledger: Ledger, operation: Operation) -> None:
        match self._random.randrange(8):
            case 0 | 1 | 2 | 3:
                await self._write(ledger, operation)
            case 4 | 5:
                await self._read_streams(ledger, operation)
            case 6:
                self._reached = (await ledger.head(self._tenant_id)).position
                operation.counted = {LOG: self._reached}
            case _:
                await self._read_page(ledger, operation)

    async def _write(self, ledger: Ledger, operation: Operation) -> None:
        asks = self._random.random() < 0.5
        append = command(
            *(
                stream(one, (self._versions[one] or Expected.NONE) if asks else Expected.ANY)
                for one in self._some_streams()
            )
        )
        operation.wrote = [
            (s.stream_id, event.event_id) for s in append.streams for event in s.events
        ]
        (outcome,) = await ledger.append(self._tenant_id, [append])
        if isinstance(outcome, VersionConflict):
            operation.was_refused = True
            stream_id = UUID(outcome.stream.rpartition("/")[2])
            operation.counted = {stream_id: outcome.actual}
            self._learn(stream_id, outcome.actual)
        else:
            assert isinstance(outcome, Appended), outcome

    async def _read_streams(self, ledger: Ledger, operation: Operation) -> None:
        chosen = self._some_streams()
        saw: dict[UUID, list[UUID]] = {one: [] for one in chosen}
        for event in await ledger.stream(self._tenant_id, chosen):
            saw[event.stream_id].append(event.event_id)
        operation.saw = saw
        for one, events in saw.items():
            self._learn(one, len(events))

    async def _read_page(self, ledger: Ledger, operation: Operation) -> None:
        after = max(0, self._reached - PAGE_EVENTS // 2)
        page = await ledger.page(self._tenant_id, after=after, limit=PAGE_EVENTS)
        self._pages |= {event.position: event.event_id for event in page}
        if len(page) < PAGE_EVENTS:  # it goes to the end
            operation.counted = {LOG: after + len(page)}

    def _some_streams(self) -> list[UUID]:
        return self._random.sample(sorted(self._versions), self._random.randint(1, 4))

    def _learn(self, stream_id: UUID, version: int) -> None:
        if stream_id in self._versions:
            self._versions[stream_id] = version
            if version > STREAM_EVENTS_MAX:
                del self._versions[stream_id]
                self._versions[uuid4()] = 0
