"""Personal data is sealed under its subject's key, and gone with it."""

from __future__ import annotations

from uuid import UUID

import msgspec
import psycopg
import pytest

from crm_core import REDACTED, SYSTEM, Crm, Request, SetupError
from crm_core.customers.customer.commands import (
    MergeCustomers,
    RegisterPerson,
    RenameCustomer,
    RevertMerge,
    SetAddress,
)
from crm_core.customers.customer.customer import Customer
from crm_core.customers.customer.events import Address, CustomersAbsorbed
from crm_core.ledger.codec import form_of
from crm_core.privacy.cipher import Cipher, new_key
from crm_core.privacy.keys import InMemoryKeyStore, Keyring

ADA, BOB = UUID(int=1), UUID(int=2)
CANARY = "Augusta-Ada-Canary"


async def with_ada(crm: Crm) -> Crm:
    await crm.execute(
        RegisterPerson(customer_id=ADA, name=CANARY, email=f"{CANARY}@example.com"), actor=SYSTEM
    )
    await crm.execute(
        SetAddress(customer_id=ADA, address=Address(lines=(f"1 {CANARY} Street",))), actor=SYSTEM
    )
    return crm


async def test_nothing_personal_is_stored_in_plain(crm: Crm, database_url: str) -> None:
    await with_ada(crm)
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        for table in ("ledger.event", "ledger.claim", "ledger.command", "vault.subject_key"):
            found = await connection.execute(f"select t::text from {table} as t")
            for (row,) in await found.fetchall():
                assert CANARY.lower() not in row.lower()
                assert CANARY.lower().encode().hex() not in row.lower()


async def test_a_destroyed_key_leaves_the_history_and_takes_the_person() -> None:
    crm = await with_ada(Crm.in_memory())
    before = [event.stored for event in await crm.history(ADA)]
    await crm.store.keyring.destroy(crm.tenant_id, ADA)
    assert [event.stored for event in await crm.history(ADA)] == before
    ada = await crm.get(Customer, ADA)
    assert ada.name is REDACTED
    assert [point.value for point in ada.points.values()] == [REDACTED]
    assert ada.addresses == {"main": REDACTED}


async def test_an_erased_subject_takes_nothing_personal_any_more() -> None:
    crm = await with_ada(Crm.in_memory())
    await crm.store.keyring.destroy(crm.tenant_id, ADA)
    commands = [RenameCustomer(customer_id=ADA, name="Ada again"), RegisterPerson(name="Bob")]
    outcomes = await crm.execute_many([Request(command=c, actor=SYSTEM) for c in commands])
    assert [getattr(outcome, "code", "accepted") for outcome in outcomes] == [
        "subject.erased",
        "accepted",
    ]


async def test_a_sealed_field_opens_at_its_place_only() -> None:
    crm = await with_ada(Crm.in_memory())
    await crm.execute(RegisterPerson(customer_id=BOB, name="Bob"), actor=SYSTEM)
    ada, bob = (await crm.history(ADA))[0], (await crm.history(BOB))[0]
    cipher = (await crm.store.keyring.for_opening(crm.tenant_id, [ADA]))[ADA]
    form = form_of(type(ada.data))
    assert form.decode(ada.stored, cipher) == ada.data

    moved = msgspec.structs.replace(bob.stored, data=ada.stored.data)
    with pytest.raises(SetupError, match=r"privacy\.cannot_open"):
        form.decode(moved, cipher)


async def test_another_root_key_opens_nothing() -> None:
    store, tenant = InMemoryKeyStore(), UUID(int=9)
    await Keyring(new_key(), store).for_sealing(tenant, [ADA])
    with pytest.raises(SetupError, match=r"privacy\.cannot_open"):
        await Keyring(new_key(), store).for_opening(tenant, [ADA])


async def test_a_blind_index_tells_tenants_and_values_apart() -> None:
    keyring = Keyring(new_key(), InMemoryKeyStore())
    one, two = UUID(int=1), UUID(int=2)
    assert await keyring.blind(one, "email", "a") == await keyring.blind(one, "email", "a")
    others = [
        await keyring.blind(one, "email", "b"),
        await keyring.blind(two, "email", "a"),
        await keyring.blind(one, "phone", "a"),
    ]
    assert await keyring.blind(one, "email", "a") not in others


def test_a_flipped_bit_is_found() -> None:
    cipher = Cipher(new_key())
    sealed = bytearray(cipher.seal(b"Ada", b"here"))
    sealed[-1] ^= 1
    with pytest.raises(SetupError, match=r"privacy\.cannot_open"):
        cipher.open(bytes(sealed), b"here")


async def test_what_a_merge_brought_goes_with_the_key_of_who_it_came_from() -> None:
    crm = await with_ada(Crm.in_memory())
    await crm.execute(RegisterPerson(customer_id=BOB, name="Bob"), actor=SYSTEM)
    merge = MergeCustomers(customer_id=BOB, loser_ids=(ADA,))
    await crm.execute(merge, actor=SYSTEM)
    received = [point.value for point in (await crm.get(Customer, BOB)).points.values()]
    assert received == [f"{CANARY.lower()}@example.com"]
    await crm.execute(RevertMerge(customer_id=BOB, plan_id=merge.plan_id), actor=SYSTEM)

    await crm.store.keyring.destroy(crm.tenant_id, ADA)
    absorbed = [event.data for event in await crm.history(BOB)][1]
    assert isinstance(absorbed, CustomersAbsorbed)
    assert absorbed.points is REDACTED
    assert (await crm.get(Customer, BOB)).name == "Bob"
