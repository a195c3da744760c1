"""A user leaves: the access ends at once, and what is owned goes to whoever was named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from crm_core import SYSTEM, Actor, Command, Crm, CrmError, Denied, Rejected, Request
from crm_core.access.records import ASSIGNED_BY, OPEN_STATUSES, OWNER_FIELDS, kind_of, owner_of
from crm_core.catalog import AGGREGATES, COMMANDS
from crm_core.customers import (
    ArchiveCustomer,
    AssignCustomerOwner,
    Customer,
    RegisterPerson,
    RestoreCustomer,
)
from crm_core.engagement import AssignTask, CompleteTask, CreateTask, Task
from crm_core.identity import (
    ActivateUser,
    CompleteHandOver,
    DeactivateUser,
    DefineRole,
    EraseUser,
    GrantRole,
    GrantShare,
    HandOverRecords,
    InviteUser,
    RoleRule,
    Scope,
    ShareLevel,
    User,
    UserStatus,
)
from crm_core.identity.user import events as e
from crm_core.sales import DefinePipeline, LoseOpportunity, OpenOpportunity, Opportunity
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.service import (
    AssignTicket,
    OpenTicket,
    ReopenTicket,
    ResolveTicket,
    Ticket,
    TicketChannel,
)

ROSA, SAM, TOM, VIV = (UUID(int=n) for n in range(1, 5))
ADA, DEAL, CASE, CHORE = (UUID(int=n) for n in range(11, 15))
PIPELINE = DefinePipeline(name="Standard", stages=STANDARD_STAGES)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

Owning = Callable[[UUID], list[Command]]

OWNING: Mapping[str, Owning] = {
    "customer": lambda owner: [
        RegisterPerson(customer_id=ADA, name="Ada"),
        AssignCustomerOwner(customer_id=ADA, owner_id=owner),
    ],
    "opportunity": lambda owner: [
        PIPELINE,
        OpenOpportunity(
            opportunity_id=DEAL, name="$", pipeline_id=PIPELINE.pipeline_id, owner_id=owner,
            currency="EUR",
        ),
    ],
    "ticket": lambda owner: [
        OpenTicket(ticket_id=CASE, subject="?", channel=TicketChannel.EMAIL),
        AssignTicket(ticket_id=CASE, assignee_id=owner),
    ],
    "task": lambda owner: [
        CreateTask(task_id=CHORE, title="!", due_at=NOON, assignee_id=owner),
    ],
}  # fmt: skip
RECORDS = {"customer": ADA, "opportunity": DEAL, "ticket": CASE, "task": CHORE}
CLASSES = {"customer": Customer, "opportunity": Opportunity, "ticket": Ticket, "task": Task}
PLURALS = {
    "customer": "customers", "opportunity": "opportunities", "ticket": "tickets", "task": "tasks",
}  # fmt: skip
each_kind = pytest.mark.parametrize("kind", sorted(OWNING))


async def told(crm: Crm, *commands: Command, actor: Actor = SYSTEM) -> None:
    for command in commands:
        await crm.execute(command, actor)


async def with_users(crm: Crm, *user_ids: UUID, role: str = "admin") -> None:
    for user_id in user_ids:
        await told(
            crm,
            InviteUser(user_id=user_id, name="Somebody"),
            GrantRole(user_id=user_id, role=role),
            ActivateUser(user_id=user_id),
        )


async def owner(crm: Crm, kind: str) -> UUID | None:
    return owner_of(kind, await crm.get(CLASSES[kind], RECORDS[kind]))


@pytest.fixture
async def crm() -> Crm:
    made = Crm.in_memory()
    await with_users(made, ROSA, SAM, TOM)
    return made


# --- who owns something says who gets it ----------------------------------------------------------


def test_every_kind_that_is_given_to_users_is_handed_over() -> None:
    """A kind is theirs by name; one that a command gives to a user must not be forgotten here."""
    given = {
        kind
        for kind in OWNER_FIELDS
        if any(f"{kind}.{verb}" in COMMANDS for verb in ("assign", "assign_owner"))
    }
    assert given == set(OPEN_STATUSES) == set(ASSIGNED_BY) == set(OWNING)
    assert all(f"{kind}.{action}" in COMMANDS for kind, action in ASSIGNED_BY.items())
    for kind, statuses in OPEN_STATUSES.items():
        (of,) = [made for topic, made in AGGREGATES.items() if kind_of(topic) == kind]
        known = {status.value for status in type(of.status)}  # type: ignore[attr-defined]
        assert set(statuses) < known


@each_kind
async def test_who_owns_an_open_record_leaves_once_it_is_said_who_gets_it(
    crm: Crm, kind: str
) -> None:
    await told(crm, *OWNING[kind](ROSA))
    with pytest.raises(Rejected, match=r"user\.owns_records") as refused:
        await crm.execute(DeactivateUser(user_id=ROSA), SYSTEM)
    counts = {name: refused.value.parameters[name] for name in PLURALS.values()}
    assert counts == dict.fromkeys(PLURALS.values(), 0) | {PLURALS[kind]: 1}
    assert (await crm.get(User, ROSA)).is_administrator

    await crm.execute(DeactivateUser(user_id=ROSA, successor_id=SAM), SYSTEM)
    assert await owner(crm, kind) == ROSA  # for a moment: the access ends first
    assert (await crm.rights(crm.tenant_id, Actor.user(ROSA))).is_nothing
    assert await crm.handing_over.sweep() == 1
    assert await owner(crm, kind) == SAM


@each_kind
async def test_what_is_over_holds_nobody_back(crm: Crm, kind: str) -> None:
    over: Mapping[str, Command] = {
        "customer": ArchiveCustomer(customer_id=ADA),
        "opportunity": LoseOpportunity(opportunity_id=DEAL, reason_code="price"),
        "ticket": ResolveTicket(ticket_id=CASE, code="fixed"),
        "task": CompleteTask(task_id=CHORE, outcome="done"),
    }
    await told(crm, *OWNING[kind](ROSA), over[kind], DeactivateUser(user_id=ROSA))


async def test_who_owned_something_once_is_not_held_back(crm: Crm) -> None:
    await told(crm, *OWNING["customer"](ROSA), AssignCustomerOwner(customer_id=ADA, owner_id=SAM))
    await told(crm, DeactivateUser(user_id=ROSA))


async def test_a_queue_is_an_answer_for_tickets_and_for_nothing_else(crm: Crm) -> None:
    await told(crm, *OWNING["ticket"](ROSA), *OWNING["task"](ROSA))
    with pytest.raises(Rejected, match=r"user\.owns_records"):
        await crm.execute(DeactivateUser(user_id=ROSA, ticket_queue="second-line"), SYSTEM)
    await told(crm, AssignTask(task_id=CHORE, assignee_id=SAM))
    await told(crm, DeactivateUser(user_id=ROSA, ticket_queue="second-line"))
    await crm.handing_over.sweep()
    ticket = await crm.get(Ticket, CASE)
    assert (ticket.queue, ticket.assignee_id) == ("second-line", None)


async def test_with_both_answers_tickets_go_to_the_queue_and_the_rest_to_the_successor(
    crm: Crm,
) -> None:
    for owning in OWNING.values():
        await told(crm, *owning(ROSA))
    await told(crm, DeactivateUser(user_id=ROSA, successor_id=SAM, ticket_queue="second-line"))
    await crm.handing_over.sweep()
    owners = {kind: await owner(crm, kind) for kind in OWNING}
    assert owners == {"customer": SAM, "opportunity": SAM, "task": SAM, "ticket": None}


async def test_the_successor_is_another_user_who_is_active(crm: Crm) -> None:
    await told(crm, InviteUser(user_id=VIV, name="Viv"))
    for successor_id in (VIV, ROSA):
        with pytest.raises(Rejected, match=r"user\.not_active"):
            await crm.execute(DeactivateUser(user_id=ROSA, successor_id=successor_id), SYSTEM)
    with pytest.raises(CrmError, match=r"record\.not_found|not_found"):
        await crm.execute(DeactivateUser(user_id=ROSA, successor_id=UUID(int=99)), SYSTEM)


async def test_a_successor_who_leaves_at_the_same_moment_is_none(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ben leaves between the decision about Viv and its recording; neither governs anything."""
    ben = UUID(int=5)
    await with_users(crm, VIV, ben, role="sales")
    append = crm.store.ledger.append

    async def late(*given: Any) -> Any:
        monkeypatch.setattr(crm.store.ledger, "append", append)
        await told(crm, DeactivateUser(user_id=ben))
        return await append(*given)

    monkeypatch.setattr(crm.store.ledger, "append", late)
    with pytest.raises(Rejected, match=r"user\.not_active"):
        await crm.execute(DeactivateUser(user_id=VIV, successor_id=ben), SYSTEM)


