"""A snapshot is a shortcut: with it, without it, or with a wrong one, a record is what it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from eventsourcing.domain import OriginatorVersionError
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from crm_core import NOW, REDACTED, SYSTEM, AsOf, Command, Crm, Invalid, ManualClock, Request
from crm_core.customers import Customer, RegisterPerson, RenameCustomer, TagCustomer, UntagCustomer
from crm_core.kernel.ids import SeededIds
from crm_core.ledger.aggregate_store import opened
from crm_core.ledger.event_store import fold
from crm_core.ledger.memory import InMemoryLedger
from crm_core.ledger.records import StoredEvent
from crm_core.ledger.snapshot_check import Verdict, check_snapshots
from crm_core.ledger.snapshots import InMemorySnapshotStore, Snapshot
from crm_core.ledger.state import state_form_of
from crm_core.privacy.keys import InMemoryKeyStore, Keyring
from crm_core.sales import DefinePipeline, OpenOpportunity, SetNextStep, SetOpportunityCustomer
from crm_core.sales.opportunity.opportunity import Opportunity
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from strategies import ORGANIZATIONS, PEOPLE, customer_commands

ROOT_KEY = bytes(range(32))
ADA, BOB, DEAL = UUID(int=1), UUID(int=2), UUID(int=3)
EVERY = 4


class WatchedLedger(InMemoryLedger):
    """Remembers after which versions streams were read, and how many events came of it."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        super().__init__(clock)
        self.reads: list[tuple[int, int]] = []

    async def stream(
        self,
        tenant_id: UUID,
        stream_ids: Collection[UUID],
        *,
        after_version: int = 0,
        up_to: int | None = None,
    ) -> list[StoredEvent]:
        found = await super().stream(
            tenant_id, stream_ids, after_version=after_version, up_to=up_to
        )
        self.reads.append((after_version, len(found)))
        return found


def in_memory(every: int = EVERY, snapshots: InMemorySnapshotStore | None = None) -> Crm:
    keyring = Keyring(ROOT_KEY, InMemoryKeyStore())
    return Crm(WatchedLedger(), keyring, snapshots=snapshots, snapshot_every=every)


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str | None:
    """A database, or none."""
    return request.getfixturevalue("database_url") if request.param == "postgres" else None


@pytest.fixture
async def crm(place: str | None) -> AsyncIterator[Crm]:
    """A CRM that takes a snapshot every four events, over each of the ledgers."""
    opened = Crm.open(place, root_key=ROOT_KEY, snapshot_every=EVERY) if place else None
    async with in_memory() if opened is None else await opened as made:
        yield made


async def ada(crm: Crm, events: int) -> None:
    """Brings Ada to so many events, one after the other, and waits for what is due."""
    stored = await crm.store.ledger.stream(crm.tenant_id, [ADA])
    for number in range(len(stored), events):
        command: Command = RegisterPerson(customer_id=ADA, name="Ada")
        if number:
            kind = TagCustomer if number % 2 else UntagCustomer
            command = kind(customer_id=ADA, tag="vip")
        await crm.execute(command, actor=SYSTEM)
        await crm._taker.settled()


async def snapshots_of(crm: Crm, record_id: UUID = ADA) -> list[Snapshot]:
    return await crm.aggregates.snapshots.of_stream(crm.tenant_id, record_id)


async def folded(crm: Crm, record_id: UUID = ADA, as_of: AsOf = NOW) -> object:
    return fold(event.data for event in await crm.history(record_id, as_of))


async def verdicts(crm: Crm) -> list[Verdict]:
    return [
        one.verdict
        async for checked in check_snapshots(crm.aggregates, crm.tenant_id)
        for one in checked
    ]


# --- taken and used ----------------------------------------------------------------------------


async def test_every_fourth_version_is_kept_and_the_record_is_the_same(crm: Crm) -> None:
    await ada(crm, 11)
    assert [snapshot.version for snapshot in await snapshots_of(crm)] == [4, 8]
    assert await crm.get(Customer, ADA) == await folded(crm)
    assert await verdicts(crm) == [Verdict.EQUAL] * 2


async def test_only_what_came_after_it_is_read() -> None:
    crm = in_memory()
    await ada(crm, 11)
    ledger = crm.store.ledger
    assert isinstance(ledger, WatchedLedger)
    ledger.reads.clear()
    await crm.get(Customer, ADA)
    assert ledger.reads == [(7, 4)]  # its own last event, to know it by, and the three since
    await crm.execute(TagCustomer(customer_id=ADA, tag="more"), actor=SYSTEM)
    assert ledger.reads[1:2] == [(7, 4)]


