"""Writers who write down what they sent and what they were told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Protocol
from uuid import UUID, uuid4

import psycopg
from tests.crm_core.ledger.contract import command, event, stream

from crm_core.kernel.errors import CrmError, Unavailable
from crm_core.kernel.messages import Receipt
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.records import Append, Appended, Expected, StoredEvent

from .history import faults_of_log, faults_of_receipts, faults_of_sending

__all__ = [
    "Appending", "Record", "keep_writing", "ledgers", "persist", "some_append", "whole_log",
]  # fmt: skip


_PAGE_EVENTS = 10_000


@asynccontextmanager
async def ledgers(url: str, count: int, **options: Any) -> AsyncIterator[list[PostgresLedger]]:
    """Ledgers over pools of their own, as several processes have them: none signals another."""
    opened = [PostgresLedger(await open_pool(url, "crm_app"), **options) for _ in range(count)]
    try:
        yield opened
    finally:
        for ledger in opened:
            await ledger.close()


class Appending(Protocol):
    """The part of a ledger that a writer needs."""

    async def append(
        self, tenant_id: UUID, appends: Sequence[Append]
    ) -> list[Appended | CrmError]: ...


class Record:
    """What was sent and what was acknowledged, by tenant."""

    def __init__(self) -> None:
        self.sent: defaultdict[UUID, list[Append]] = defaultdict(list)
        self.told: defaultdict[UUID, list[Appended | Receipt]] = defaultdict(list)
        self.acknowledged = 0
        self._surprises: list[str] = []
        self._changed = asyncio.Event()

    def send(self, tenant_id: UUID, append: Append) -> Append:
        self.sent[tenant_id].append(append)
        return append

    def tell(self, tenant_id: UUID, outcome: Appended | Receipt | CrmError) -> bool:
        """Whether it was acknowledged. A writer who is alone on its streams is never refused."""
        if isinstance(outcome, CrmError):
            self._surprises.append(f"a writer was refused on streams of its own: {outcome}")
            return False
        self.told[tenant_id].append(outcome)
        self.acknowledged += 1
        self._changed.set()
        return True

    async def reach(self, acknowledged: int) -> None:
        """Waits until so many appends were acknowledged."""
        while self.acknowledged < acknowledged:
            self._changed.clear()
            await self._changed.wait()

    async def faults(self, ledger: Ledger) -> list[str]:
        """What is wrong with the ledger, given what its writers sent and were told."""
        faults = [*self._surprises]
        for tenant_id, sent in self.sent.items():
            log = await whole_log(ledger, tenant_id)
            faults += faults_of_log(log) + faults_of_sending(log, sent)
            faults += faults_of_receipts(log, self.told[tenant_id])
        return faults


async def persist(ledger: Appending, tenant_id: UUID, append: Append) -> Appended | CrmError:
    """The outcome for a writer who sends the same append until somebody answers."""
    while True:
        try:
            (outcome,) = await ledger.append(tenant_id, [append])
        except psycopg.OperationalError:  # nobody knows whether it was stored
            await asyncio.sleep(0.005)
        else:
            if not isinstance(outcome, Unavailable):
                return outcome


async def keep_writing(
    ledger: Appending, tenant_id: UUID, record: Record, enough: Callable[[], bool], seed: int
) -> None:
    """Appends to new and to older streams of its own, until there is enough."""
    random = Random(seed)
    versions = _new_streams()
    while not enough():
        append = record.send(tenant_id, some_append(random, versions))
        if record.tell(tenant_id, await persist(ledger, tenant_id, append)):
            for one in append.streams:
                versions[one.stream_id] += len(one.events)
        else:
            versions = _new_streams()


def _new_streams() -> dict[UUID, int]:
    return {uuid4(): 0 for _ in range(5)}


def some_append(
    random: Random, versions: Mapping[UUID, int], *, events_max: int = 3, streams_max: int = 3
) -> Append:
    """A named command with events for some of these streams, which are at these versions.

    One in four asks for no version: such an append takes another way through the ledger.
    """
    chosen = random.sample(sorted(versions), random.randint(1, min(streams_max, len(versions))))
    asks = random.random() < 0.75
    return command(
        *(
            stream(
                one,
                (versions[one] or Expected.NONE) if asks else Expected.ANY,
                *(event() for _ in range(random.randint(1, events_max))),
            )
            for one in chosen
        ),
        fingerprint=b"the same content",
    )


async def whole_log(ledger: Ledger, tenant_id: UUID) -> list[StoredEvent]:
    """Every event of the tenant, as a reader gets them who begins at the beginning."""
    log: list[StoredEvent] = []
    while page := await ledger.page(
        tenant_id, after=log[-1].position if log else 0, limit=_PAGE_EVENTS
    ):
        log.extend(page)
    return log
