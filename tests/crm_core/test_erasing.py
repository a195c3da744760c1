"""A person is erased by one command, and every store answers for itself."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from crm_core import REDACTED, SYSTEM, Actor, Crm, Denied, Rejected, Unavailable
from crm_core.customers import (
    AddContactPoint,
    ContactPointType,
    Customer,
    CustomerStatus,
    EraseCustomer,
    MergeCustomers,
    RegisterPerson,
    RenameCustomer,
    RestoreCustomer,
    RevertMerge,
    TagCustomer,
)
from crm_core.engagement import (
    Interaction,
    InteractionChannel,
    InteractionDirection,
    LogInteraction,
)
from crm_core.identity import ActivateUser, DeactivateUser, EraseUser, GrantRole, InviteUser, User
from crm_core.privacy import (
    CompleteErasure,
    DisclosureKind,
    Erasure,
    ErasureStatus,
    RecordDisclosure,
    RecordDisclosureDestroyed,
    StoreReceipt,
)
from crm_core.service import EraseTicket, OpenTicket, Ticket, TicketChannel
from crm_core.testing import Scenario

ADA, BOB, CLEO = UUID(int=1), UUID(int=2), UUID(int=3)
CALL, TICKET = UUID(int=11), UUID(int=12)

ada = RegisterPerson(customer_id=ADA, name="Ada", email="ada@example.com")
bob = RegisterPerson(customer_id=BOB, name="Bob", email="bob@example.com")
erase_ada = EraseCustomer(customer_id=ADA)


async def erased(crm: Crm, command: EraseCustomer = erase_ada) -> Erasure:
    await crm.execute(command, SYSTEM)
    return await crm.erasing.finish(command.erasure_id)


def test_an_erased_customer_takes_no_command(scenario: Scenario) -> None:
    scenario.given(ada, erase_ada)
    for command in (
        RenameCustomer(customer_id=ADA, name="Ada again"),
        TagCustomer(customer_id=ADA, tag="vip"),
        RestoreCustomer(customer_id=ADA),
        EraseCustomer(customer_id=ADA),
        MergeCustomers(customer_id=ADA, loser_ids=(BOB,)),
    ):
        scenario.given(*([bob] if command.NAME == "customer.merge" else []))
        scenario.when(command).then_rejected("customer.erased", customer_id=str(ADA))
    scenario.when(MergeCustomers(customer_id=BOB, loser_ids=(ADA,))).then_rejected(
        "customer.erased"
    )


def test_the_keys_of_an_erased_customer_are_free(scenario: Scenario) -> None:
    scenario.given(ada, erase_ada)
    again = RegisterPerson(customer_id=BOB, name="Ada, later", email="ada@example.com")
    scenario.when(again)
    assert scenario.receipt.event_ids


async def test_the_command_itself_destroys_the_key() -> None:
    async with Crm.in_memory() as crm:
        await crm.execute(ada, SYSTEM)
        await crm.execute(erase_ada, SYSTEM)
        gone = await crm.get(Customer, ADA)
        assert (gone.name, gone.status) == (REDACTED, CustomerStatus.ERASED)
        assert [point.value for point in gone.points.values()] == [REDACTED]


async def test_what_others_recorded_about_the_customer_goes_too() -> None:
    async with Crm.in_memory() as crm:
        await crm.execute(ada, SYSTEM)
        await crm.execute(
            LogInteraction(
                interaction_id=CALL,
                customer_id=ADA,
                channel=InteractionChannel.CALL,
                direction=InteractionDirection.INBOUND,
                body="She told me everything",
            ),
            SYSTEM,
        )
        await crm.execute(
            OpenTicket(
                ticket_id=TICKET,
                subject="Ada's trouble",
                customer_id=ADA,
                channel=TicketChannel.PHONE,
            ),
            SYSTEM,
        )
        await erased(crm)
        assert (await crm.get(Interaction, CALL)).content.body is REDACTED
        assert (await crm.get(Ticket, TICKET)).subject is REDACTED


async def test_the_receipts_are_recorded() -> None:
    async with Crm.in_memory() as crm:
        await crm.execute(ada, SYSTEM)
        erasure = await erased(crm)
        assert erasure.status is ErasureStatus.COMPLETED
        counts = {receipt.store: receipt.count for receipt in erasure.receipts}
        assert counts == {
            "keys": 1, "unique keys": 1, "snapshots": 0, "redis": 0, "exports": 0, "key backups": 0,
        }  # fmt: skip
        assert (await crm.get(Erasure, erase_ada.erasure_id)).receipts == erasure.receipts


async def test_copies_that_left_are_named_until_they_are_destroyed() -> None:
    async with Crm.in_memory() as crm:
        for command in (ada, bob):
            await crm.execute(command, SYSTEM)
        copies = [
            RecordDisclosure(kind=DisclosureKind.SUBJECT_ACCESS, subject_id=about, up_to=2)
            for about in (ADA, ADA, BOB)
        ]
        for copy in copies:
            await crm.execute(copy, SYSTEM)
        gone = RecordDisclosureDestroyed(disclosure_id=copies[0].disclosure_id)
        await crm.execute(gone, SYSTEM)
        (receipt,) = [r for r in (await erased(crm)).receipts if r.store == "exports"]
        assert receipt.count == 1
        assert receipt.note == f"call back: {copies[1].disclosure_id}"


# --- merged customers are one customer ------------------------------------------------------------


@pytest.mark.parametrize("named", [ADA, BOB, CLEO])
async def test_all_that_are_merged_are_erased_whichever_is_named(named: UUID) -> None:
    async with Crm.in_memory() as crm:
        cleo = RegisterPerson(customer_id=CLEO, name="Cleo", email="cleo@example.com")
        for command in (ada, bob, cleo):
            await crm.execute(command, SYSTEM)
        await crm.execute(MergeCustomers(customer_id=BOB, loser_ids=(ADA,)), SYSTEM)
        await crm.execute(MergeCustomers(customer_id=CLEO, loser_ids=(BOB,)), SYSTEM)

        erasure = await erased(crm, EraseCustomer(customer_id=named))
        assert erasure.subject_ids[0] == named
        assert set(erasure.subject_ids) == {ADA, BOB, CLEO}
        for customer_id in (ADA, BOB, CLEO):
            gone = await crm.get(Customer, customer_id)
            assert (gone.name, gone.status) == (REDACTED, CustomerStatus.ERASED)
        assert await crm.holder("email", "ada@example.com") is None


async def test_who_was_merged_once_is_erased_without_the_other() -> None:
    async with Crm.in_memory() as crm:
        for command in (ada, bob):
            await crm.execute(command, SYSTEM)
        merge = MergeCustomers(customer_id=BOB, loser_ids=(ADA,))
        await crm.execute(merge, SYSTEM)
        await crm.execute(RevertMerge(customer_id=BOB, plan_id=merge.plan_id), SYSTEM)

        assert (await erased(crm)).subject_ids == (ADA,)
        history = [event.data for event in await crm.history(BOB)]
        assert "ada@example.com" not in repr(history)
        kept = await crm.get(Customer, BOB)
        assert [point.value for point in kept.points.values()] == ["bob@example.com"]
        more = AddContactPoint(customer_id=BOB, type=ContactPointType.PHONE, value="+39011123456")
        await crm.execute(more, SYSTEM)


# --- users, and records that are about no customer ------------------------------------------------


async def test_a_user_is_erased_once_deactivated_and_what_was_done_keeps_the_id() -> None:
    async with Crm.in_memory() as crm:
        anna = await a_user(crm, "sales")
        user_id = UUID(anna.id)
        await crm.execute(ada, anna)
        erase = EraseUser(user_id=user_id)
        with pytest.raises(Rejected, match=r"user\.not_deactivated"):
            await crm.execute(erase, SYSTEM)
        assert (await crm.get(User, user_id)).name == "Anna"

        await crm.execute(DeactivateUser(user_id=user_id), SYSTEM)
        await crm.execute(erase, SYSTEM)
        erasure = await crm.erasing.finish(erase.erasure_id)
        assert erasure.status is ErasureStatus.COMPLETED
        assert (await crm.get(User, user_id)).name is REDACTED
        assert (await crm.history(ADA))[0].actor == anna
        with pytest.raises(Rejected, match=r"claim\.taken"):
            await crm.execute(EraseUser(user_id=user_id), SYSTEM)


async def test_a_ticket_of_nobody_is_erased_by_itself() -> None:
    async with Crm.in_memory() as crm:
        opened = OpenTicket(ticket_id=TICKET, subject="From Ada", channel=TicketChannel.PHONE)
        await crm.execute(opened, SYSTEM)
        await crm.execute(EraseTicket(ticket_id=TICKET), SYSTEM)
        assert (await crm.get(Ticket, TICKET)).subject is REDACTED


async def test_a_ticket_of_somebody_goes_with_them_only() -> None:
    async with Crm.in_memory() as crm:
        await crm.execute(ada, SYSTEM)
        opened = OpenTicket(
            ticket_id=TICKET, subject="Hers", customer_id=ADA, channel=TicketChannel.PHONE
        )
        await crm.execute(opened, SYSTEM)
        with pytest.raises(Rejected, match=r"erasure\.goes_with"):
            await crm.execute(EraseTicket(ticket_id=TICKET), SYSTEM)
        assert (await crm.get(Ticket, TICKET)).subject == "Hers"


# --- who may --------------------------------------------------------------------------------------


async def a_user(crm: Crm, role: str) -> Actor:
    invite = InviteUser(name="Anna")
    for command in (
        invite,
        ActivateUser(user_id=invite.user_id),
        GrantRole(user_id=invite.user_id, role=role),
    ):
        await crm.execute(command, SYSTEM)
    return Actor.user(invite.user_id)


@pytest.mark.parametrize("role", ["sales", "service", "auditor"])
async def test_who_may_do_anything_else_with_customers_may_not_erase_them(role: str) -> None:
    async with Crm.in_memory() as crm:
        await crm.execute(ada, SYSTEM)
        anna = await a_user(crm, role)
        with pytest.raises(Denied, match=r"personal_data\.erase"):
            await crm.execute(erase_ada, anna)


async def test_a_privacy_officer_may_erase_but_not_say_that_it_was_done() -> None:
    async with Crm.in_memory() as crm:
        await crm.execute(ada, SYSTEM)
        anna = await a_user(crm, "privacy")
        await crm.execute(erase_ada, anna)
        admin = await a_user(crm, "admin")
        with pytest.raises(Denied, match=r"erasure\.complete"):
            await crm.execute(CompleteErasure(erasure_id=erase_ada.erasure_id, receipts=()), admin)


# --- broken off -----------------------------------------------------------------------------------


class Absent:
    """A store that is away at first."""

    def __init__(self) -> None:
        self.asked: list[tuple[Sequence[UUID], int]] = []

    async def forget(
        self, tenant_id: UUID, subject_ids: Sequence[UUID], destroyed_at: int
    ) -> Sequence[StoreReceipt]:
        self.asked.append((subject_ids, destroyed_at))
        if len(self.asked) == 1:
            raise Unavailable("database.gone")
        return [StoreReceipt(store="search", count=7, note="entries dropped")]


async def test_an_erasure_that_was_broken_off_is_finished_by_who_finds_it() -> None:
    async with Crm.in_memory() as crm:
        await crm.execute(ada, SYSTEM)
        await crm.execute(erase_ada, SYSTEM)
        store = Absent()
        with pytest.raises(Unavailable):
            await crm.erasing.finish(erase_ada.erasure_id, [store])
        assert await crm.erasing.pending() == [erase_ada.erasure_id]

        erasure = await crm.erasing.finish(erase_ada.erasure_id, [store])
        assert erasure.receipts[-1].count == 7
        assert store.asked == [((ADA,), 5)] * 2
        assert await crm.erasing.pending() == []
        assert (await crm.erasing.finish(erase_ada.erasure_id, [store])).receipts == (
            erasure.receipts
        )
        assert len(await crm.history(erase_ada.erasure_id)) == 3


async def test_a_key_that_outlived_a_crash_is_destroyed_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Crm.in_memory() as crm:
        await crm.execute(ada, SYSTEM)

        async def away(*_: object) -> None:
            raise OSError

        with monkeypatch.context() as patched:
            patched.setattr(crm.store.keyring, "destroy", away)
            await crm.execute(erase_ada, SYSTEM)
        assert (await crm.get(Customer, ADA)).name == "Ada"
        with pytest.raises(Rejected, match=r"erasure\.keys_not_destroyed"):
            await crm.execute(CompleteErasure(erasure_id=erase_ada.erasure_id, receipts=()), SYSTEM)
        (pending,) = await crm.erasing.pending()
        await crm.erasing.finish(pending)
        assert (await crm.get(Customer, ADA)).name is REDACTED