async def test_a_batch_counts_what_its_earlier_commands_decided(crm: Crm) -> None:
    await told(crm, *OWNING["task"](ROSA), DeactivateUser(user_id=TOM))
    commands = [
        AssignTask(task_id=CHORE, assignee_id=SAM),  # which the ledger does not know yet
        AssignTask(task_id=CHORE, assignee_id=TOM),  # refused; the one before stands
        *OWNING["customer"](ROSA),
        DeactivateUser(user_id=ROSA),
        AssignCustomerOwner(customer_id=ADA, owner_id=SAM),
        DeactivateUser(user_id=ROSA),
    ]
    outcomes = await crm.execute_many([Request(command=c, actor=SYSTEM) for c in commands])
    refused = {i: outcome for i, outcome in enumerate(outcomes) if isinstance(outcome, CrmError)}
    assert {i: refusal.code for i, refusal in refused.items()} == {
        1: "user.deactivated",
        4: "user.owns_records",
    }
    assert (refused[4].parameters["customers"], refused[4].parameters["tasks"]) == (1, 0)
    assert (await crm.get(User, ROSA)).status is UserStatus.DEACTIVATED


async def test_a_user_is_forgotten_while_the_records_are_on_their_way(crm: Crm) -> None:
    await told(crm, *OWNING["task"](ROSA), DeactivateUser(user_id=ROSA, successor_id=SAM))
    await told(crm, EraseUser(user_id=ROSA))
    assert [await crm.handing_over.sweep() for _ in range(2)] == [1, 0]
    assert await owner(crm, "task") == SAM
    assert not (await crm.get(User, ROSA)).is_handing_over


