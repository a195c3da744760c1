"""What differs between two pasts of a record, and which events made it so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_core import (
    NOW,
    SYSTEM,
    AsOf,
    Command,
    Crm,
    CrmError,
    ManualClock,
    NotFound,
    RecordDiff,
    Request,
    SyncCrm,
)
from crm_core.customers import Customer, RegisterPerson, RenameCustomer, TagCustomer, UntagCustomer
from crm_core.identity import InviteUser, SetPassword
from strategies import ORGANIZATIONS, PEOPLE, customer_commands

ADA = UUID(int=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
ada = RegisterPerson(customer_id=ADA, name="Ada", email="ada@example.com")


async def lived(*steps: tuple[Command, int]) -> Crm:
    """A CRM in which, a month later, each command was recorded as of the day that it names."""
    clock = ManualClock(START + timedelta(days=30))
    crm = Crm.in_memory(clock=clock)
    for command, day in steps:
        clock.advance(timedelta(days=1))
        await crm.execute(command, actor=SYSTEM, effective_at=START + timedelta(days=day))
    return crm


def renamed(name: str) -> RenameCustomer:
    return RenameCustomer(customer_id=ADA, name=name)


def told(diff: RecordDiff) -> dict[str, tuple[Any, Any, list[int]]]:
    return {
        change.field: (change.before, change.after, [event.version for event in change.events])
        for change in diff.changes
    }


async def test_a_difference_names_fields_and_the_events_that_made_it() -> None:
    crm = await lived(
        (ada, 1),
        (TagCustomer(customer_id=ADA, tag="vip"), 2),
        (renamed("Ada Byron"), 3),
        (renamed("Ada Lovelace"), 4),
        (UntagCustomer(customer_id=ADA, tag="vip"), 5),
    )
    found = await crm.diff(ADA, AsOf(version=2))
    assert told(found) == {"name": ("Ada", "Ada Lovelace", [4, 5])}
    assert (found.from_version, found.to_version, found.record_type) == (
        2, 6, "customers.customer",
    )  # fmt: skip
    assert [event.version for event in found.events] == [3, 4, 5, 6]
    back = await crm.diff(ADA, NOW, AsOf(version=2))
    assert told(back) == {"name": ("Ada Lovelace", "Ada", [4, 5])}


async def test_by_the_effective_clock_a_late_fact_lies_in_between() -> None:
    crm = await lived((ada, 1), (renamed("Ada Lovelace"), 20), (renamed("Ada Byron"), 10))
    days = [AsOf(effective_at=START + timedelta(days=day)) for day in (5, 15, 25)]
    assert told(await crm.diff(ADA, days[0], days[1])) == {"name": ("Ada", "Ada Byron", [4])}
    assert told(await crm.diff(ADA, days[1], days[2])) == {
        "name": ("Ada Byron", "Ada Lovelace", [3])
    }
    learned = await crm.diff(ADA, AsOf(version=3, effective_at=days[1].effective_at), days[1])
    assert told(learned) == {"name": ("Ada", "Ada Byron", [4])}


async def test_before_it_began_a_record_had_nothing() -> None:
    crm = await lived((ada, 1))
    found = await crm.diff(ADA, AsOf(position=0))
    assert found.from_version is None
    assert told(found)["name"] == (None, "Ada", [1])
    assert "tags" not in told(found)
    with pytest.raises(NotFound):
        await crm.diff(ADA, AsOf(position=0), AsOf(time=START))


def test_the_same_without_await() -> None:
    with SyncCrm.in_memory() as crm:
        crm.execute(ada, actor=SYSTEM)
        crm.execute(renamed("Ada Lovelace"), actor=SYSTEM)
        assert told(crm.diff(ADA, AsOf(version=1)))["name"][:2] == ("Ada", "Ada Lovelace")


pasts = st.builds(
    AsOf,
    position=st.none() | st.integers(0, 30),
    effective_at=st.none() | st.integers(0, 40).map(lambda day: START + timedelta(days=day)),
)


async def fields_of(crm: Crm, customer_id: UUID, as_of: AsOf) -> dict[str, Any]:
    """The record's state by the way that everybody reads it."""
    try:
        record = await crm.get(Customer, customer_id, as_of)
    except NotFound:
        return {}
    return {name: value for name, value in vars(record).items() if name[0] != "_" and value}


@settings(max_examples=60)
@given(st.lists(st.tuples(customer_commands(), st.integers(0, 9)), max_size=25), pasts, pasts)
def test_a_difference_leads_from_one_past_to_the_other(
    steps: list[tuple[Command, int]], before: AsOf, after: AsOf
) -> None:
    async def check() -> None:
        clock = ManualClock(START + timedelta(days=10))
        crm = Crm.in_memory(clock=clock)
        for command, days_ago in steps:
            clock.advance(timedelta(days=1))
            happened = clock.now() - timedelta(days=days_ago)
            request = Request(command=command, actor=SYSTEM, effective_at=happened)
            await crm.execute_many([request])
        for customer_id in PEOPLE + ORGANIZATIONS:
            old, new = [await fields_of(crm, customer_id, past) for past in (before, after)]
            try:
                found = await crm.diff(customer_id, before, after)
            except NotFound:
                assert not old
                assert not new
                continue
            apart = {name for name in {*old, *new} if old.get(name) != new.get(name)}
            assert {change.field for change in found.changes} == apart
            for change in found.changes:
                assert change.before == old.get(change.field)
                assert change.after == new.get(change.field)
                assert change.events
            if before == after:
                assert not found.events

    asyncio.run(check())


async def test_a_record_of_any_kind_can_be_compared(crm: Crm) -> None:
    invite = InviteUser(name="Ada", email="ada@example.com")
    await crm.execute(invite, actor=SYSTEM)
    await crm.execute(
        SetPassword(user_id=invite.user_id, password="correct horse battery"), actor=SYSTEM
    )
    found = await crm.diff(invite.user_id, AsOf(version=1))
    assert [change.field for change in found.changes] == ["password_hash"]


async def test_a_record_that_never_was_has_no_difference(crm: Crm) -> None:
    with pytest.raises(CrmError, match=r"record\.not_found"):
        await crm.diff(UUID(int=404), NOW)
