"""Events of every shape, for the tests of the audit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from crm_core.kernel.messages import Actor, ActorKind
from crm_core.ledger.records import StoredEvent

TENANT = UUID(int=7 << 100)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
moments = st.datetimes(timezones=st.just(UTC))


def stored_events() -> st.SearchStrategy[StoredEvent]:
    return st.builds(
        StoredEvent,
        tenant_id=st.uuids(),
        position=st.integers(1, 2**62),
        event_id=st.uuids(),
        stream_type=texts,
        stream_id=st.uuids(),
        version=st.integers(1, 2**31 - 1),
        type=texts,
        schema_version=st.integers(0, 2**15 - 1),
        recorded_at=moments,
        effective_at=st.none() | moments,
        actor=st.builds(Actor, st.sampled_from(ActorKind), texts, st.none() | texts),
        command_id=st.uuids(),
        correlation_id=st.uuids(),
        causation_id=st.none() | st.uuids(),
        reason=st.none() | texts,
        subject_ids=st.lists(st.uuids(), max_size=3).map(tuple),
        tags=st.lists(texts, max_size=3).map(tuple),
        data=st.binary(max_size=40),
    )


def made_event(position: int) -> StoredEvent:
    """One of a made-up ledger, always the same for its position."""
    rich = position % 3 == 0
    return StoredEvent(
        tenant_id=TENANT,
        position=position,
        event_id=UUID(int=position),
        stream_type="test.thing",
        stream_id=UUID(int=position % 11 + 1),
        version=position // 11 + 1,
        type="test.thing.happened",
        schema_version=1,
        recorded_at=START + timedelta(microseconds=position),
        effective_at=START if rich else None,
        actor=Actor(ActorKind.SYSTEM, "crm", "anna" if rich else None),
        command_id=UUID(int=position + 10**6),
        correlation_id=UUID(int=position + 10**6),
        causation_id=UUID(int=position - 1) if rich else None,
        reason='import:"sales"' if rich else None,
        subject_ids=(UUID(int=position % 11 + 1),),
        tags=("näh",) if rich else (),
        data=b'{"n":%d}' % position,
    )
