"""The checkers of the other files find each fault that they are there to find, and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace
from tests.crm_core.ledger.contract import command, event, stream

from crm_core import ManualClock
from crm_core.ledger.memory import InMemoryLedger
from crm_core.ledger.records import Append, Appended, Expected, StoredEvent

from .history import Reading, faults_of_log, faults_of_receipts, faults_of_sending
from .reading import by_position
from .writing import whole_log

Log = list[StoredEvent]
History = tuple[Log, list[Append], list[Appended]]
TENANT, RECORD = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def history() -> History:
    """Three commands of two events each: what is stored, what was sent, what was told."""
    ledger = InMemoryLedger(ManualClock(NOON))
    sent = [command(stream(RECORD, Expected.ANY, event(), event())) for _ in range(3)]
    told = [o for o in await ledger.append(TENANT, sent) if isinstance(o, Appended)]
    return await whole_log(ledger, TENANT), sent, told


async def test_a_right_history_has_no_fault(
    history: History,
) -> None:
    log, sent, told = history
    assert faults_of_log(log) + faults_of_sending(log, sent) + faults_of_receipts(log, told) == []


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda log: log[:2] + log[3:], "position 4 stands where 3 belongs"),
        (lambda log: [*log, log[-1]], "is stored twice"),
        (lambda log: [*log[:4], log[5], log[4]], "position 6 stands where 5 belongs"),
        (lambda log: [*log[:5], replace(log[5], version=9)], "breaks the versions"),
        (
            lambda log: [*log[:5], replace(log[5], recorded_at=log[4].recorded_at)],
            "was not recorded later",
        ),
        (
            lambda log: [*log[:5], replace(log[5], recorded_at=NOON - timedelta(hours=1))],
            "was not recorded later",
        ),
    ],
)
async def test_a_spoilt_log_is_caught(
    history: History, spoil: Callable[[Log], Log], fault: str
) -> None:
    log, _, _ = history
    assert any(fault in found for found in faults_of_log(spoil(log)))


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda log: log[:5], "is stored in part or twice"),
        (lambda log: [*log, *log[4:]], "is stored in part or twice"),
        (lambda log: [*log, replace(log[0], command_id=UUID(int=9))], "was never sent"),
        (
            lambda log: [log[0], replace(log[1], position=9), *log[2:]],
            "was torn apart",
        ),
    ],
)
async def test_a_command_that_is_not_stored_as_it_was_sent_is_caught(
    history: History, spoil: Callable[[Log], Log], fault: str
) -> None:
    log, sent, _ = history
    assert any(fault in found for found in faults_of_sending(spoil(log), sent))


async def test_what_was_acknowledged_and_is_not_there_is_caught(
    history: History,
) -> None:
    log, _, told = history
    assert "is lost" in faults_of_receipts(log[:4], told)[0]
    (wrong,) = faults_of_receipts(log, [replace(told[0], last_position=7), *told[1:]])
    assert "is not what its receipt says" in wrong


@pytest.mark.parametrize(
    ("seen", "fault"),
    [
        ([1, 2, 4, 5, 6], "skipped position 3"),
        ([1, 2, 3, 3, 4, 5, 6], "got position 3 twice"),
        ([1, 3, 2, 4, 5, 6], "got position 2 after 3"),
        ([1, 2, 3, 4, 5, 6, 7], "got position 7, which the ledger does not have"),
    ],
)
async def test_a_reader_that_saw_something_else_is_caught(
    history: History, seen: list[int], fault: str
) -> None:
    log = by_position(history[0])
    reading = Reading("the reader")
    reading.take((position, log.get(position, RECORD)) for position in seen)
    (found,) = reading.faults_against(log)
    assert fault in found


async def test_a_reader_that_saw_another_event_is_caught(
    history: History,
) -> None:
    log = by_position(history[0])
    reading = Reading("the reader")
    reading.take((log | {2: RECORD}).items())
    assert reading.faults_against(log) == ["the reader got another event at position 2"]
