"""Why a field has its value: the event that set it, and the chain of causes behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_core import (
    NOW,
    REDACTED,
    SYSTEM,
    Actor,
    ActorKind,
    AsOf,
    Command,
    Crm,
    ManualClock,
    NotFound,
    RecordedEvent,
    Rejected,
    Request,
)
from crm_core.as_of import fold_as_of
from crm_core.customers import RegisterPerson, RenameCustomer, TagCustomer, UntagCustomer
from crm_core.customers.customer.commands import AssignCustomerOwner
from crm_core.explain import FieldOrigin, field_origin, field_origins
from crm_core.kernel.aggregate import AGGREGATE_CLASSES, state_parts
from strategies import ORGANIZATIONS, PEOPLE, customer_commands

ADA, ANNA = UUID(int=1), UUID(int=7)
START = datetime(2026, 3, 1, tzinfo=UTC)
ada = RegisterPerson(customer_id=ADA, name="Ada")


async def test_a_value_is_explained_by_the_event_that_set_it_last() -> None:
    async with Crm.in_memory() as crm:
        await crm.execute(ada, SYSTEM)
        await crm.execute(RenameCustomer(customer_id=ADA, name="Ada Byron"), SYSTEM)
        command_id = uuid4()
        await crm.execute(
            RenameCustomer(customer_id=ADA, name="Ada Lovelace"), SYSTEM, command_id=command_id
        )
        await crm.execute(TagCustomer(customer_id=ADA, tag="vip"), SYSTEM)
        found = await crm.explain(ADA, "name")
        assert (found.record_type, found.value) == ("customers.customer", "Ada Lovelace")
        assert found.step is not None
        assert (found.step.event.version, found.step.cause) == (3, None)
        assert found.step.event.stored.command_id == command_id
        before = await crm.explain(ADA, "name", AsOf(version=2))
        assert before.value == "Ada Byron"


async def test_a_value_that_was_taken_away_is_explained_by_its_taking() -> None:
    async with Crm.in_memory() as crm:
        for command in (
            ada, TagCustomer(customer_id=ADA, tag="vip"), UntagCustomer(customer_id=ADA, tag="vip"),
        ):  # fmt: skip
            await crm.execute(command, SYSTEM)
        tags, owner = await crm.explain(ADA, "tags"), await crm.explain(ADA, "owner_id")
        assert tags.step is not None
        assert (tags.value, tags.step.event.type) == (None, "customers.customer.untagged")
        assert (owner.value, owner.step) == (None, None), "it never had one"


async def test_the_causes_are_followed_to_their_beginning() -> None:
    """value ← event ← program ← event ← program ← event ← import."""
    rule, legacy = Actor(ActorKind.SYSTEM, "welcome@3"), Actor(ActorKind.IMPORT, "legacy")
    async with Crm.in_memory() as crm:

        async def step(command: Command, actor: Actor, cause: UUID | None) -> RecordedEvent:
            receipt = await crm.execute(command, actor, causation_id=cause, correlation_id=journey)
            return (await crm.history(ADA, AsOf(position=receipt.position)))[-1]

        journey = uuid4()
        await crm.execute(RegisterPerson(customer_id=UUID(int=2), name="Other"), SYSTEM)
        first = await step(ada, legacy, None)
        second = await step(TagCustomer(customer_id=ADA, tag="new"), rule, first.event_id)
        command = AssignCustomerOwner(customer_id=ADA, owner_id=ANNA)
        third = await step(command, rule, second.stored.command_id)
        found = (await crm.explain(ADA, "owner_id")).step
        chain = []
        while found is not None:
            chain.append((found.event.event_id, found.event.actor.id))
            found = found.cause
        assert chain == [
            (third.event_id, "welcome@3"), (second.event_id, "welcome@3"),
            (first.event_id, "legacy"),
        ]  # fmt: skip


async def test_a_cause_that_is_not_in_the_ledger_ends_the_chain() -> None:
    async with Crm.in_memory() as crm:
        elsewhere = uuid4()
        await crm.execute(ada, SYSTEM, causation_id=elsewhere)
        found = (await crm.explain(ADA, "name")).step
        assert found is not None
        assert (found.cause, found.event.stored.causation_id) == (None, elsewhere)


async def test_what_cannot_be_explained_is_refused() -> None:
    async with Crm.in_memory() as crm:
        await crm.execute(ada, SYSTEM)
        with pytest.raises(Rejected, match=r"explain\.unknown_field"):
            await crm.explain(ADA, "shoe_size")
        for record, past in ((UUID(int=99), NOW), (ADA, AsOf(position=0))):
            with pytest.raises(NotFound):
                await crm.explain(record, "name", past)


async def test_an_erased_value_is_still_explained() -> None:
    """Who set it and when stays; what it was is gone."""
    async with Crm.in_memory() as crm:
        await crm.execute(ada, SYSTEM)
        await crm.store.keyring.destroy(crm.tenant_id, ADA)
        found = await crm.explain(ADA, "name")
        assert found.value is REDACTED
        assert found.step is not None
        assert found.step.event.version == 1


# --- the explained event is the last at which the folded value became the present one ------------


def brute_force(events: Sequence[RecordedEvent], field: str, past: AsOf) -> tuple[Any, int | None]:
    """Folds every beginning of the history anew and looks for the last step that made a change."""
    known = sorted(
        (event for event in events if past.includes(event)),
        key=lambda event: (event.happened_at, event.version) if past.effective_at else (
            START, event.version,
        ),
    )  # fmt: skip
    if not known or known[0].version != 1:
        return None, None
    order = [event.version for event in known]
    value, changed_at = None, None
    for length in range(1, len(order) + 1):
        part = [event for event in known if event.version in order[:length]]
        folded = fold_as_of(part, past)
        was, value = value, getattr(folded, field) or None
        if was != value:
            changed_at = order[length - 1]
    return value, changed_at


async def lived(commands: Sequence[tuple[Command, int]]) -> Crm:
    clock = ManualClock(START + timedelta(days=30))
    crm = Crm.in_memory(clock=clock)
    for command, day in commands:
        clock.advance(timedelta(hours=1))
        request = Request(command=command, actor=SYSTEM, effective_at=START + timedelta(days=day))
        await crm.execute_many([request])
    return crm


async def faults(
    commands: Sequence[tuple[Command, int]], past: AsOf, explaining: Any = field_origin
) -> list[str]:
    """What the explanation says otherwise than brute force does, over all records and fields."""
    crm, wrong = await lived(commands), []
    for record in (*PEOPLE, *ORGANIZATIONS):
        events = await crm.history(record)
        if not events:
            continue
        parts = state_parts(AGGREGATE_CLASSES[events[0].record_type])
        for field in (part for part in parts if not part.startswith("_")):
            found = explaining(events, field, past)
            value, changed_at = brute_force(events, field, past)
            if found is None:
                wrong += [f"{field}: no record"] if value is not None else []
            elif (found.value or None, found.event and found.event.version) != (value, changed_at):
                wrong.append(f"{field}: {found.event and found.event.version} is not {changed_at}")
    return wrong


pasts = st.one_of(
    st.just(NOW),
    st.integers(1, 6).map(lambda version: AsOf(version=version)),
    st.integers(0, 20).map(lambda day: AsOf(effective_at=START + timedelta(days=day))),
)
histories = st.lists(st.tuples(customer_commands(), st.integers(0, 20)), min_size=1, max_size=25)


@settings(max_examples=120)
@given(commands=histories, past=pasts)
def test_the_explained_event_is_the_last_that_changed_the_value(
    commands: list[tuple[Command, int]], past: AsOf
) -> None:
    assert asyncio.run(faults(commands, past)) == []


async def test_an_explanation_by_the_last_event_that_names_the_field_is_caught() -> None:
    """The planted bug: an event that says the same again did not make the value."""

    def naive(events: Sequence[RecordedEvent], field: str, past: AsOf) -> FieldOrigin | None:
        naming = [event for event in events if hasattr(event.data, field)]
        honest = field_origin(events, field, past)
        return honest and FieldOrigin(field, honest.value, naming[-1] if naming else None)

    story = [(ada, 1), (TagCustomer(customer_id=ADA, tag="vip"), 2)]
    assert await faults(story, NOW) == []
    assert await faults(story, NOW, naive)


async def test_every_field_with_a_value_has_an_origin() -> None:
    crm = await lived([(ada, 1), (TagCustomer(customer_id=ADA, tag="vip"), 2)])
    origins = field_origins(await crm.history(ADA), NOW)
    by_field = {origin.field: origin.event and origin.event.version for origin in origins}
    assert by_field["name"] == 1
    assert by_field["tags"] == 2
    assert "owner_id" not in by_field