async def test_a_short_record_costs_no_question_about_snapshots() -> None:
    class Unasked(InMemorySnapshotStore):
        async def newest(self, *_: object, **__: object) -> dict[UUID, Snapshot]:
            raise AssertionError("asked for a snapshot of a stream that has none")

    crm = in_memory(snapshots=Unasked())
    await ada(crm, 3)
    assert (await crm.get(Customer, ADA)).version == 3


async def test_a_record_as_of_a_position_begins_with_the_snapshot_before_it(crm: Crm) -> None:
    await ada(crm, 11)
    for position in range(1, 12):
        as_of = AsOf(position=position)
        assert await crm.get(Customer, ADA, as_of) == await folded(crm, ADA, as_of)
    if isinstance(crm.store.ledger, WatchedLedger):
        crm.store.ledger.reads.clear()
        await crm.get(Customer, ADA, AsOf(position=6))
        assert crm.store.ledger.reads == [(3, 3)]


async def test_what_had_happened_by_a_moment_is_never_read_from_a_snapshot() -> None:
    clock = ManualClock(datetime(2026, 1, 5, tzinfo=UTC))
    ledger = WatchedLedger(clock)
    crm = Crm(ledger, Keyring(ROOT_KEY, InMemoryKeyStore()), snapshot_every=2)
    await ada(crm, 6)
    clock.advance(timedelta(days=2))
    late = RenameCustomer(customer_id=ADA, name="Ada Byron")
    yesterday = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(hours=1)
    await crm.execute(late, actor=SYSTEM, effective_at=yesterday)
    ledger.reads.clear()
    then = await crm.get(Customer, ADA, AsOf(effective_at=yesterday))
    assert then.name == "Ada Byron"
    assert ledger.reads == [(0, 7)]


async def test_a_long_record_without_a_snapshot_gets_one_with_its_next_commit(crm: Crm) -> None:
    await ada(crm, 11)
    assert await crm.aggregates.drop_snapshots(crm.tenant_id) == 2
    assert await crm.get(Customer, ADA) == await folded(crm)
    await ada(crm, 12)
    assert [snapshot.version for snapshot in await snapshots_of(crm)] == [12]


async def test_a_batch_leaves_one_snapshot_at_the_last_version_that_was_due(crm: Crm) -> None:
    commands = [RegisterPerson(customer_id=ADA, name="Ada")]
    commands += [TagCustomer(customer_id=ADA, tag=f"t{n}") for n in range(9)]
    await crm.execute_many([Request(command=c, actor=SYSTEM) for c in commands])
    await crm._taker.settled()
    assert [snapshot.version for snapshot in await snapshots_of(crm)] == [8]
    assert await crm.get(Customer, ADA) == await folded(crm)


async def test_one_that_another_process_dropped_is_not_missed(crm: Crm) -> None:
    await ada(crm, 5)
    assert await crm.aggregates.snapshots.drop(crm.tenant_id) == 1
    await ada(crm, 9)
    assert await crm.get(Customer, ADA) == await folded(crm)
    assert [snapshot.version for snapshot in await snapshots_of(crm)] == [8]


async def test_many_long_records_are_loaded_at_once(crm: Crm) -> None:
    people = [UUID(int=100 + n) for n in range(12)]
    requests = [RegisterPerson(customer_id=person, name="P") for person in people]
    tags = [
        TagCustomer(customer_id=person, tag=f"t{n}")
        for number, person in enumerate(people)
        for n in range(number)
    ]
    for command in (*requests, *tags):
        await crm.execute(command, actor=SYSTEM)
    await crm._taker.settled()
    loaded = await crm.aggregates.load(crm.tenant_id, [*people, UUID(int=999)])
    assert loaded == {person: await folded(crm, person) for person in people}


async def test_without_snapshots_none_is_taken_or_read() -> None:
    crm = in_memory(every=0)
    await ada(crm, 12)
    assert await snapshots_of(crm) == []
    with pytest.raises(Invalid, match="snapshot_every"):
        in_memory(every=-1)


@given(st.lists(customer_commands(), max_size=25))
def test_with_snapshots_the_same_is_decided(commands: list[Command]) -> None:
    async def told(every: int) -> tuple[list[str], list[object]]:
        clock = ManualClock(datetime(2026, 1, 5, tzinfo=UTC))
        keyring = Keyring(ROOT_KEY, InMemoryKeyStore())
        ids = SeededIds(1, clock)
        crm = Crm(InMemoryLedger(clock), keyring, ids=ids, snapshot_every=every)
        codes = []
        for command in commands:
            (outcome,) = await crm.execute_many([Request(command=command, actor=SYSTEM)])
            codes.append(getattr(outcome, "code", "accepted"))
            await crm._taker.settled()
        assert set(await verdicts(crm)) <= {Verdict.EQUAL}
        return codes, list((await crm.aggregates.load(crm.tenant_id, EVERYBODY)).values())

    plain, shortened = asyncio.run(told(0)), asyncio.run(told(2))
    assert shortened[0] == plain[0]
    assert sorted(map(repr, shortened[1])) == sorted(map(repr, plain[1]))


