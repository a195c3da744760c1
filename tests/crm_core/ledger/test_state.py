"""The state of every kind of aggregate is stored whole and read back as what it is."""

from __future__ import annotations

import inspect
from dataclasses import field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from crm_core.catalog import AGGREGATES
from crm_core.kernel.aggregate import AGGREGATE_CLASSES, Aggregate, state_parts
from crm_core.kernel.errors import SetupError
from crm_core.kernel.events import EVENT_CLASSES, Event
from crm_core.ledger.codec import resolve
from crm_core.ledger.state import StateForm, state_form_of
from crm_core.service.ticket.ticket import Ticket
from golden import corpus
from stored_states import require_stored_states_stand

STREAMS = corpus.streams()


def history(name: str) -> list[Event]:
    return [resolve(event).decode(event, corpus.CIPHER) for event in STREAMS[name].stored()]


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_every_kind_of_stream_can_be_stored_after_each_of_its_events(name: str) -> None:
    require_stored_states_stand(history(name))


def test_every_kind_of_aggregate_is_among_them() -> None:
    assert {stream.stream_type for stream in STREAMS.values()} == set(AGGREGATES)


class TicketForm(StateForm):
    """A form that forgets a part of the state."""

    def __init__(self, forgotten: str) -> None:
        super().__init__(Ticket)
        self._forgotten = forgotten

    def decode(self, state: bytes, record_id: UUID, version: int) -> Aggregate:
        read = super().decode(state, record_id, version)
        setattr(read, self._forgotten, getattr(Ticket, self._forgotten, set()))
        return read


@pytest.mark.parametrize("part", sorted(state_parts(Ticket)))
def test_a_part_that_is_forgotten_is_found_by_that_check(part: str) -> None:
    merged_away, worked_on = "service.ticket-2", "service.ticket-1"
    told = history(merged_away if part == "survivor_id" else worked_on)
    with pytest.raises(AssertionError):
        require_stored_states_stand(told, TicketForm(part))


# --- what is not declared, and what has changed ------------------------------------------------


class Counter(Aggregate):
    """Of no context: its topic is lent to it below."""

    count: int = 0
    names: set[str] = field(default_factory=set)

    def when(self, event: Any) -> None:
        self.count += 1


class CountsMore(Counter):
    def when(self, event: Any) -> None:
        self.count += 1
        self.total = self.count  # declared nowhere


class Recounted(Aggregate):
    count: str = ""
    names: set[str] = field(default_factory=set)

    def when(self, event: Any) -> None: ...


@pytest.fixture(autouse=True)
def topics(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Counter, CountsMore, Recounted):
        monkeypatch.setattr(kind, "TOPIC", "test.counter", raising=False)


def begun(kind: type[Aggregate]) -> Aggregate:
    aggregate = kind.__new__(kind)
    aggregate.__base_init__(UUID(int=1), 1, datetime(2026, 1, 5, tzinfo=UTC))
    aggregate.__init__()
    aggregate.when(None)
    return aggregate


def test_what_is_not_declared_is_not_forgotten_in_silence() -> None:
    with pytest.raises(SetupError) as refusal:
        StateForm(CountsMore).encode(begun(CountsMore))
    assert refusal.value.code == "snapshot.undeclared_state"
    assert refusal.value.parameters == {"kind": "test.counter", "parts": ["total"]}


def test_the_moment_of_a_decision_is_no_part_of_the_state() -> None:
    counter = begun(Counter)
    counter.happening_at(datetime(2026, 1, 6, tzinfo=UTC))
    form = StateForm(Counter)
    assert form.decode(form.encode(counter), counter.id, 1) == begun(Counter)


def test_another_type_or_another_rule_is_another_form() -> None:
    prints = {StateForm(kind).fingerprint for kind in (Counter, Recounted)}
    prints |= {state_form_of(kind).fingerprint for kind in AGGREGATES.values()}
    assert len(prints) == 2 + len(AGGREGATES)
    assert StateForm(Counter).fingerprint == StateForm(Counter).fingerprint


def test_a_changed_rule_is_another_form(monkeypatch: pytest.MonkeyPatch) -> None:
    before = StateForm(Ticket).fingerprint
    source = inspect.getsource

    def edited(module: Any) -> str:
        text = source(module)
        return text.replace("self.closed_at = event.timestamp", "pass")

    monkeypatch.setattr(inspect, "getsource", edited)
    assert StateForm(Ticket).fingerprint != before


def test_without_its_text_a_class_trusts_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counter, "__module__", "typed_into_a_notebook")
    assert StateForm(Counter).fingerprint != StateForm(Counter).fingerprint


def test_these_classes_are_of_no_context() -> None:
    assert "test.counter" not in AGGREGATE_CLASSES
    assert not [topic for topic in EVENT_CLASSES if topic.startswith("test.")]
