"""The catalog is whole: whoever knows one context knows all."""

from __future__ import annotations

import importlib

import pytest

from crm_core.catalog import AGGREGATES, COMMANDS, CONTEXTS
from crm_core.kernel.aggregate import AGGREGATE_CLASSES
from crm_core.kernel.context import Context
from crm_core.kernel.events import EVENT_CLASSES, Created, own_fields
from crm_core.ledger.codec import form_of


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.name)
def test_a_context_exports_its_records_and_commands(context: Context) -> None:
    exported = importlib.import_module(f"crm_core.{context.name}").__all__
    names = {thing.__name__ for thing in (*context.aggregates, *context.commands)}
    assert names <= set(exported)


def test_every_aggregate_and_every_event_belongs_to_a_context() -> None:
    assert AGGREGATES == AGGREGATE_CLASSES
    records = tuple(f"{topic}." for topic in AGGREGATES)
    assert [topic for topic in EVENT_CLASSES if not topic.startswith(records)] == []


def test_every_stream_has_a_first_event_and_others() -> None:
    for topic in AGGREGATES:
        events = [e for name, e in EVENT_CLASSES.items() if name.startswith(f"{topic}.")]
        assert [e for e in events if issubclass(e, Created)]
        assert [e for e in events if not issubclass(e, Created)]


def test_every_event_can_be_stored() -> None:
    for event_class in EVENT_CLASSES.values():
        assert form_of(event_class).names == tuple(own_fields(event_class))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_says_what_it_does_and_to_which_record(name: str) -> None:
    command = COMMANDS[name]
    record, _, verb = name.partition(".")
    assert record.isidentifier()
    assert verb.isidentifier()
    assert command.__doc__
    assert command.__doc__.strip().endswith(".")
    assert hasattr(command, command.TARGET)
    assert record in {aggregate.rpartition(".")[2] for aggregate in AGGREGATES}
