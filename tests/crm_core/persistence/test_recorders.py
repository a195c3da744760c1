"""What the ledger promises to the library's recorders, beyond what the library's suites ask."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    ProcessRecorder,
    StoredEvent,
    Tracking,
)
from eventsourcing.popo import POPOAggregateRecorder
from eventsourcing.utils import Environment

from crm_core import Actor, ActorKind
from crm_core.ledger import records
from crm_core.persistence import (
    LedgerApplicationRecorder,
    LedgerFactory,
    LedgerProcessRecorder,
)


def new_factory(name: str = "Accounts") -> LedgerFactory:
    return InfrastructureFactory.construct(Environment(name, os.environ))


@pytest.fixture
def factory(module: str) -> Iterator[LedgerFactory]:
    made = new_factory()
    yield made
    made.close()


def events(originator_id: UUID | str, *versions: int, topic: str = "opened") -> list[StoredEvent]:
    return [StoredEvent(originator_id, version, topic, b"{}") for version in versions]


def in_the_ledger(factory: LedgerFactory) -> Sequence[records.StoredEvent]:
    log = factory.log
    return log.call(log.ledger.page(log.tenant_id, after=0, limit=10_000))


# --- the envelope -----------------------------------------------------------------------------


def test_an_event_lies_in_the_ledger_with_its_envelope(factory: LedgerFactory) -> None:
    account, state = uuid4(), b"\x00\xffany bytes"
    recorder = factory.application_recorder()
    recorder.insert_events(
        [StoredEvent(account, 1, "bank:Account.Opened", state), *events(account, 2)]
    )
    first, second = in_the_ledger(factory)
    assert (first.tenant_id, first.stream_type) == (factory.log.tenant_id, "eventsourcing:Accounts")
    assert (first.stream_id, first.version, first.position) == (account, 1, 1)
    assert (first.type, first.schema_version, first.data) == ("bank:Account.Opened", 1, state)
    assert first.actor == Actor(ActorKind.SYSTEM, "Accounts")
    assert first.command_id == second.command_id == first.correlation_id
    assert (first.causation_id, first.reason, first.tags) == (None, None, ())
    assert recorder.select_events(account, lte=1) == [
        StoredEvent(account, 1, "bank:Account.Opened", state)
    ]


def test_an_insert_may_say_who_and_why(factory: LedgerFactory) -> None:
    said = {
        "actor": Actor(ActorKind.USER, "u1", on_behalf_of="u2"),
        "correlation_id": uuid4(),
        "causation_id": uuid4(),
        "reason": "import:legacy",
    }
    factory.application_recorder().insert_events(events(uuid4(), 1), **said)
    (stored,) = in_the_ledger(factory)
    assert {name: getattr(stored, name) for name in said} == said
    with pytest.raises(TypeError, match="corelation_id"):
        factory.application_recorder().insert_events(events(uuid4(), 1), corelation_id=uuid4())


def test_the_environment_names_the_actor(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_ACTOR", "INTEGRATION:billing:eu")
    with new_factory() as factory:
        factory.application_recorder().insert_events(events(uuid4(), 1))
        assert in_the_ledger(factory)[0].actor == Actor(ActorKind.INTEGRATION, "billing:eu")
        factory.close()


# --- positions --------------------------------------------------------------------------------


def check_ids_after_a_refusal(recorder: ApplicationRecorder) -> None:
    account = uuid4()
    assert recorder.insert_events(events(account, 1, 2)) == [1, 2]
    for refused in (
        events(account, 2, 3),
        events(account, 4),
        events(uuid4(), 2),
        events(uuid4(), -1),
        [*events(uuid4(), 1), *events(account, 2)],
        events(uuid4(), 1, 1),
        events(uuid4(), 1, 3),
    ):
        with pytest.raises(IntegrityError):
            recorder.insert_events(refused)
    assert recorder.insert_events(events(uuid4(), 1)) == [3]
    assert recorder.max_notification_id() == 3


def test_a_refused_insert_takes_no_position(factory: LedgerFactory) -> None:
    check_ids_after_a_refusal(factory.application_recorder())


def test_ids_that_are_counted_and_not_given_are_caught(factory: LedgerFactory) -> None:
    class Counting(LedgerApplicationRecorder):
        last = 0

        def insert_events(self, stored_events: Sequence[StoredEvent], **_: object) -> list[int]:
            first = self.last + 1
            self.last += len(stored_events)
            self.log.append(stored_events)
            return list(range(first, self.last + 1))

    with pytest.raises(AssertionError):
        check_ids_after_a_refusal(Counting(factory.log))


def test_events_of_several_originators_keep_their_order(factory: LedgerFactory) -> None:
    ada, bob = uuid4(), uuid4()
    recorder = factory.application_recorder()
    mixed = [*events(ada, 1, 2), *events(bob, 1), *events(ada, 3), *events(bob, 2, 3)]
    assert recorder.insert_events(mixed) == [1, 2, 3, 4, 5, 6]
    told = recorder.select_notifications(start=1, limit=10)
    assert [(n.id, n.originator_id, n.originator_version) for n in told] == [
        (position, event.originator_id, event.originator_version)
        for position, event in enumerate(mixed, start=1)
    ]
    with pytest.raises(IntegrityError):
        recorder.insert_events([*events(ada, 4), *events(bob, 4), *events(ada, 6)])


def check_every_page(recorder: ApplicationRecorder) -> None:
    for _ in range(7):
        recorder.insert_events(events(uuid4(), 1, 2))
    for limit, inclusive in product((1, 3, 14, 20), (True, False)):
        seen: list[int] = []
        while page := recorder.select_notifications(
            start=len(seen) + int(inclusive), limit=limit, inclusive_of_start=inclusive
        ):
            seen.extend(notification.id for notification in page)
        assert seen == list(range(1, 15))


def test_a_reader_of_pages_skips_nothing(factory: LedgerFactory) -> None:
    check_every_page(factory.application_recorder())


def test_a_reader_that_skips_is_caught(factory: LedgerFactory) -> None:
    class Skipping(LedgerApplicationRecorder):
        def select_notifications(
            self, start: int | None, *args: object, **kwargs: object
        ) -> object:
            return super().select_notifications((start or 0) + 1, *args, **kwargs)

    with pytest.raises(AssertionError):
        check_every_page(Skipping(factory.log))


# --- originators ------------------------------------------------------------------------------


def check_ranges(ours: AggregateRecorder, first: int, originator_id: UUID | str) -> None:
    theirs = POPOAggregateRecorder()
    for recorder in (ours, theirs):
        recorder.insert_events(events(originator_id, first, first + 1))
        recorder.insert_events(events(originator_id, *range(first + 2, first + 5)))
    numbers = (None, *range(-1, first + 6))
    for gt, lte, desc, limit in product(numbers, numbers, (False, True), (None, 1, 2, 9)):
        asked = {"gt": gt, "lte": lte, "desc": desc, "limit": limit}
        assert ours.select_events(originator_id, **asked) == theirs.select_events(
            originator_id, **asked
        ), asked


@pytest.mark.parametrize("first", [0, 1])
def test_ranges_are_as_the_library_has_them(factory: LedgerFactory, first: int) -> None:
    check_ranges(factory.aggregate_recorder(), first, uuid4())


def test_an_originator_may_have_a_text_for_an_id(factory: LedgerFactory) -> None:
    recorder = factory.application_recorder()
    check_ranges(recorder, 1, "account/DE-4711")
    recorder.insert_events(events("account/DE-4712", 1))
    *_, told = recorder.select_notifications(start=1, limit=10)
    assert told.originator_id == "account/DE-4712"
    assert in_the_ledger(factory)[0].stream_id != in_the_ledger(factory)[-1].stream_id


def test_originators_that_count_from_0_are_told_apart(factory: LedgerFactory) -> None:
    zero, one = uuid4(), uuid4()
    recorder = factory.application_recorder()
    recorder.insert_events([*events(zero, 0), *events(one, 1)])
    recorder.insert_events([*events(zero, 1, 2), *events(one, 2), *events(zero, 3)])
    for taken in (events(zero, 0), events(zero, 3), events(one, 0), events(one, 2)):
        with pytest.raises(IntegrityError):
            recorder.insert_events(taken)
    versions = [
        (notification.originator_id, notification.originator_version)
        for notification in recorder.select_notifications(start=1, limit=10)
    ]
    assert versions == [(zero, 0), (one, 1), (zero, 1), (zero, 2), (one, 2), (zero, 3)]


def test_a_version_is_never_given_twice(factory: LedgerFactory) -> None:
    """Also where an originator that counts from 0 leaves one out, which the ledger cannot see."""
    zero = uuid4()
    recorder = factory.application_recorder()
    recorder.insert_events(events(zero, 0))
    recorder.insert_events(events(zero, 2))
    for taken in (0, 2):
        with pytest.raises(IntegrityError):
            recorder.insert_events(events(zero, taken))
    assert [event.originator_version for event in recorder.select_events(zero)] == [0, 2]


# --- tracking ---------------------------------------------------------------------------------


def check_tracking_is_atomic(recorder: ProcessRecorder) -> None:
    account = uuid4()
    recorder.insert_events(events(account, 1), tracking=Tracking("orders", 7))
    for refused, tracked in ((events(account, 1), 8), (events(account, 2), 7)):
        with pytest.raises(IntegrityError):
            recorder.insert_events(refused, tracking=Tracking("orders", tracked))
        assert recorder.max_tracking_id("orders") == 7
        assert recorder.max_notification_id() == 1


def test_tracking_and_events_are_stored_together_or_not_at_all(factory: LedgerFactory) -> None:
    check_tracking_is_atomic(factory.process_recorder())


@pytest.mark.parametrize("is_first", [True, False])
def test_tracking_in_a_transaction_of_its_own_is_caught(
    factory: LedgerFactory, is_first: bool
) -> None:
    class Apart(LedgerProcessRecorder):
        def insert_events(
            self, stored_events: Sequence[StoredEvent], *, tracking: Tracking | None = None
        ) -> None:
            steps = [(stored_events, None), ((), tracking)]
            for step in reversed(steps) if is_first else steps:
                self.log.append(*step)

    with pytest.raises(AssertionError):
        check_tracking_is_atomic(Apart(factory.log))


def test_of_two_followers_one_deals_with_an_event(factory: LedgerFactory) -> None:
    recorder = factory.process_recorder()

    def follow(_: int) -> bool:
        try:
            recorder.insert_events(events(uuid4(), 1), tracking=Tracking("orders", 1))
        except IntegrityError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(follow, range(16))) == 1
    assert recorder.max_notification_id() == 1


# --- applications beside each other -----------------------------------------------------------


def test_applications_have_logs_of_their_own(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    factories = [new_factory("Accounts"), new_factory("Shipping")]
    monkeypatch.setenv("CRM_TENANT", uuid4().hex)
    factories.append(new_factory("Accounts"))
    account = uuid4()
    for factory in factories:
        recorder = factory.process_recorder()
        assert recorder.insert_events(events(account, 1), tracking=Tracking("orders", 1)) == [1]
        assert len(recorder.select_events(account)) == 1
    assert len({factory.log.tenant_id for factory in factories}) == 3
    for factory in factories:
        factory.close()


def test_a_recorder_outlives_its_factory(module: str) -> None:
    recorder = new_factory().application_recorder()
    gc.collect()
    assert recorder.insert_events(events(uuid4(), 1)) == [1]
    thread = recorder.log._portal._thread
    gone = weakref.ref(recorder.log)
    del recorder
    gc.collect()
    assert gone() is None
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize("module", ["crm_core.persistence"], indirect=True)
def test_threads_share_transactions(factory: LedgerFactory, shared_database_url: str) -> None:
    recorder = factory.application_recorder()
    start = threading.Barrier(32)

    def write(_: int) -> None:
        start.wait()
        for _ in range(5):
            recorder.insert_events(events(uuid4(), 1))

    with ThreadPoolExecutor(32) as threads:
        list(threads.map(write, range(32)))
    assert [event.position for event in in_the_ledger(factory)] == list(range(1, 161))
    with psycopg.connect(shared_database_url) as connection:
        found = connection.execute(
            "select count(distinct xmin::text) from ledger.event where tenant_id = %s",
            [factory.log.tenant_id],
        )
        assert found.fetchone() < (160,)