# --- the records follow ---------------------------------------------------------------------------


@each_kind
async def test_the_record_tells_why_it_changed_hands(crm: Crm, kind: str) -> None:
    await told(crm, *OWNING[kind](ROSA))
    leaving = await crm.execute(DeactivateUser(user_id=ROSA, successor_id=SAM), Actor.user(TOM))
    await crm.handing_over.sweep()
    last = (await crm.history(RECORDS[kind]))[-1]
    assert last.stored.causation_id == leaving.event_ids[-1]
    assert last.stored.correlation_id == leaving.command_id
    assert (last.actor, last.stored.reason) == (SYSTEM, f"hand_over:{ROSA}")
    why = await crm.explain(RECORDS[kind], OWNER_FIELDS[kind])
    assert why.step is not None
    assert why.step.cause is not None
    assert isinstance(why.step.cause.event.data, e.HandOverBegun)
    assert why.step.cause.event.actor == Actor.user(TOM)


async def test_it_is_completed_once_nothing_is_left(crm: Crm) -> None:
    await told(crm, *OWNING["task"](ROSA), DeactivateUser(user_id=ROSA, successor_id=SAM))
    assert (await crm.get(User, ROSA)).is_handing_over
    assert await crm.handing_over.sweep() == 1
    assert (await crm.get(User, ROSA)).is_handing_over  # it was found a moment ago
    assert await crm.handing_over.sweep() == 0
    assert not (await crm.get(User, ROSA)).is_handing_over
    before = await crm.position()
    assert await crm.handing_over.sweep() == 0
    assert await crm.position() == before