EVERYBODY = PEOPLE + ORGANIZATIONS


# --- wrong ones --------------------------------------------------------------------------------


async def sealed(crm: Crm, wrong: Snapshot, aggregate: Customer) -> Snapshot:
    """What somebody with all keys could put into the table."""
    ciphers = await crm.store.keyring.for_opening(crm.tenant_id, wrong.subject_ids)
    return wrong.seal(state_form_of(Customer).encode(aggregate), ciphers)


async def keep(crm: Crm, wrong: Snapshot) -> None:
    await crm.aggregates.drop_snapshots(crm.tenant_id)
    await crm.aggregates.snapshots.keep(wrong)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 5},
        {"version": 3, "position": 3},
        {"position": 5},
        {"event_id": UUID(int=77)},
        {"sealed": b"\x00" * 64},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_changed_snapshot_is_dropped_and_the_record_folded(
    crm: Crm, changes: dict[str, object]
) -> None:
    await ada(crm, 6)
    (snapshot,) = await snapshots_of(crm)
    wrong = replace(snapshot, **changes)
    await keep(crm, wrong)
    assert await crm.get(Customer, ADA) == await folded(crm)
    assert await snapshots_of(crm) == []
    await keep(crm, wrong)
    assert await verdicts(crm) == [Verdict.DIFFERENT]
    assert await snapshots_of(crm) == []


async def test_one_of_the_wrong_version_is_never_followed_by_the_tail(crm: Crm) -> None:
    """Not even if it was sealed as such: it must end with the event that it names."""
    await ada(crm, 6)
    (snapshot,) = await snapshots_of(crm)
    older = fold([e.data for e in await crm.history(ADA, AsOf(version=3))])
    assert isinstance(older, Customer)
    wrong = await sealed(crm, replace(snapshot, version=3), older)
    await keep(crm, wrong)
    assert await crm.get(Customer, ADA) == await folded(crm)
    assert await snapshots_of(crm) == []
    # What a reader that does not look would do with it; the fold itself refuses that much.
    tail = [e.data for e in await crm.history(ADA) if e.version > snapshot.version]
    with pytest.raises(OriginatorVersionError):
        fold(tail, older)


async def test_one_of_another_history_is_dropped(crm: Crm) -> None:
    """As after a ledger was restored to an earlier day and went another way."""
    await ada(crm, 6)
    (snapshot,) = await snapshots_of(crm)
    aggregate = await crm.get(Customer, ADA, AsOf(version=4))
    await keep(crm, await sealed(crm, replace(snapshot, event_id=UUID(int=77)), aggregate))
    assert await crm.get(Customer, ADA) == await folded(crm)
    assert await snapshots_of(crm) == []
    beyond = replace(snapshot, version=40, position=40, event_id=UUID(int=78))
    await keep(crm, await sealed(crm, beyond, aggregate))
    assert await crm.get(Customer, ADA) == await folded(crm)


async def test_a_forged_state_is_found_by_what_the_events_say(crm: Crm) -> None:
    """Sealed with the real keys, it opens; only its events show that it is wrong."""
    await ada(crm, 6)
    (snapshot,) = await snapshots_of(crm)
    forged = await crm.get(Customer, ADA, AsOf(version=4))
    forged.tags = {"chairman"}
    await keep(crm, await sealed(crm, snapshot, forged))
    ciphers = await crm.store.keyring.for_opening(crm.tenant_id, [ADA])
    assert opened((await snapshots_of(crm))[0], ciphers) is not None
    assert await verdicts(crm) == [Verdict.DIFFERENT]
    assert await crm.get(Customer, ADA) == await folded(crm)


async def test_one_of_another_release_is_left_alone_and_not_read(crm: Crm) -> None:
    await ada(crm, 6)
    (snapshot,) = await snapshots_of(crm)
    other = replace(snapshot, fingerprint=b"another release", sealed=b"in another form")
    await keep(crm, other)
    assert await crm.get(Customer, ADA) == await folded(crm)
    assert await snapshots_of(crm) == [other]
    await ada(crm, 8)
    assert [s.version for s in await snapshots_of(crm)] == [4, 8]
    assert await verdicts(crm) == [Verdict.OUTDATED, Verdict.EQUAL]
    assert await snapshots_of(crm) == []


