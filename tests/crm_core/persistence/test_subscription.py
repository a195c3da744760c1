"""A subscription sees every event once, in order, in bounded memory, whoever appends."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from itertools import islice
from uuid import uuid4

import pytest
from eventsourcing.persistence import InfrastructureFactory, InterfaceError, StoredEvent
from eventsourcing.utils import Environment

from crm_core.persistence import LedgerFactory


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


def test_it_holds_one_page_at_most(factory: LedgerFactory) -> None:
    append(factory, 1_203)
    with factory.application_recorder().subscribe() as subscription:
        seen = []
        for notification in islice(subscription, 1_203):
            seen.append(notification.id)
            assert len(subscription._page) < 500
    assert seen == list(range(1, 1_204))


def test_it_finds_the_few_that_it_looks_for(factory: LedgerFactory) -> None:
    append(factory, 700)
    append(factory, 1, "closed")
    append(factory, 700)
    with factory.application_recorder().subscribe(gt=2, topics=["closed"]) as subscription:
        assert next(subscription).id == 701
        waiting = threading.Thread(target=append, args=(factory, 2, "closed"))
        waiting.start()
        assert [next(subscription).id, next(subscription).id] == [1_402, 1_403]
        waiting.join()


def test_it_may_begin_beyond_the_end(factory: LedgerFactory) -> None:
    append(factory, 2)
    with factory.application_recorder().subscribe(gt=4) as subscription:
        later = threading.Thread(target=append, args=(factory, 3))
        later.start()
        assert next(subscription).id == 5
        later.join()


@pytest.mark.parametrize("module", ["crm_core.persistence"], indirect=True)
def test_it_polls_for_what_other_processes_append(module: str) -> None:
    """A second factory stands for another process: it has a ledger and a signal of its own."""
    ours, theirs = new_factory(), new_factory()
    with ours.application_recorder().subscribe() as subscription:
        later = threading.Thread(target=append, args=(theirs, 2))
        later.start()
        assert [next(subscription).id, next(subscription).id] == [1, 2]
        later.join()
    ours.close()
    theirs.close()


def test_who_waits_is_let_go_when_it_stops(factory: LedgerFactory) -> None:
    subscription = factory.application_recorder().subscribe()
    seen: list[object] = []
    waiting = threading.Thread(target=lambda: seen.extend(subscription))
    waiting.start()
    subscription.stop()
    waiting.join(5)
    assert not waiting.is_alive()
    assert seen == []


def test_who_waits_is_told_when_the_application_closes(factory: LedgerFactory) -> None:
    subscription = factory.application_recorder().subscribe()
    errors: list[Exception] = []

    def wait() -> None:
        try:
            next(subscription)
        except InterfaceError as error:
            errors.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    factory.close()
    waiting.join(5)
    assert not waiting.is_alive()
    assert len(errors) == 1
