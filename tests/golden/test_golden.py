"""What was ever stored is read as it always was, and folds to what it always came to (R76, N14)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from crm_core.kernel.events import EVENT_CLASSES, Event
from crm_core.kernel.values import Money
from crm_core.ledger.codec import EventForm, form_of, resolve
from crm_core.ledger.records import StoredEvent
from golden import corpus

STREAMS = corpus.streams()

each_stream = pytest.mark.parametrize("name", sorted(STREAMS))


def test_every_event_class_has_its_golden_bytes() -> None:
    assert corpus.missing() == set(), "let tests/golden/stories.py record it, then `make golden`"


def test_no_golden_file_was_edited() -> None:
    assert corpus.edited() == [], "restore it: a changed event gets a new `class_version` instead"


@each_stream
def test_golden_bytes_are_read_as_they_always_were(name: str) -> None:
    assert corpus.misread(STREAMS[name]) == []


@each_stream
def test_the_same_event_is_stored_as_the_same_bytes(name: str) -> None:
    assert corpus.rewritten(STREAMS[name]) == []


@each_stream
def test_a_golden_stream_comes_to_what_it_always_came_to(name: str) -> None:
    """The file says what must be so; a part of the state that came later is not in it."""
    state = corpus.shown_state(corpus.folded(STREAMS[name]))
    expected = corpus.expected_state(name)
    assert {part: state.get(part, "gone") for part in expected} == expected


@each_stream
def test_a_golden_stream_folds_with_everybody_in_it_erased(name: str) -> None:
    stream = STREAMS[name]
    assert corpus.folded(stream, None).version == stream.events[-1].version


def test_something_golden_is_personal() -> None:
    """Else the sealed fields would be proven by nothing."""
    stored = [event for stream in STREAMS.values() for event in stream.stored()]
    assert sum(resolve(event).is_personal for event in stored) > 40
    assert "Lovelace" not in "".join(event.data.decode() for event in stored)


# --- the checks catch what they are for -----------------------------------------------------------


class Renamed(Event):
    price: Money
    from_price: Money


class Retyped(Event):
    list_price: Money
    from_price: dict[str, Any]


class Extended(Event):
    list_price: Money
    from_price: Money
    reason: str | None


class WithoutUpcaster(Event):
    class_version: ClassVar[int] = 2
    list_price: Money
    from_price: Money


class WronglyUpcast(Event):
    class_version: ClassVar[int] = 2
    list_price: Money
    from_price: Money

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["from_price"] = state["list_price"]


PRICE_SET = "sales.product.price_set"


def forms_with(changed: type[Event], topic: str) -> Callable[[StoredEvent], EventForm]:
    """The forms of the product, but for one class."""
    changed.TOPIC = topic
    return lambda stored: EventForm(changed) if stored.type == topic else resolve(stored)


@pytest.mark.parametrize("changed", [Renamed, Retyped, Extended, WithoutUpcaster, WronglyUpcast])
def test_a_class_that_reads_old_bytes_otherwise_is_found(changed: type[Event]) -> None:
    complaints = corpus.misread(STREAMS["sales.product-1"], forms_with(changed, PRICE_SET))
    assert len(complaints) == 1
    assert PRICE_SET in complaints[0]


class Loosened(Event):
    """Any number is read as this one too, but not as what it was."""

    level: Decimal
    cause: str
    cycle: int


def test_a_type_that_merely_accepts_the_old_bytes_is_found() -> None:
    forms = forms_with(Loosened, "service.ticket.escalated")
    (complaint,) = corpus.misread(STREAMS["service.ticket-1"], forms)
    assert complaint.startswith("service.ticket.escalated v1")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(corpus.HERE, tmp_path / "golden"))


def test_an_edited_a_removed_and_a_smuggled_file_are_found(copy: Path) -> None:
    (edited, removed, *_) = sorted((copy / "events").iterdir())
    edited.write_bytes(edited.read_bytes() + b" ")
    removed.unlink()
    (copy / "events" / "new.json").write_text("{}")
    assert corpus.edited(copy) == sorted(
        f"events/{name}" for name in (edited.name, removed.name, "new.json")
    )
    with pytest.raises(SystemExit, match="never edited"):
        corpus.add_missing(copy)


def test_what_is_missing_is_added_and_nothing_else_changes(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in copy.rglob("*.json")}
    assert corpus.add_missing(copy) == []
    monkeypatch.setattr(EVENT_CLASSES["sales.product.retired"], "class_version", 2)
    monkeypatch.setattr(
        EVENT_CLASSES["sales.product.retired"],
        "upcast_v1_v2",
        staticmethod(lambda state: None),
        raising=False,
    )
    form_of.cache_clear()
    try:
        assert corpus.missing(copy) == {("sales.product.retired", 2)}
        assert corpus.add_missing(copy) == ["sales.product-2"]
        assert corpus.missing(copy) == set()
        assert corpus.misread(corpus.streams(copy)["sales.product-1"]) == []
        assert corpus.misread(corpus.streams(copy)["sales.product-2"]) == []
    finally:
        form_of.cache_clear()
    assert corpus.edited(copy) == []
    assert {path: path.read_bytes() for path in before} == before


def test_an_event_that_no_story_records_is_named(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EVENT_CLASSES, "sales.product.recalled", Renamed)
    with pytest.raises(SystemExit, match=r"sales\.product\.recalled"):
        corpus.add_missing(copy)