async def test_nothing_is_given_to_somebody_who_has_left(crm: Crm) -> None:
    for owning in OWNING.values():
        await told(crm, *owning(SAM))
    await told(crm, DeactivateUser(user_id=ROSA))
    for command in (
        AssignCustomerOwner(customer_id=ADA, owner_id=ROSA),
        AssignTicket(ticket_id=CASE, assignee_id=ROSA),
        AssignTask(task_id=CHORE, assignee_id=ROSA),
        CreateTask(title="?", due_at=NOON, assignee_id=ROSA),
        OpenOpportunity(name="$", pipeline_id=PIPELINE.pipeline_id, owner_id=ROSA, currency="EUR"),
    ):
        with pytest.raises(Rejected, match=r"user\.deactivated"):
            await crm.execute(command, SYSTEM)


async def test_what_is_opened_again_follows(crm: Crm) -> None:
    await told(
        crm,
        *OWNING["ticket"](ROSA),
        ResolveTicket(ticket_id=CASE, code="fixed"),
        *OWNING["customer"](ROSA),
        ArchiveCustomer(customer_id=ADA),
        DeactivateUser(user_id=ROSA, successor_id=SAM),
    )
    assert await crm.handing_over.sweep() == 0
    assert not (await crm.get(User, ROSA)).is_handing_over
    await told(crm, ReopenTicket(ticket_id=CASE, reason="again"), RestoreCustomer(customer_id=ADA))
    assert await crm.handing_over.sweep() == 2
    assert (await owner(crm, "ticket"), await owner(crm, "customer")) == (SAM, SAM)


async def test_where_the_successor_leaves_too_the_records_go_on_to_the_next(crm: Crm) -> None:
    await told(crm, *OWNING["task"](ROSA), DeactivateUser(user_id=ROSA, successor_id=SAM))
    with pytest.raises(Rejected, match=r"user\.owns_records") as refused:
        await crm.execute(DeactivateUser(user_id=SAM), SYSTEM)  # they are on their way
    assert refused.value.parameters["tasks"] == 1
    await told(crm, DeactivateUser(user_id=SAM, successor_id=TOM))
    await crm.handing_over.sweep()
    assert await owner(crm, "task") == TOM


async def test_a_user_who_left_before_anybody_asked_can_be_followed_later(crm: Crm) -> None:
    await told(crm, *OWNING["task"](ROSA), CompleteTask(task_id=CHORE, outcome="done"))
    await told(crm, *OWNING["customer"](ROSA), ArchiveCustomer(customer_id=ADA))
    await told(crm, DeactivateUser(user_id=ROSA), RestoreCustomer(customer_id=ADA))
    assert await crm.handing_over.sweep() == 0  # nobody was named
    with pytest.raises(Rejected, match=r"user\.no_successor"):
        await crm.execute(HandOverRecords(user_id=ROSA), SYSTEM)
    with pytest.raises(Rejected, match=r"user\.not_deactivated"):
        await crm.execute(HandOverRecords(user_id=SAM, successor_id=TOM), SYSTEM)
    await told(crm, HandOverRecords(user_id=ROSA, successor_id=SAM))
    assert await crm.handing_over.sweep() == 1
    assert await owner(crm, "customer") == SAM