# --- erased ------------------------------------------------------------------------------------


async def test_a_snapshot_goes_with_its_subject(crm: Crm) -> None:
    await ada(crm, 6)
    (snapshot,) = await snapshots_of(crm)
    assert b"Ada" not in snapshot.sealed
    await crm.store.keyring.destroy(crm.tenant_id, ADA)
    assert (await crm.get(Customer, ADA)).name is REDACTED
    assert await snapshots_of(crm) == []
    await ada(crm, 9)
    assert await snapshots_of(crm) == []
    await keep(crm, snapshot)
    assert await verdicts(crm) == [Verdict.FORGOTTEN]


@pytest.mark.parametrize("erased", [ADA, BOB])
async def test_a_snapshot_goes_with_any_of_its_subjects(crm: Crm, erased: UUID) -> None:
    """A deal that was Ada's and is Bob's has words of both."""
    pipeline = DefinePipeline(name="Sales", stages=STANDARD_STAGES)
    commands = (
        RegisterPerson(customer_id=ADA, name="Ada"),
        RegisterPerson(customer_id=BOB, name="Bob"),
        pipeline,
        OpenOpportunity(
            opportunity_id=DEAL,
            name="Ada's deal",
            pipeline_id=pipeline.pipeline_id,
            customer_id=ADA,
            currency="EUR",
            owner_id=UUID(int=9),
        ),
        SetOpportunityCustomer(opportunity_id=DEAL, customer_id=BOB),
        SetNextStep(opportunity_id=DEAL, text="Call Bob"),
        SetNextStep(opportunity_id=DEAL, text="Call Bob again"),
    )
    for command in commands:
        await crm.execute(command, actor=SYSTEM)
    await crm._taker.settled()
    (snapshot,) = await snapshots_of(crm, DEAL)
    assert snapshot.subject_ids == (ADA, BOB)
    await crm.store.keyring.destroy(crm.tenant_id, erased)
    deal = await crm.get(Opportunity, DEAL)
    assert (deal.name is REDACTED, deal.next_step is REDACTED) == (erased == ADA, erased == BOB)
    assert deal == await folded(crm, DEAL)
    assert await snapshots_of(crm, DEAL) == []


async def test_one_that_is_sealed_for_too_few_is_found(crm: Crm) -> None:
    """It would outlive the one that it leaves out."""
    await ada(crm, 6)
    (snapshot,) = await snapshots_of(crm)
    await crm.execute(RegisterPerson(customer_id=BOB, name="Bob"), actor=SYSTEM)
    aggregate = await crm.get(Customer, ADA, AsOf(version=4))
    await keep(crm, await sealed(crm, replace(snapshot, subject_ids=(BOB,)), aggregate))
    assert await verdicts(crm) == [Verdict.DIFFERENT]


# --- taken beside the caller's path ------------------------------------------------------------


class Failing(InMemorySnapshotStore):
    async def keep(self, snapshot: Snapshot) -> None:
        raise OSError("disk full of Ada")


async def test_a_failure_to_store_one_is_logged_once_and_harms_nobody() -> None:
    crm = in_memory(snapshots=Failing())
    with capture_logs() as logs:
        await ada(crm, 13)
    assert await crm.get(Customer, ADA) == await folded(crm)
    assert [(entry["event"], entry["error"]) for entry in logs] == [
        ("snapshot.not_taken", "OSError")
    ]


class Slow(InMemorySnapshotStore):
    """Keeps nothing before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.keeping = self.most = 0

    async def keep(self, snapshot: Snapshot) -> None:
        self.keeping += 1
        self.most = max(self.most, self.keeping)
        await self.go.wait()
        self.keeping -= 1
        await super().keep(snapshot)


async def test_no_caller_waits_and_few_are_taken_at_once() -> None:
    slow = Slow()
    crm = in_memory(every=1, snapshots=slow)
    people = [RegisterPerson(name="P") for _ in range(10)]
    for person in people:
        await crm.execute(person, actor=SYSTEM)  # returns, though no snapshot is kept yet
        await asyncio.sleep(0)
    assert (slow.keeping, await slow.versions(crm.tenant_id)) == (2, {})
    slow.go.set()
    await crm._taker.settled()
    assert len(await slow.versions(crm.tenant_id)) == 10
    assert slow.most == 2


async def test_closing_finishes_what_is_due() -> None:
    store = InMemorySnapshotStore()
    async with in_memory(every=1, snapshots=store) as crm:
        await crm.execute(RegisterPerson(customer_id=ADA, name="Ada"), actor=SYSTEM)
    assert await store.versions(crm.tenant_id) == {ADA: 1}
