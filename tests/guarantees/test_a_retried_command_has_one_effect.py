"""G5: a command that is sent again, because nobody heard the answer, has one effect.

A proxy cuts the line before, while and after the server stores what it was sent. The client sends
the same again under the same command id, as often as it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from random import Random
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from crm_core import SYSTEM, Crm, CrmError, new_id
from crm_core.customers import RegisterPerson
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.postgres.migrate import migrate
from crm_core.ledger.records import Append, Appended, Expected, StreamAppend

from . import numbers
from .history import faults_of_log, faults_of_receipts
from .proxy import Cut, CuttingProxy
from .reading import patiently
from .server import Server, open_folder, running_server
from .writing import Record, persist, some_append, whole_log


async def test_a_client_that_sends_again_has_one_effect(proxy: CuttingProxy, url: str) -> None:
    """The ledger itself gives up at once; all is left to the command id."""
    ledger = PostgresLedger(await open_pool(url, "crm_app"), recovery_seconds=0)
    record, tenant_id, random = Record(), uuid4(), Random(5)
    versions = {uuid4(): 0 for _ in range(5)}
    unheard = 0  # stored, and the answer was lost

    async def send() -> None:
        nonlocal unheard
        append = record.send(tenant_id, some_append(random, versions))
        first = await persist(ledger, tenant_id, append)
        assert record.tell(tenant_id, first)
        assert isinstance(first, Appended)
        unheard += first.replayed
        proxy.disarm()
        assert await persist(ledger, tenant_id, append) == replace(first, replayed=True)
        for one in append.streams:
            versions[one.stream_id] += len(one.events)

    await cut_often(proxy, send, numbers.LOST_REPLIES // 2)
    assert await record.faults(ledger) == []
    assert unheard > numbers.LOST_REPLIES / 20
    await ledger.close()


async def test_a_ledger_finds_out_by_itself_what_became_of_an_append(
    proxy: CuttingProxy, url: str
) -> None:
    """No command id: the ids of the events tell."""
    ledger = PostgresLedger(await open_pool(url, "crm_app"))
    record, tenant_id, random = Record(), uuid4(), Random(6)
    versions = {uuid4(): 0 for _ in range(5)}

    async def send() -> None:
        append = record.send(tenant_id, replace(some_append(random, versions), fingerprint=None))
        (outcome,) = await ledger.append(tenant_id, [append])
        assert record.tell(tenant_id, outcome)
        for one in append.streams:
            versions[one.stream_id] += len(one.events)

    await cut_often(proxy, send, numbers.LOST_REPLIES // 4)
    assert await record.faults(ledger) == []
    assert proxy.settled > numbers.LOST_REPLIES / 40
    await ledger.close()


async def test_a_command_of_the_crm_that_is_sent_again_has_one_effect(
    proxy: CuttingProxy, url: str
) -> None:
    async with await Crm.open(url, root_key=bytes(32), tenant="cut") as crm:
        record = Record()

        async def send() -> None:
            command, command_id = RegisterPerson(name="Ada"), new_id()
            execute = partial(crm.execute, command, SYSTEM, command_id=command_id)
            receipt = await patiently(execute)
            proxy.disarm()
            again = await execute()
            assert (again.event_ids, again.position) == (receipt.event_ids, receipt.position)
            record.tell(crm.tenant_id, receipt)

        await cut_often(proxy, send, numbers.LOST_REPLIES // 4)
        log = await whole_log(crm.store.ledger, crm.tenant_id)
        assert faults_of_log(log) + faults_of_receipts(log, record.told[crm.tenant_id]) == []
        assert len(log) == record.acknowledged
        assert proxy.settled > numbers.LOST_REPLIES / 40


# --- a planted bug: the same cuts must show it


class ForgetfulLedger:
    """Keeps no command ids, and takes what comes for the second time for something new."""

    def __init__(self, ledger: PostgresLedger) -> None:
        self._ledger = ledger

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        return await self._ledger.append(tenant_id, [_as_new(append) for append in appends])


def _as_new(append: Append) -> Append:
    streams = tuple(
        StreamAppend(
            stream.stream_type,
            stream.stream_id,
            Expected.ANY,
            tuple(replace(event, event_id=new_id()) for event in stream.events),
        )
        for stream in append.streams
    )
    return replace(append, streams=streams, fingerprint=None)


async def test_a_ledger_that_forgets_the_command_id_is_caught_doubling(
    proxy: CuttingProxy, url: str
) -> None:
    ledger = PostgresLedger(await open_pool(url, "crm_app"), recovery_seconds=0)
    record, tenant_id = Record(), uuid4()

    async def send() -> None:
        append = record.send(tenant_id, some_append(Random(7), {uuid4(): 0}))
        record.tell(tenant_id, await persist(ForgetfulLedger(ledger), tenant_id, append))

    await cut_often(proxy, send, 60)
    assert any("twice" in fault for fault in await record.faults(ledger))
    await ledger.close()


# --- the workshop


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        asyncio.run(migrate(server.url()))
        yield server


@pytest.fixture
async def proxy(server: Server) -> AsyncIterator[CuttingProxy]:
    with open_folder() as folder:
        async with CuttingProxy(server.socket, folder) as proxy:
            yield proxy


@pytest.fixture
def url(server: Server, proxy: CuttingProxy) -> str:
    return server.url(sockets=proxy.folder)


async def cut_often(proxy: CuttingProxy, send: Callable[[], Awaitable[None]], cuts: int) -> None:
    """Sends until there were so many cuts, of every kind and at every step."""
    random = Random(cuts)
    await send()
    while proxy.made.total() < cuts:
        proxy.arm(random.choice(list(Cut)), after=random.randrange(4))
        await send()
    proxy.disarm()
    assert len(proxy.made) == len(Cut)
