"""Lists on a record of the past: what they were then is what they answer, for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from crm_api.graphql import loading
from crm_api.graphql.ids import global_id
from crm_core import SYSTEM, Money, new_id
from crm_core.access.rights import Scope
from crm_core.customers.customer.commands import RegisterPerson
from crm_core.engagement.interaction.commands import CorrectInteraction, LogInteraction
from crm_core.engagement.interaction.events import InteractionChannel, InteractionDirection
from crm_core.engagement.task.commands import CompleteTask, CreateTask
from crm_core.identity import DefineRole, GrantRole, RoleRule
from crm_core.sales.opportunity.commands import (
    MoveStage,
    OpenOpportunity,
    SetAmount,
    SetOpportunityCustomer,
    WinOpportunity,
)
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.service.ticket.commands import AssignTicket, OpenTicket, SetTicketPriority
from crm_core.service.ticket.events import TicketChannel, TicketPriority, TicketType

LISTS = """
fragment Deals on OpportunityConnection {
  totalCount totalCountPrecision pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  edges { cursor node {
    id version name status stageId amount { amount currencyCode } owner { name }
    customer { name opportunities(first: 5) { totalCount } } } }
}
query ($id: ID!, $asOf: AsOf, $effectiveAt: DateTime) {
  customer(by: {id: $id}, asOf: $asOf, effectiveAt: $effectiveAt) {
    opportunities(first: 10) { ...Deals }
    last: opportunities(last: 1, orderBy: [{field: AMOUNT, direction: DESC}]) { ...Deals }
    large: opportunities(first: 1, where: {amount: {gte: "150"}}) { ...Deals }
    tickets(first: 10) { totalCount nodes { id version subject status priority } }
    tasks(first: 10) { totalCount nodes { id version status } }
    interactions(first: 10) { totalCount nodes { id version subject } }
  }
}"""


async def lists(api: Any, customer_id: UUID, who: str = "admin", **past: Any) -> Any:
    return (await api.data(LISTS, who=who, id=str(customer_id), **past))["customer"]


def deal(of: UUID | None, pipeline: UUID, owner: UUID, amount: int, **more: Any) -> OpenOpportunity:
    return OpenOpportunity(
        name=f"Deal of {amount}", customer_id=of, pipeline_id=pipeline, owner_id=owner,
        currency="EUR", amount=Money(Decimal(amount), "EUR"), **more,
    )  # fmt: skip


async def test_the_lists_of_the_past_are_what_those_of_the_present_were(
    api: Any, sales: dict[str, UUID]
) -> None:
    one, other, owner = new_id(), new_id(), api.people["sales"]
    first = deal(one, sales["pipeline"], owner, 100)
    second = deal(None, sales["pipeline"], owner, 200)
    ticket = OpenTicket(
        subject="Help", customer_id=one, channel=TicketChannel.WEB, type=TicketType.QUESTION
    )
    task = CreateTask(customer_id=one, title="Call", assignee_id=owner, due_at=datetime.now(UTC))
    note = LogInteraction(
        customer_id=one, channel=InteractionChannel.NOTE, subject="Said",
        direction=InteractionDirection.INTERNAL,
    )  # fmt: skip
    await api.given(
        RegisterPerson(customer_id=one, name="One"), RegisterPerson(customer_id=other, name="Other")
    )
    steps = [
        first,
        second,
        SetOpportunityCustomer(opportunity_id=second.opportunity_id, customer_id=one),
        MoveStage(opportunity_id=first.opportunity_id, stage_id=STANDARD_STAGES[1].id),
        ticket,
        SetAmount(opportunity_id=first.opportunity_id, amount=Money(Decimal(300), "EUR")),
        SetTicketPriority(ticket_id=ticket.ticket_id, priority=TicketPriority.URGENT),
        task,
        note,
        SetOpportunityCustomer(opportunity_id=first.opportunity_id, customer_id=other),
        AssignTicket(ticket_id=ticket.ticket_id, assignee_id=api.people["service"]),
        CompleteTask(task_id=task.task_id),
        CorrectInteraction(interaction_id=note.interaction_id, subject="Really said"),
        WinOpportunity(opportunity_id=second.opportunity_id),
    ]
    captured = []
    for step in steps:
        receipt = await api.given(step)
        captured.append((receipt, {key: await lists(api, key) for key in (one, other)}))
    assert len({str(live[one]) for _, live in captured}) > 10
    for receipt, live in captured:
        for past in (
            {"position": receipt.position},
            {"time": receipt.recorded_at.isoformat()},
        ):
            for key, answer in live.items():
                assert await lists(api, key, asOf=past) == answer


async def test_a_past_that_had_not_begun_shows_no_records(api: Any, sales: dict[str, UUID]) -> None:
    """On the effective clock a deal is there from when it was opened, whenever it was recorded."""
    person, long_ago = new_id(), datetime(2020, 1, 1, tzinfo=UTC)
    for command, days in (
        (RegisterPerson(customer_id=person, name="Ada"), 0),
        (deal(person, sales["pipeline"], api.people["sales"], 100), 30),
        (deal(person, sales["pipeline"], api.people["sales"], 200), 60),
    ):
        await api.services.crm.execute(
            command, actor=SYSTEM, effective_at=long_ago + timedelta(days=days)
        )
    await api.shown()
    seen = [
        (await lists(api, person, effectiveAt=(long_ago + timedelta(days=days)).isoformat()))
        for days in (1, 31, 61)
    ]
    assert [each["opportunities"]["totalCount"] for each in seen] == [0, 1, 2]
    assert [each["large"]["totalCount"] for each in seen] == [0, 0, 1]


async def test_pages_of_the_past_go_on_by_their_cursors(api: Any, sales: dict[str, UUID]) -> None:
    person = new_id()
    deals = [deal(person, sales["pipeline"], api.people["sales"], n) for n in range(5)]
    receipt = await api.given(RegisterPerson(customer_id=person, name="Ada"), *deals)
    await api.given(deal(person, sales["pipeline"], api.people["sales"], 5))
    query = """query ($id: ID!, $asOf: AsOf, $after: String) {
      customer(by: {id: $id}, asOf: $asOf) { opportunities(first: 2, after: $after) {
        nodes { name } pageInfo { hasNextPage endCursor } } } }"""
    names, after, more = [], None, True
    while more:
        data = await api.data(
            query, id=str(person), asOf={"position": receipt.position}, after=after
        )
        page = data["customer"]["opportunities"]
        names += [node["name"] for node in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert names == [f"Deal of {n}" for n in range(5)]


async def test_who_may_not_see_a_record_does_not_find_it_in_the_past(
    api: Any, sales: dict[str, UUID]
) -> None:
    """Neither the record nor a field that is withheld, be it by a filter or an order."""
    person, rep, mate = new_id(), await api.invited(None), await api.invited(None)
    own = (
        RoleRule(kind="customer", actions=("read",)),
        RoleRule(kind="opportunity", actions=("read",), scope=Scope.OWN, withheld=("amount",)),
    )
    role = f"own_{rep.hex}"
    api.people["rep"] = rep
    theirs, ours = (deal(person, sales["pipeline"], of, 200) for of in (mate, rep))
    receipt = await api.given(
        DefineRole(name=role, rules=own), GrantRole(user_id=rep, role=role),
        RegisterPerson(customer_id=person, name="Ada"), theirs, ours,
    )  # fmt: skip
    past = {"asOf": {"position": receipt.position}}
    seen = await lists(api, person, "rep", **past)
    assert [edge["node"]["name"] for edge in seen["opportunities"]["edges"]] == ["Deal of 200"]
    assert seen["opportunities"]["edges"][0]["node"]["amount"] is None
    assert seen["opportunities"]["totalCount"] == 1
    assert seen["large"]["totalCount"] == 0
    assert seen["tickets"] is seen["tasks"] is seen["interactions"] is None
    assert seen == await lists(api, person, "rep")
    everything = await lists(api, person, **past)
    assert everything["opportunities"]["totalCount"] == everything["large"]["totalCount"] == 2


async def test_a_list_that_was_too_long_is_refused_and_not_cut(
    api: Any, sales: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "PAST_LIST_MAX", 2)
    person = new_id()
    deals = [deal(person, sales["pipeline"], api.people["sales"], n) for n in range(3)]
    await api.given(RegisterPerson(customer_id=person, name="Ada"), *deals[:2])
    two = await api.services.crm.position()
    await api.given(deals[2])
    three = await api.services.crm.position()
    document = """query ($id: ID!, $asOf: AsOf) { customer(by: {id: $id}, asOf: $asOf) {
      opportunities(first: 1) { totalCount } } }"""
    data = await api.data(document, id=str(person), asOf={"position": two})
    assert data["customer"]["opportunities"]["totalCount"] == 2
    refused = await api.ask(document, id=str(person), asOf={"position": three})
    (error,) = refused["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "2 records" in error["message"]


async def test_lists_that_are_too_long_together_are_refused(
    api: Any, sales: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that is asked for twice counts once."""
    monkeypatch.setattr(loading, "PAST_RECORDS_MAX", 3)
    people = [new_id(), new_id()]
    for person in people:
        deals = [deal(person, sales["pipeline"], api.people["sales"], n) for n in range(2)]
        await api.given(RegisterPerson(customer_id=person, name="Ada"), *deals)
    past = {"asOf": {"position": await api.services.crm.position()}}
    document = """query ($ids: [ID!]!, $asOf: AsOf) { nodes(ids: $ids, asOf: $asOf) {
      ... on Customer { one: opportunities(first: 1) { totalCount nodes { name } }
                        two: opportunities(last: 1) { totalCount } } } }"""
    ids = [global_id("Customer", person) for person in people]
    (node,) = (await api.data(document, ids=ids[:1], **past))["nodes"]
    assert node["one"]["totalCount"] == node["two"]["totalCount"] == 2
    refused = await api.ask(document, ids=ids, **past)
    assert {error["extensions"]["reason"] for error in refused["errors"]} == {
        "query.pasts_too_long"
    }
