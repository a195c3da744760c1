"""A subscription sees every event once, in order, in bounded memory, whoever appends."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from itertools import islice
from uuid import uuid4

import pytest
from eventsourcing.persistence import (
    InfrastructureFactory,
    InterfaceError,
    StoredEvent,
)
from eventsourcing.utils import Environment

from crm_core.persistence import LedgerFactory
from crm_core.persistence.recorders import LedgerSubscription


def new_factory() -> LedgerFactory:
    return InfrastructureFactory.construct(Environment("Accounts", os.environ))


@pytest.fixture
def factory(module: str) -> Iterator[LedgerFactory]:
    made = new_factory()
    yield made
    made.close()


def append(factory: LedgerFactory, count: int, topic: str = "opened") -> None:
    account = uuid4()
    factory.application_recorder().insert_events(
        [StoredEvent(account, version, topic, b"{}") for version in range(1, count + 1)]
    )


def ids(subscription: LedgerSubscription, count: int) -> list[int]:
    """The ids of the next so many; fewer where they do not come."""
    giving_up = threading.Timer(20, subscription.stop)
    giving_up.start()
    found = [notification.id for notification in islice(subscription, count)]
    giving_up.cancel()
    return found


def test_it_holds_one_page_at_most(factory: LedgerFactory) -> None:
    append(factory, 1_203)
    with factory.application_recorder().subscribe() as subscription:
        for first in range(1, 1_203, 401):
            assert ids(subscription, 401) == list(range(first, first + 401))
            assert len(subscription._page) < 500


def test_it_finds_the_few_that_it_looks_for(factory: LedgerFactory) -> None:
    append(factory, 700)
    append(factory, 1, "closed")
    append(factory, 700)
    with factory.application_recorder().subscribe(gt=2, topics=["closed"]) as subscription:
        assert ids(subscription, 1) == [701]
        waiting = threading.Thread(target=append, args=(factory, 2, "closed"))
        waiting.start()
        assert ids(subscription, 2) == [1_402, 1_403]
        waiting.join()


def test_it_may_begin_beyond_the_end(factory: LedgerFactory) -> None:
    append(factory, 2)
    with factory.application_recorder().subscribe(gt=4) as subscription:
        later = threading.Thread(target=append, args=(factory, 3))
        later.start()
        assert ids(subscription, 1) == [5]
        later.join()


@pytest.mark.parametrize("module", ["crm_core.persistence"], indirect=True)
def test_it_polls_for_what_other_processes_append(module: str) -> None:
    """A second factory stands for another process: it has a ledger and a signal of its own."""
    ours, theirs = new_factory(), new_factory()
    with ours.application_recorder().subscribe() as subscription:
        later = threading.Thread(target=append, args=(theirs, 2))
        later.start()
        assert ids(subscription, 2) == [1, 2]
        later.join()
    ours.close()
    theirs.close()


def until_it_reads(subscription: LedgerSubscription) -> None:
    while subscription._reading is None:
        time.sleep(0.001)


def test_who_waits_is_let_go_when_it_stops(factory: LedgerFactory) -> None:
    subscription = factory.application_recorder().subscribe()
    seen: list[object] = []
    waiting = threading.Thread(target=lambda: seen.extend(subscription), daemon=True)
    waiting.start()
    until_it_reads(subscription)
    subscription.stop()
    waiting.join(5)
    assert not waiting.is_alive()
    assert seen == []


@pytest.fixture
def interrupted() -> Iterator[threading.Event]:
    """Set once: the first SIGUSR1 is a Ctrl-C, also in a process that ignores SIGINT."""
    once = threading.Event()

    def interrupt(*_: object) -> None:
        if not once.is_set():
            once.set()
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    yield once
    signal.signal(signal.SIGUSR1, before)


def test_who_was_interrupted_goes_on_where_it_was(
    factory: LedgerFactory, interrupted: threading.Event
) -> None:
    append(factory, 1)
    with factory.application_recorder().subscribe() as subscription:
        assert ids(subscription, 1) == [1]
        first_page, waiting = subscription._reading, threading.get_ident()

        def interrupt() -> None:
            while subscription._reading is first_page:
                time.sleep(0.001)
            while not interrupted.wait(0.02):  # a signal just before the thread sleeps is not seen
                signal.pthread_kill(waiting, signal.SIGUSR1)

        interrupting = threading.Thread(target=interrupt, daemon=True)
        interrupting.start()
        with pytest.raises(KeyboardInterrupt):
            next(subscription)
        interrupting.join()
        append(factory, 2)
        assert ids(subscription, 2) == [2, 3]


def test_who_waits_is_told_when_the_application_closes(factory: LedgerFactory) -> None:
    subscription = factory.application_recorder().subscribe()
    errors: list[Exception] = []

    def wait() -> None:
        try:
            next(subscription)
        except InterfaceError as error:
            errors.append(error)

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    until_it_reads(subscription)
    factory.close()
    waiting.join(5)
    assert not waiting.is_alive()
    assert len(errors) == 1
