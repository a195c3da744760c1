"""Following a ledger: first what was, then what is being recorded; none skipped, none doubled."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from crm_core import EVERYTHING, SYSTEM, Crm, Page, RecordedEvent, Request, Selection, Subscription
from crm_core.customers import RegisterPerson, RenameCustomer, TagCustomer
from crm_core.embedded import EmbeddedPostgres
from crm_core.kernel.clock import SystemClock
from crm_core.ledger.memory import InMemoryLedger
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.keys import PostgresKeyStore
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.records import Append, StoredEvent
from crm_core.ledger.signal import Closed
from crm_core.ledger.subscription import Tail
from crm_core.ledger.watch import Pauses
from crm_core.privacy.cipher import new_key
from crm_core.privacy.keys import InMemoryKeyStore, Keyring
from query_counts import count_queries

ROOT_KEY = bytes(range(32))
ADA, BOB = UUID(int=1), UUID(int=2)
NEVER = Pauses(3600, 3600)  # nobody who waits looks by itself
RENAMED = Selection(types=["customers.customer.renamed"])


@pytest.fixture(params=["memory", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("database_url") if request.param == "postgres" else None


@pytest.fixture
async def crm(url: str | None) -> AsyncIterator[Crm]:
    """A CRM in memory, and one over a database."""
    async with Crm.in_memory() if url is None else await Crm.open(url, root_key=ROOT_KEY) as opened:
        yield opened


@pytest.fixture
async def stored(database_url: str) -> AsyncIterator[Crm]:
    async with await Crm.open(database_url, root_key=ROOT_KEY) as opened:
        yield opened


async def record(crm: Crm, people: int) -> None:
    """Three events a person, in one append each."""
    for _ in range(people):
        person = RegisterPerson(name="Ada")
        commands = [
            person,
            RenameCustomer(customer_id=person.customer_id, name="Ada Lovelace"),
            TagCustomer(customer_id=person.customer_id, tag="vip"),
        ]
        await crm.execute_many([Request(command=c, actor=SYSTEM) for c in commands])


async def take(subscription: Subscription, count: int) -> list[int]:
    async with asyncio.timeout(20):
        return [(await anext(subscription)).position for _ in range(count)]


async def selected(crm: Crm, selection: Selection) -> list[int]:
    """The positions of all there are."""
    return [e.position async for page in crm.events() for e in page if selection.selects(e.stored)]


@pytest.mark.parametrize("selection", [EVERYTHING, RENAMED], ids=["all", "selected"])
async def test_it_catches_up_and_goes_on_while_others_write(crm: Crm, selection: Selection) -> None:
    await record(crm, 20)
    subscription = crm.subscribe(selection, page_events=7)
    writing = [asyncio.create_task(record(crm, 20)) for _ in range(3)]
    count = 80 if selection == RENAMED else 240
    found = await take(subscription, count)
    await asyncio.gather(*writing)
    assert found == await selected(crm, selection)


# --- taking up again ------------------------------------------------------------------------------


async def interrupted(crm: Crm, kind: type[Subscription], random: Random) -> list[int]:
    """What is seen by one who stops ever again, and goes on where the last one was."""
    seen: list[int] = []
    position, count = 0, len(await selected(crm, RENAMED))
    while len(seen) < count:
        subscription = kind(
            crm.store, crm._tail, crm.tenant_id, RENAMED, after=position, page_events=5
        )
        for _ in range(min(random.randint(1, 8), count - len(seen))):
            seen += await take(subscription, 1)
            position = subscription.position
    return seen


class Hasty(Subscription):
    """Moves on when it has read a page, not when it has handed it out."""

    @property
    def position(self) -> int:
        return self._scanned_to


@pytest.mark.parametrize("seed", range(5))
async def test_a_new_one_goes_on_where_the_last_one_was(crm: Crm, seed: int) -> None:
    await record(crm, 20)
    whole = await selected(crm, RENAMED)
    assert await interrupted(crm, Subscription, Random(seed)) == whole


async def test_one_that_moves_before_it_hands_out_would_be_found_out(crm: Crm) -> None:
    await record(crm, 20)
    with pytest.raises((AssertionError, TimeoutError)):
        async with asyncio.timeout(1):
            assert await interrupted(crm, Hasty, Random(1)) == await selected(crm, RENAMED)


async def test_it_moves_on_where_nothing_is_selected(crm: Crm) -> None:
    await record(crm, 3)
    subscription = crm.subscribe(Selection(types=["customers.customer.archived"]))
    page = await subscription.next_page(seconds=0)
    assert (page, page.scanned_to, subscription.position) == ([], 9, 9)


async def test_waiting_may_be_given_up_and_taken_up_again(crm: Crm) -> None:
    subscription = crm.subscribe()
    for expected in ([1, 2, 3], [4, 5, 6]):
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(_next(subscription), 0.01)
        await record(crm, 1)
        assert await take(subscription, 3) == expected


async def _next(subscription: Subscription) -> RecordedEvent:
    return await anext(subscription)


async def test_pages_and_single_events_can_be_mixed(crm: Crm) -> None:
    await record(crm, 3)
    subscription = crm.subscribe(page_events=5)
    assert await take(subscription, 2) == [1, 2]
    pages = [await subscription.next_page() for _ in range(2)]
    assert [[event.position for event in page] for page in pages] == [[3, 4, 5], [6, 7, 8, 9]]
    assert all(isinstance(page, Page) for page in pages)
    assert subscription.position == 9


# --- many at once ---------------------------------------------------------------------------------


async def test_a_thousand_who_wait_ask_as_one(stored: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    await record(stored, 1)
    selections = [EVERYTHING, RENAMED, Selection(stream_id=ADA), Selection(categories=["sales"])]
    subscriptions = [stored.subscribe(s, after=3) for s in selections * 250]
    waiting = [asyncio.create_task(s.next_page()) for s in subscriptions]
    await asyncio.sleep(1)  # all have caught up
    asked = count_queries(stored, monkeypatch)
    await asyncio.sleep(1)
    assert asked["reads"] == 0
    assert asked["looks"] <= 50  # one in 20 ms at the most
    asked.clear()
    await record(stored, 1)
    woken = waiting[0::4] + waiting[1::4]
    pages = await asyncio.wait_for(asyncio.gather(*woken), 20)
    assert [len(page) for page in pages] == [3] * 250 + [1] * 250
    assert asked["reads"] <= 10  # one for all, and the command's own
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_one_who_gives_up_takes_no_event_from_the_others() -> None:
    class Slow(InMemoryLedger):
        reads, may_answer = 0, asyncio.Event()

        async def page(self, *given: Any, **named: Any) -> Page[StoredEvent]:
            self.reads += 1
            await self.may_answer.wait()
            return await super().page(*given, **named)

    ledger = Slow()
    crm = Crm(ledger, Keyring(ROOT_KEY, InMemoryKeyStore()))
    ledger.may_answer.set()
    await record(crm, 1)
    ledger.may_answer.clear()
    ledger.reads, tail = 0, Tail(ledger)
    first, *others = [asyncio.create_task(tail.between(crm.tenant_id, 0, 3)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    ledger.may_answer.set()
    assert [len(page) for page in await asyncio.gather(*others)] == [3, 3]
    assert ledger.reads == 1


async def test_one_who_follows_a_record_does_not_read_it_again(
    stored: Crm, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stored.execute(RegisterPerson(customer_id=ADA, name="0"), actor=SYSTEM)
    for number in range(1, 60):
        await stored.execute(RenameCustomer(customer_id=ADA, name=f"{number}"), actor=SYSTEM)
    subscription = stored.subscribe(Selection(stream_id=ADA))
    await take(subscription, 60)
    waiting = asyncio.create_task(subscription.next_page())
    asked = count_queries(stored, monkeypatch)
    async with await Crm.open(database_url, root_key=ROOT_KEY) as other:
        for _ in range(10):
            await record(other, 1)
            await asyncio.sleep(0.02)
        await other.execute(RenameCustomer(customer_id=ADA, name="Ada"), actor=SYSTEM)
    assert [event.position for event in await asyncio.wait_for(waiting, 20)] == [91]
    assert asked["events"] == 31


# --- waking ---------------------------------------------------------------------------------------


class Early(PostgresLedger):
    """Says that an event is there a moment before it is."""

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> Any:
        self._signal.raise_to(tenant_id, (await self.head(tenant_id)).position + 1)
        self._appender._reached = lambda *_: None  # and nothing afterwards
        await asyncio.sleep(0.1)  # committing takes its time
        return await super().append(tenant_id, appends)


@pytest.mark.parametrize(
    ("kind", "wakes"), [(PostgresLedger, True), (Early, False)], ids=["after", "before the commit"]
)
async def test_who_waits_is_woken_once_the_event_is_there(
    database_url: str, kind: type[PostgresLedger], wakes: bool
) -> None:
    """Nobody looks by himself here: a wake-up before the commit would strand who waits."""
    pool = await open_pool(database_url, "crm_app")
    ledger = kind(pool, pauses=NEVER)
    async with Crm(ledger, Keyring(ROOT_KEY, PostgresKeyStore(pool))) as crm:
        waiting = asyncio.create_task(_next(crm.subscribe()))
        await asyncio.sleep(0.1)
        await crm.execute(RegisterPerson(name="Ada"), actor=SYSTEM)
        done, _ = await asyncio.wait([waiting], timeout=20 if wakes else 1)
        assert bool(done) is wakes
        waiting.cancel()


async def test_an_append_of_another_process_is_found_by_looking(database_url: str) -> None:
    async with (
        await Crm.open(database_url, root_key=ROOT_KEY) as crm,
        await Crm.open(database_url, root_key=ROOT_KEY) as other,
    ):
        subscription = crm.subscribe()
        for first in (1, 4, 7):
            waiting = asyncio.create_task(take(subscription, 3))
            await asyncio.sleep(0.3)  # long enough for the pauses to grow
            await record(other, 1)
            assert await waiting == [first, first + 1, first + 2]


async def test_who_waits_is_told_when_the_database_is_away(
    stored: Crm, database_url: str, postgres: EmbeddedPostgres
) -> None:
    subscriptions = [stored.subscribe() for _ in range(3)]
    waiting = [asyncio.create_task(_next(subscription)) for subscription in subscriptions]
    await asyncio.sleep(0.1)
    async with await psycopg.AsyncConnection.connect(postgres.url(), autocommit=True) as owner:
        name = conninfo_to_dict(database_url)["dbname"]
        await owner.execute(f"alter database {name} allow_connections false")
        await owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
        )
        told = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 60)
        await owner.execute(f"alter database {name} allow_connections true")
    assert all(isinstance(error, psycopg.OperationalError) for error in told)
    async with await Crm.open(database_url, root_key=ROOT_KEY) as other:
        await record(other, 1)
    async with asyncio.timeout(20):
        while True:  # each connection that the pool still holds may be a dead one
            with contextlib.suppress(psycopg.OperationalError):
                assert await take(subscriptions[0], 3) == [1, 2, 3]
                return


# --- ending ---------------------------------------------------------------------------------------


async def test_it_ends_when_the_crm_is_closed(crm: Crm) -> None:
    async def follow() -> list[RecordedEvent]:
        return [event async for event in crm.subscribe()]

    following = asyncio.create_task(follow())
    paging = asyncio.create_task(crm.subscribe().next_page())
    await asyncio.sleep(0.05)
    await crm.close()
    assert await asyncio.wait_for(following, 10) == []
    with pytest.raises(Closed):
        await asyncio.wait_for(paging, 10)


def test_the_same_without_await() -> None:
    crm = Crm.sync.in_memory()
    crm.execute(RegisterPerson(customer_id=ADA, name="Ada"), actor=SYSTEM)
    seen: list[int] = []
    reached = threading.Event()

    def follow() -> None:
        for event in crm.subscribe(Selection(stream_id=ADA)):
            seen.append(event.position)
            if len(seen) == 2:
                reached.set()

    thread = threading.Thread(target=follow)
    thread.start()
    crm.execute(RegisterPerson(customer_id=BOB, name="Bob"), actor=SYSTEM)
    crm.execute(RenameCustomer(customer_id=ADA, name="Ada Lovelace"), actor=SYSTEM)
    assert reached.wait(10)
    assert [len(page) for page in crm.events(RENAMED)] == [1]
    crm.close()
    thread.join(10)
    assert not thread.is_alive()
    assert seen == [1, 3]


class Asked(InMemoryLedger):
    """Counts how often it is asked for events."""

    pages = 0

    async def page(self, *args: Any, **given: Any) -> Page[StoredEvent]:
        self.pages += 1
        return await super().page(*args, **given)


async def test_who_follows_asks_for_no_events_while_nothing_happens() -> None:
    ledger = Asked(SystemClock())
    async with Crm(ledger, Keyring(new_key(), InMemoryKeyStore())) as crm:
        following = crm.subscribe()
        assert await following.next_page(seconds=0.01) == []
        asked = ledger.pages
        for _ in range(5):
            assert await following.next_page(seconds=0.01) == []
        assert ledger.pages == asked
        await crm.execute(RegisterPerson(name="Ada"), actor=SYSTEM)
        (event,) = await following.next_page(seconds=10)
        assert event.position == 1
