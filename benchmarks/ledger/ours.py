"""Our ledger through its public async API, in one process on one event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from uuid import UUID, uuid4

from measuring import Load, Reading, Samples
from reading import NewLoop, ledger_readings

from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import SYSTEM
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.records import Append, Appended, Expected, NewEvent, StreamAppend

__all__ = ["TEXT", "Ours"]

TEXT = '{"text":"' + "x" * 389 + '"}'

_DATA = TEXT.encode()


class Ours:
    def __init__(self, name: str, url: str, new_loop: NewLoop) -> None:
        self.name = name
        self.url = url
        self._new_loop = new_loop

    def takes(self, load: Load) -> bool:
        return True

    def append(self, load: Load, seconds: int) -> Samples:
        with asyncio.Runner(loop_factory=self._new_loop) as runner:
            return runner.run(_append(self.url, load, seconds))

    def readings(self) -> Mapping[str, Reading]:
        return ledger_readings(self.url, self._new_loop)


async def _append(url: str, load: Load, seconds: int) -> Samples:
    ledger = PostgresLedger(await open_pool(url, "crm_app"))
    tenants = [uuid4() for _ in range(load.tenants)]
    writers = [_Writer(ledger, tenants, number, load.events) for number in range(load.writers)]
    await asyncio.gather(*(writer.begin_streams() for writer in writers))
    stop = time.perf_counter() + seconds
    await asyncio.gather(*(writer.write(stop) for writer in writers))
    await ledger.close()
    return [sample for writer in writers for sample in writer.samples]


class _Writer:
    def __init__(
        self, ledger: PostgresLedger, tenants: list[UUID], number: int, events: int
    ) -> None:
        self._ledger = ledger
        self._streams = [(tenant, uuid4()) for tenant in tenants]
        self._number = number
        self._events = events
        self.samples: Samples = []

    async def begin_streams(self) -> None:
        for tenant, stream in self._streams:
            await self._append(tenant, stream, Expected.NONE)

    async def write(self, stop: float) -> None:
        turn = 0
        while (started := time.perf_counter()) < stop:
            tenant, stream = self._streams[(turn + self._number) % len(self._streams)]
            await self._append(tenant, stream, self._events * (1 + turn // len(self._streams)))
            ended = time.perf_counter()
            self.samples.append((ended, ended - started))
            turn += 1

    async def _append(self, tenant: UUID, stream: UUID, expected: int | Expected) -> None:
        events = [
            NewEvent(event_id=new_id(), type="bench.thing.happened", schema_version=1, data=_DATA)
            for _ in range(self._events)
        ]
        command_id = new_id()
        append = Append(
            command_id=command_id,
            actor=SYSTEM,
            correlation_id=command_id,
            streams=(StreamAppend("bench.thing", stream, expected, tuple(events)),),
        )
        (outcome,) = await self._ledger.append(tenant, [append])
        assert isinstance(outcome, Appended), outcome
