"""What is hashed: every field of an event, in one form that the verifier makes by itself."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from crm_core.audit.crm_verify import Finding, leaf_of_line
from crm_core.audit.lines import event_of_line, line_of
from crm_core.audit.record import leaf_of, record_of
from crm_core.kernel.messages import Actor, ActorKind
from crm_core.ledger.records import StoredEvent

from .events import TENANT, made_event, stored_events

FIELDS = tuple(getattr(StoredEvent, "__struct_fields__", ())) or tuple(
    StoredEvent.__dataclass_fields__
)


def changed(event: StoredEvent, **fields: Any) -> StoredEvent:
    return StoredEvent(**{name: getattr(event, name) for name in FIELDS} | fields)


@given(stored_events())
def test_the_verifier_makes_the_same_leaf_of_an_exported_line(event: StoredEvent) -> None:
    line = line_of(event).encode()
    assert leaf_of_line(line) == (leaf_of(event), event.position, str(event.tenant_id).encode())
    assert event_of_line(line) == event


@given(stored_events(), stored_events())
def test_two_events_have_one_record_only_if_they_are_the_same(
    one: StoredEvent, other: StoredEvent
) -> None:
    assert (record_of(one) == record_of(other)) == (one == other)


OTHERS: dict[str, Any] = {
    "tenant_id": UUID(int=1), "position": 4, "event_id": UUID(int=2), "stream_type": "test.thin",
    "stream_id": UUID(int=3), "version": 9, "type": "gtest.thing.happened", "schema_version": 2,
    "recorded_at": made_event(3).recorded_at + timedelta(microseconds=1), "effective_at": None,
    "actor": Actor(ActorKind.SYSTEM, "crm"), "command_id": UUID(int=4),
    "correlation_id": UUID(int=5), "causation_id": None, "reason": None, "subject_ids": (),
    "tags": ("n", "äh"), "data": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_no_field_can_change_without_the_leaf(name: str) -> None:
    event = made_event(3)
    assert leaf_of(changed(event, **{name: OTHERS[name]})) != leaf_of(event)


def test_what_is_absent_is_not_what_is_empty() -> None:
    event = made_event(3)
    assert record_of(changed(event, reason=None)) != record_of(changed(event, reason=""))
    nobody, empty = Actor(ActorKind.USER, "u"), Actor(ActorKind.USER, "u", "")
    assert record_of(changed(event, actor=nobody)) != record_of(changed(event, actor=empty))


def test_the_published_example_is_what_the_code_makes() -> None:
    """Whoever implements the format starts at this event of docs/guides/audit-format.md."""
    guide = (Path(__file__).parents[3] / "docs/guides/audit-format.md").read_text()
    assert line_of(made_event(3)) in guide
    assert record_of(made_event(3)).hex() in guide.replace("\n", "")
    assert leaf_of(made_event(3)).hex() in guide


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"reason":', '"reason" :'),
        ('"actorid":"crm"', r'"actorid":"\u0063rm"'),
        ('"specversion":"1.0"', '"specversion":"1.0","specversion":"1.0"'),
        ("-000000000003", "-00000000000A"),
        (",\"datacontenttype", ",\"extra\":\"x\",\"datacontenttype"),
        (r'[\"näh\"]', r'[ \"näh\"]'),
        ('.000003Z', '.000003+00:00'),
        ("eyJuIjozfQ==", "eyJuIjozfR=="),  # a spare bit is set
        ("eyJuIjozfQ==", "eyJuIjozfQ"),
        ("eyJuIjozfQ==", "eyJuIjozfQ==="),
        ("eyJuIjozfQ==", "eyJu IjozfQ=="),
        ("eyJuIjozfQ==", "eyJu-IjozfQ=="),
        ("00000000-0000-0000-0000-000000000003", "000000000-000-0000-0000-000000000003"),
    ],
)  # fmt: skip
def test_a_line_has_one_form_only(old: str, new: str) -> None:
    line = line_of(made_event(3))
    assert old in line
    json.loads(line.replace(old, new, 1))
    with pytest.raises(Finding, match=r"event\.malformed"):
        leaf_of_line(line.replace(old, new, 1).encode())


def test_a_line_is_a_cloud_event() -> None:
    event = json.loads(line_of(made_event(3)))
    assert {"specversion", "id", "source", "type"} <= set(event)
    assert event["source"] == f"urn:uuid:{TENANT}"
    assert all(name.replace("_base64", "").isalnum() and name.islower() for name in event)
    assert not [value for value in event.values() if not isinstance(value, str | int)]