async def test_who_was_given_the_record_meanwhile_keeps_it(crm: Crm) -> None:
    """The record is found as Rosa's; before it is given away, somebody gives it to Tom."""
    await told(crm, *OWNING["customer"](ROSA), DeactivateUser(user_id=ROSA, successor_id=SAM))
    found = crm.owned

    class Late:
        count = found.count

        async def page(self, *args: object, **named: object) -> object:
            page = await found.page(*args, **named)  # type: ignore[arg-type]
            if page:
                await told(crm, AssignCustomerOwner(customer_id=ADA, owner_id=TOM))
            return page

    crm.owned = Late()  # type: ignore[assignment]
    assert await crm.handing_over.sweep() == 0
    crm.owned = found
    assert await crm.handing_over.sweep() == 0
    assert await owner(crm, "customer") == TOM


async def test_only_the_server_says_that_it_is_completed(crm: Crm) -> None:
    await told(crm, DeactivateUser(user_id=ROSA, successor_id=SAM))
    with pytest.raises(Denied):
        await crm.execute(CompleteHandOver(user_id=ROSA), Actor.user(SAM))


# --- rights ---------------------------------------------------------------------------------------

_MAY_DEACTIVATE = RoleRule(kind="user", actions=("read", "deactivate"))


async def a_desk_lead(crm: Crm, *rules: RoleRule) -> Actor:
    """Somebody who may deactivate Viv, a user without a role, and what these rules say."""
    await told(
        crm,
        DefineRole(name="lead", rules=(_MAY_DEACTIVATE, *rules)),
        InviteUser(user_id=VIV, name="Viv"),
    )
    await with_users(crm, UUID(int=5), role="lead")
    return Actor.user(UUID(int=5))


async def test_the_refusal_counts_what_the_asker_may_see_and_says_only_that_there_is_more(
    crm: Crm,
) -> None:
    lead = await a_desk_lead(crm, RoleRule(kind="ticket", actions=("*",)))
    await told(crm, *OWNING["ticket"](VIV), *OWNING["customer"](VIV))
    with pytest.raises(Rejected) as refused:
        await crm.execute(DeactivateUser(user_id=VIV), lead)
    assert refused.value.parameters == {
        "user_id": str(VIV), "customers": 0, "opportunities": 0, "tickets": 1, "tasks": 0,
        "has_others": True,
    }  # fmt: skip
    with pytest.raises(Rejected) as told_all:
        await crm.execute(DeactivateUser(user_id=VIV), SYSTEM)
    assert told_all.value.parameters["customers"] == 1
    assert not told_all.value.parameters["has_others"]


async def test_a_shared_record_is_counted_and_no_other_one(crm: Crm) -> None:
    lead = await a_desk_lead(crm, RoleRule(kind="customer", actions=("read",), scope=Scope.SHARED))
    await told(crm, *OWNING["customer"](VIV))
    await told(crm, RegisterPerson(customer_id=UUID(int=20), name="Bob"))
    await told(crm, AssignCustomerOwner(customer_id=UUID(int=20), owner_id=VIV))
    await told(crm, GrantShare(record_id=ADA, principal_id=UUID(lead.id), level=ShareLevel.READ))
    with pytest.raises(Rejected) as refused:
        await crm.execute(DeactivateUser(user_id=VIV), lead)
    assert refused.value.parameters["customers"] == 1
    assert refused.value.parameters["has_others"]


async def test_nobody_hands_over_what_they_could_not_give_away_one_by_one(crm: Crm) -> None:
    lead = await a_desk_lead(
        crm, RoleRule(kind="ticket", actions=("*",)), RoleRule(kind="customer", actions=("read",))
    )
    await told(crm, *OWNING["ticket"](VIV), *OWNING["customer"](VIV))
    to_myself = DeactivateUser(user_id=VIV, successor_id=UUID(lead.id))
    with pytest.raises(Rejected, match=r"user\.owned_out_of_reach") as refused:
        await crm.execute(to_myself, lead)
    assert refused.value.parameters == {"user_id": str(VIV)}  # not what it is, nor how much
    await told(crm, AssignCustomerOwner(customer_id=ADA, owner_id=SAM))
    await told(crm, to_myself, actor=lead)
