"""An auditor replays a ledger into an empty one and finds every record as it was."""

from __future__ import annotations

from uuid import UUID

import pytest

from crm_core import SYSTEM, AsOf, Crm, Rejected, Request
from crm_core.customers.customer.commands import (
    ArchiveCustomer,
    MergeCustomers,
    RegisterPerson,
    RenameCustomer,
)
from crm_core.customers.customer.customer import Customer
from crm_core.ledger.memory import InMemoryLedger
from crm_core.privacy.keys import InMemoryKeyStore, Keyring
from crm_core.replay import replay

ROOT_KEY = bytes(range(32))
ADA, BOB, EVE = UUID(int=1), UUID(int=2), UUID(int=3)


def empty() -> Crm:
    return Crm(InMemoryLedger(), Keyring(ROOT_KEY, InMemoryKeyStore()))


@pytest.fixture
async def source() -> Crm:
    crm = empty()
    commands = [
        RegisterPerson(customer_id=ADA, name="Ada", email="ada@example.com"),
        RegisterPerson(customer_id=BOB, name="Bob", email="bob@example.com"),
        RegisterPerson(customer_id=EVE, name="Eve", email="eve@example.com"),
        RenameCustomer(customer_id=ADA, name="Ada Lovelace"),
        MergeCustomers(customer_id=ADA, loser_ids=(BOB,)),
        ArchiveCustomer(customer_id=EVE),
    ]
    outcomes = await crm.execute_many([Request(command=c, actor=SYSTEM) for c in commands])
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    return crm


async def contents(crm: Crm) -> list[object]:
    return [event.stored for page in [p async for p in crm.events()] for event in page]


async def test_a_replay_has_the_same_events_bytes_and_times(source: Crm) -> None:
    target = empty()
    head = await source.position()
    assert await replay(source.store, target.store, source.tenant_id, up_to=head) == head
    assert await contents(target) == await contents(source)


async def test_personal_data_can_be_read_after_a_replay(source: Crm) -> None:
    target = empty()
    await replay(source.store, target.store, source.tenant_id, up_to=await source.position())
    assert (await target.get(Customer, ADA)).name == "Ada Lovelace"


async def test_unique_keys_are_held_as_the_records_say(source: Crm) -> None:
    target = empty()
    await replay(source.store, target.store, source.tenant_id, up_to=await source.position())
    for email in ("ada@example.com", "bob@example.com", "eve@example.com"):
        assert await target.holder("email", email) == await source.holder("email", email)
    twin = RegisterPerson(name="Twin", email="bob@example.com")
    with pytest.raises(Rejected, match=r"claim\.taken"):
        await target.execute(twin, actor=SYSTEM)
    await target.execute(RegisterPerson(name="Eve", email="eve@example.com"), actor=SYSTEM)


async def test_a_replay_to_a_position_is_the_past(source: Crm) -> None:
    target = empty()
    await replay(source.store, target.store, source.tenant_id, up_to=6)
    assert (await target.get(Customer, ADA)).name == "Ada"
    assert await target.holder("email", "bob@example.com") == BOB
    then = await source.get(Customer, ADA, AsOf(position=6))
    assert vars(then) == vars(await target.get(Customer, ADA))


async def test_a_replay_that_was_broken_off_goes_on(source: Crm) -> None:
    target = empty()
    await replay(source.store, target.store, source.tenant_id, up_to=4)
    await replay(source.store, target.store, source.tenant_id, up_to=await source.position())
    assert await contents(target) == await contents(source)
    assert await target.holder("email", "bob@example.com") == ADA


async def test_a_ledger_with_another_past_takes_no_replay(source: Crm) -> None:
    target = empty()
    await target.execute(RegisterPerson(name="Somebody"), actor=SYSTEM)
    with pytest.raises(Rejected, match=r"replay\.other_ledger"):
        await replay(source.store, target.store, source.tenant_id, up_to=3)
