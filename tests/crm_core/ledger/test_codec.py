"""What was stored once is read for ever, however its class has changed since."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest

from crm_core.kernel.errors import SetupError
from crm_core.kernel.events import (
    EVENT_CLASSES,
    REDACTED,
    Event,
    Personal,
    PersonalText,
    Redacted,
)
from crm_core.kernel.messages import SYSTEM
from crm_core.ledger.codec import EventForm, resolve
from crm_core.ledger.records import StoredEvent
from crm_core.privacy.cipher import Cipher, new_key

TENANT, RECORD, EVENT = UUID(int=1), UUID(int=2), UUID(int=3)
AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
CIPHER = Cipher(new_key())
TOPIC = "test.person.moved"

# One class at three releases. Only one of them can have the topic; it is lent to each below.


class MovedV1(Event):
    name: PersonalText
    to: str


class MovedV2(Event):
    """`name` is called `full_name` from here on."""

    class_version = 2
    full_name: Annotated[str | Redacted, Personal(sealed_as="name")]
    to: str

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["full_name"] = state.pop("name")


class MovedV3(Event):
    """`to`, which was "town, country", is two fields from here on."""

    class_version = 3
    full_name: Annotated[str | Redacted, Personal(sealed_as="name")]
    town: str
    country: str | None

    upcast_v1_v2 = staticmethod(MovedV2.upcast_v1_v2)

    @staticmethod
    def upcast_v2_v3(state: dict[str, Any]) -> None:
        town, _, country = state.pop("to").partition(", ")
        state["town"], state["country"] = town, country or None


def form_at(event_class: type[Event]) -> EventForm:
    event_class.TOPIC = TOPIC
    return EventForm(event_class)


def moved(event_class: type[Event], *, stored_as: str = TOPIC, **fields: Any) -> StoredEvent:
    """An event as the release of this class stores it."""
    form = form_at(event_class)
    event = event_class(originator_id=RECORD, originator_version=4, timestamp=AT, **fields)
    return StoredEvent(
        tenant_id=TENANT,
        position=7,
        event_id=EVENT,
        stream_type="test.person",
        stream_id=RECORD,
        version=4,
        type=stored_as,
        schema_version=form.version,
        recorded_at=AT,
        effective_at=None,
        actor=SYSTEM,
        command_id=EVENT,
        correlation_id=EVENT,
        causation_id=None,
        reason=None,
        subject_ids=(RECORD,),
        tags=(),
        data=form.encode(event, EVENT, TENANT, CIPHER),
    )


EVERY_RELEASE = [
    moved(MovedV1, name="Ada Canary", to="Turin, Italy"),
    moved(MovedV2, full_name="Ada Canary", to="Turin, Italy"),
    moved(MovedV3, full_name="Ada Canary", town="Turin", country="Italy"),
]


@pytest.mark.parametrize("stored", EVERY_RELEASE, ids=["v1", "v2", "v3"])
def test_what_any_release_stored_is_read_as_the_newest_form(stored: StoredEvent) -> None:
    event = form_at(MovedV3).decode(stored, CIPHER)
    assert event == MovedV3(
        originator_id=RECORD,
        originator_version=4,
        timestamp=AT,
        full_name="Ada Canary",
        town="Turin",
        country="Italy",
    )


@pytest.mark.parametrize("stored", EVERY_RELEASE, ids=["v1", "v2", "v3"])
def test_what_was_erased_stays_so_in_every_form(stored: StoredEvent) -> None:
    event = form_at(MovedV3).decode(stored, None)
    assert isinstance(event, MovedV3)
    assert (event.full_name, event.town) == (REDACTED, "Turin")


def test_an_upcaster_sees_nothing_personal(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def watching(state: dict[str, Any]) -> None:
        seen.append(repr(state))
        MovedV2.upcast_v1_v2(state)

    monkeypatch.setattr(MovedV3, "upcast_v1_v2", staticmethod(watching))
    form_at(MovedV3).decode(EVERY_RELEASE[0], CIPHER)
    assert len(seen) == 1
    assert "Turin" in seen[0]
    assert "Canary" not in seen[0]


# --- mistakes, each found where it is made -----------------------------------------------------


class RenamedOnly(Event):
    """A personal field with another name that does not say what it was sealed as."""

    class_version = 2
    full_name: PersonalText
    to: str

    upcast_v1_v2 = staticmethod(MovedV2.upcast_v1_v2)


def test_a_renamed_field_says_what_it_was_sealed_as_or_does_not_open() -> None:
    with pytest.raises(SetupError, match=r"privacy\.cannot_open"):
        form_at(RenamedOnly).decode(EVERY_RELEASE[0], CIPHER)


class SealedTwice(Event):
    name: PersonalText
    full_name: Annotated[str | Redacted, Personal(sealed_as="name")]


def test_no_two_fields_are_sealed_for_one_place() -> None:
    with pytest.raises(AssertionError, match="two fields of SealedTwice are sealed as"):
        form_at(SealedTwice)


class Unbridged(Event):
    class_version = 3
    full_name: PersonalText

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None: ...


def test_no_version_is_without_its_upcaster() -> None:
    with pytest.raises(SetupError) as refusal:
        form_at(Unbridged)
    assert refusal.value.code == "ledger.no_upcaster"
    assert refusal.value.parameters == {"type": TOPIC, "upcaster": "upcast_v2_v3"}


def test_an_upcaster_that_fails_is_named_with_the_event(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(state: dict[str, Any]) -> None:
        raise ValueError(state["to"])

    monkeypatch.setattr(MovedV3, "upcast_v2_v3", staticmethod(failing))
    with pytest.raises(SetupError) as refusal:
        form_at(MovedV3).decode(EVERY_RELEASE[0], CIPHER)
    assert refusal.value.code == "ledger.upcast_failed"
    assert refusal.value.parameters == {
        "type": TOPIC,
        "position": 7,
        "schema_version": 1,
        "upcaster": "upcast_v2_v3",
        "error": "ValueError",
    }
    assert "Turin" not in str(refusal.value)


def test_a_version_of_a_newer_release_is_refused() -> None:
    with pytest.raises(SetupError, match=r"ledger\.newer_schema .*install that release") as refusal:
        form_at(MovedV2).decode(EVERY_RELEASE[2], CIPHER)
    assert refusal.value.parameters == {"type": TOPIC, "schema_version": 3}


class Retyped(Event):
    """The same version with another form."""

    name: PersonalText
    to: int


class RetypedInside(Event):
    name: Annotated[tuple[int, ...] | Redacted, Personal()]
    to: str


@pytest.mark.parametrize(("event_class", "field"), [(Retyped, "to"), (RetypedInside, "name")])
def test_a_form_that_changed_without_a_new_version_is_named(
    event_class: type[Event], field: str
) -> None:
    with pytest.raises(SetupError) as refusal:
        form_at(event_class).decode(EVERY_RELEASE[0], CIPHER)
    assert refusal.value.code == "ledger.misread"
    assert refusal.value.parameters == {
        "type": TOPIC,
        "position": 7,
        "schema_version": 1,
        "field": field,
    }


def test_a_type_that_nobody_knows_names_its_module() -> None:
    stored = moved(MovedV1, stored_as="billing.invoice.sent", name="Ada", to="Turin")
    assert stored.type not in EVENT_CLASSES
    with pytest.raises(SetupError, match="switch on the module `billing`") as refusal:
        resolve(stored)
    assert refusal.value.code == "ledger.unknown_type"
    assert refusal.value.parameters == {
        "module": "billing",
        "type": "billing.invoice.sent",
        "position": 7,
    }


def test_the_stored_bytes_are_json_that_people_can_read() -> None:
    data = msgspec.json.decode(EVERY_RELEASE[2].data)
    assert list(data) == ["full_name", "town", "country"]
    assert (data["town"], data["country"]) == ("Turin", "Italy")
