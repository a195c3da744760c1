"""Leaving over the API: what is owned is listed, and handed over by the server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from crm_core import Command, new_id
from crm_core.access.rights import Scope
from crm_core.customers import ArchiveCustomer, AssignCustomerOwner, RegisterPerson
from crm_core.engagement import CreateTask
from crm_core.identity import DefineRole, RoleRule
from crm_core.sales import OpenOpportunity
from crm_core.service import AssignTicket, OpenTicket, TicketChannel

OWNED = """query ($id: ID!) { user(id: $id) {
  status
  handOver { successor { name } ticketQueue isCompleted }
  ownedRecords {
    customers(first: 1) { totalCount nodes { id name } pageInfo { hasNextPage } }
    opportunities(first: 9) { totalCount nodes { name } }
    tickets(first: 9) { totalCount nodes { subject } }
    tasks(first: 9) { totalCount nodes { title } }
  } } }"""
DEACTIVATE = """mutation ($input: UserDeactivateInput!) { userDeactivate(input: $input) {
  userErrors { code message ... on RuleError { parameters } }
  plannedEvents { type }
  user { status } } }"""
WHY = """query ($id: ID!) { customer(by: {id: $id}) { owner { name } }
  explain(id: $id, field: "ownerId") { setBy { event { type actor { kind } }
    command { cause { event { type actor { user { name } } } } } } } }"""
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
async def leaver(api: Any, sales: dict[str, UUID]) -> UUID:
    """Somebody who owns two customers, an opportunity, a ticket, a task, and what is over."""
    user_id: UUID = await api.invited("sales")
    people, ticket = [new_id() for _ in range(3)], new_id()
    given: list[Command] = []
    for person in people:
        given += [
            RegisterPerson(customer_id=person, name="P"),
            AssignCustomerOwner(customer_id=person, owner_id=user_id),
        ]
    await api.given(
        *given,
        ArchiveCustomer(customer_id=people[2]),
        OpenOpportunity(
            name="Deal", pipeline_id=sales["pipeline"], owner_id=user_id, currency="EUR"
        ),
        OpenTicket(ticket_id=ticket, subject="Help", channel=TicketChannel.EMAIL),
        AssignTicket(ticket_id=ticket, assignee_id=user_id),
        CreateTask(title="Call", due_at=NOON, assignee_id=user_id),
    )
    return user_id


def counts(user: dict[str, Any]) -> dict[str, int | None]:
    owned = user["ownedRecords"].items()
    return {name: None if page is None else page["totalCount"] for name, page in owned}


async def seen(api: Any, user_id: UUID, who: str = "admin") -> dict[str, Any]:
    found: dict[str, Any] = (await api.data(OWNED, who=who, id=str(user_id)))["user"]
    return found


async def deactivated(api: Any, user_id: UUID, who: str = "admin", **given: Any) -> dict[str, Any]:
    told = {"userId": str(user_id), **given}
    found: dict[str, Any] = (await api.data(DEACTIVATE, who=who, input=told))["userDeactivate"]
    return found


async def test_what_a_user_owns_is_counted_and_listed(api: Any, leaver: UUID) -> None:
    user = await seen(api, leaver)
    assert counts(user) == {"customers": 2, "opportunities": 1, "tickets": 1, "tasks": 1}
    customers = user["ownedRecords"]["customers"]
    assert (len(customers["nodes"]), customers["pageInfo"]["hasNextPage"]) == (1, True)
    assert user["ownedRecords"]["tickets"]["nodes"] == [{"subject": "Help"}]
    assert user["handOver"] is None


async def test_the_server_hands_over_what_a_user_who_leaves_owns(api: Any, leaver: UUID) -> None:
    (refusal,) = (await deactivated(api, leaver))["userErrors"]
    assert refusal["code"] == "user.owns_records"
    assert refusal["message"] == (
        "The user owns open records: of those that you may see, 2 customers, 1 opportunities,"
        " 1 tickets and 1 tasks. See them in the user's ownedRecords, and say who gets them:"
        " successorId, or ticketQueue for tickets."
    )
    assert refusal["parameters"]["hasOthers"] is False

    to = {"successorId": str(api.people["sales"]), "ticketQueue": "second-line"}
    rehearsed = await deactivated(api, leaver, **to, dryRun=True)
    assert [event["type"] for event in rehearsed["plannedEvents"]] == [
        "identity.user.deactivated",
        "identity.user.hand_over_begun",
    ]
    customer = (await seen(api, leaver))["ownedRecords"]["customers"]
    done = await deactivated(api, leaver, **to)
    assert (done["userErrors"], done["user"]) == ([], {"status": "DEACTIVATED"})
    async with asyncio.timeout(30):
        user = await seen(api, leaver)
        while not user["handOver"]["isCompleted"]:
            await asyncio.sleep(0.05)
            user = await seen(api, leaver)
    assert user["handOver"] == {
        "successor": {"name": "The sales"}, "ticketQueue": "second-line", "isCompleted": True,
    }  # fmt: skip
    assert set(counts(user).values()) == {0}
    found = await api.data(WHY, id=customer["nodes"][0]["id"])
    assert found["customer"]["owner"] == {"name": "The sales"}
    assert found["explain"]["setBy"] == {
        "event": {"type": "customers.customer.owner_assigned", "actor": {"kind": "SYSTEM"}},
        "command": {
            "cause": {
                "event": {
                    "type": "identity.user.hand_over_begun",
                    "actor": {"user": {"name": "The admin"}},
                }
            }
        },
    }


async def test_a_list_shows_what_its_reader_may_see(api: Any, leaver: UUID) -> None:
    role = f"lead-{uuid4().hex[:8]}"
    rules = (
        RoleRule(kind="user", actions=("read", "deactivate")),
        RoleRule(kind="ticket", actions=("read",)),
        RoleRule(kind="customer", actions=("read",), scope=Scope.OWN),
    )
    await api.given(DefineRole(name=role, rules=rules))
    api.people[role] = await api.invited(role)
    user = await seen(api, leaver, role)
    assert counts(user) == {"customers": 0, "opportunities": None, "tickets": 1, "tasks": None}
