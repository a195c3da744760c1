"""A reader with narrow rights, on every way: what is out of sight looks like what is not there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from crm_api.graphql.ids import global_id
from crm_core import Money
from crm_core.customers.customer.commands import (
    AddContactPoint,
    AssignCustomerOwner,
    RegisterPerson,
)
from crm_core.customers.customer.events import ContactPointType
from crm_core.engagement.interaction.commands import LogInteraction
from crm_core.engagement.interaction.events import InteractionChannel, InteractionDirection
from crm_core.engagement.task.commands import CreateTask
from crm_core.identity import DefineRole, GrantRole, GrantShare, RevokeRole, RoleRule, Scope
from crm_core.sales.opportunity.commands import OpenOpportunity
from crm_core.sales.pipeline.commands import DefinePipeline
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.service.ticket.commands import AssignTicket, OpenTicket
from crm_core.service.ticket.events import TicketChannel

KINDS = ("customer", "opportunity", "ticket", "task", "interaction")


@pytest.fixture(scope="module")
async def records(api: Any) -> dict[str, dict[str, UUID]]:
    """The same set of records twice: the clerk's own, and somebody else's."""
    clerk = api.people["clerk"] = await api.invited(None)
    reads = [
        RoleRule(kind=kind, actions=("read", "tag", "complete"), scope=Scope.OWN) for kind in KINDS
    ]
    contactless = RoleRule(
        kind="customer", actions=("read",), scope=Scope.SHARED, withheld=("contact",)
    )
    pipeline = DefinePipeline(name="Scopes", stages=STANDARD_STAGES)
    await api.given(
        pipeline,
        DefineRole(name="clerk", rules=(*reads, contactless)),
        GrantRole(user_id=clerk, role="clerk"),
    )
    made: dict[str, dict[str, UUID]] = {}
    for whose, owner in (("mine", clerk), ("theirs", api.people["sales"])):
        ids = made[whose] = {kind: uuid4() for kind in KINDS}
        of = ids["customer"]
        await api.given(
            RegisterPerson(customer_id=of, name=f"Canary {whose}"),
            AddContactPoint(
                customer_id=of, type=ContactPointType.EMAIL, value=f"{of}@canary.example"
            ),
            AssignCustomerOwner(customer_id=of, owner_id=owner),
            OpenOpportunity(
                opportunity_id=ids["opportunity"], name=f"Canary {whose}", customer_id=of,
                pipeline_id=pipeline.pipeline_id, owner_id=owner, currency="EUR",
                amount=Money(Decimal(7), "EUR"),
            ),
            OpenTicket(
                ticket_id=ids["ticket"], subject=f"Canary {whose}", customer_id=of,
                channel=TicketChannel.WEB,
            ),
            AssignTicket(ticket_id=ids["ticket"], assignee_id=owner),
            CreateTask(
                task_id=ids["task"], title=f"Canary {whose}", assignee_id=owner, customer_id=of,
                due_at=datetime(2027, 1, 1, tzinfo=UTC),
            ),
            LogInteraction(
                interaction_id=ids["interaction"], customer_id=of, subject=f"Canary {whose}",
                channel=InteractionChannel.CALL, direction=InteractionDirection.INBOUND,
            ),
        )  # fmt: skip
    return made


ONE = {
    "customer": "customer(by: {id: $id}) { name }",
    "opportunity": "opportunity(by: {id: $id}) { name }",
    "ticket": "ticket(by: {id: $id}) { subject }",
    "task": "task(id: $id) { title }",
    "interaction": "interaction(id: $id) { subject }",
}
LISTS = {
    "customers": "name",
    "opportunities": "name",
    "tickets": "subject",
    "tasks": "title",
}
WAYS = [
    "node(id: $id) { id }",
    "nodes(ids: [$id]) { id }",
    "node(id: $id, asOf: {position: 999999}) { id }",
    "diff(id: $id, from: {asOf: {position: 0}}) { recordUuid }",
    'explain(id: $id, field: "version") { value }',
]


def named(kind: str, key: UUID) -> str:
    return global_id(kind.capitalize(), key)


@pytest.mark.parametrize("kind", KINDS)
async def test_one_record_by_its_id(api: Any, records: Any, kind: str) -> None:
    for past in ("", ", asOf: {position: 999999}"):
        field = ONE[kind].replace("$id", "$id" + past) if kind in ("task", "interaction") else (
            ONE[kind].replace("})", "}" + past + ")"))  # fmt: skip
        query = f"query ($id: ID!) {{ found: {field} }}"
        for whose, is_seen in (("mine", True), ("theirs", False)):
            key = named(kind, records[whose][kind])
            data = await api.data(query, who="clerk", id=key)
            assert (data["found"] is not None) is is_seen, (whose, past)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_out_of_sight_is_as_if_it_were_not_there(
    api: Any, records: Any, kind: str, way: str
) -> None:
    query = f"query ($id: ID!) {{ found: {way} }}"
    answers = []
    for key in (records["theirs"][kind], uuid4()):
        body = await api.ask(query, who="clerk", id=named(kind, key))
        for error in body.get("errors", ()):
            error["extensions"].pop("traceId")
        answers.append(json.dumps(body).replace(str(key), "…"))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", sorted(LISTS))
async def test_lists_their_counts_and_their_filters(api: Any, records: Any, name: str) -> None:
    query = f"{{ found: {name}(first: 100) {{ totalCount nodes {{ id {LISTS[name]} }} }} }}"
    found = (await api.data(query, who="clerk"))["found"]
    assert found["totalCount"] == 1
    assert [node[LISTS[name]] for node in found["nodes"]] == ["Canary mine"]


async def test_nested_lists_timelines_and_histories(api: Any, records: Any) -> None:
    query = """query ($id: ID!) { customer(by: {id: $id}) {
      opportunities(first: 9) { totalCount } tickets(first: 9) { totalCount }
      interactions(first: 9) { totalCount } timeline(first: 50) { totalCount nodes { type } }
      history(first: 9) { totalCount } } }"""
    mine = str(records["mine"]["customer"])
    seen = await api.data(query, who="clerk", id=mine)
    assert seen == await api.data(query, id=mine)
    assert seen["customer"]["timeline"]["totalCount"] == 9


async def test_events_by_their_id(api: Any, records: Any) -> None:
    for whose, is_seen in (("mine", True), ("theirs", False)):
        (first, *_) = await api.services.crm.history(records[whose]["customer"])
        node = global_id("EventRecord", first.position)
        query = "query ($id: ID!) { node(id: $id) { ... on EventRecord { type data } } }"
        data = await api.data(query, who="clerk", id=node)
        assert (data["node"] is not None) is is_seen


async def test_reports_count_what_is_in_reach(api: Any, records: Any) -> None:
    """As for an administrator who asks for the clerk's own only."""
    owner = global_id("User", api.people["clerk"])
    rows = "rows { deals amount { amount } }"
    mine = await api.data(f"{{ salesPipelineReport {{ {rows} }} }}", who="clerk")
    query = f"query ($o: [ID!]) {{ salesPipelineReport(where: {{ownerIds: $o}}) {{ {rows} }} }}"
    assert mine == await api.data(query, o=[owner])
    assert sum(row["deals"] for row in mine["salesPipelineReport"]["rows"]) == 1


async def test_commands_refuse_what_is_out_of_sight_like_what_is_not_there(
    api: Any, records: Any
) -> None:
    query = """mutation ($id: ID!, $dry: Boolean!) {
      customerTag(input: {customerId: $id, tag: "x", dryRun: $dry}) {
        customer { name } userErrors { __typename code message path } } }"""
    for dry in (True, False):
        answers = []
        for key in (records["theirs"]["customer"], uuid4()):
            data = await api.data(query, who="clerk", id=str(key), dry=dry)
            answers.append(json.dumps(data).replace(str(key), "…"))
        assert answers[0] == answers[1]
        assert "record.not_found" in answers[0]


async def test_withheld_fields_are_nowhere(api: Any, records: Any) -> None:
    """A shared customer without its contact points: not read, found, or in its past."""
    theirs = records["theirs"]["customer"]
    clerk = api.people["clerk"]
    await api.given(GrantShare(record_id=theirs, principal_id=clerk))
    query = """query ($id: ID!, $email: String!) {
      one: customer(by: {id: $id}) { name email contactPoints { value } }
      past: customer(by: {id: $id}, asOf: {position: 999999}) { name email contactPoints { value } }
      found: customers(first: 9, where: {email: {eq: $email}}) { totalCount }
      some: customers(first: 9, where: {email: {isNull: false}}) { totalCount }
      none: customers(first: 9, where: {email: {isNull: true}}) { totalCount }
      diff(id: $id, from: {asOf: {position: 0}}) { changes { field before after withheld } }
      node(id: $id) { ... on Record { history(first: 9) { nodes { type data } } } }
    }"""
    body = await api.ask(
        query, who="clerk", id=named("customer", theirs), email=f"{theirs}@canary.example"
    )
    assert "errors" not in body, body["errors"]
    assert f"{theirs}@canary" not in json.dumps(body)
    data = body["data"]
    hidden = {"name": "Canary theirs", "email": None, "contactPoints": []}
    assert data["one"] == data["past"] == hidden
    counts = [data[name]["totalCount"] for name in ("found", "some", "none")]
    assert counts == [0, 1, 1]
    assert all(change["withheld"] for change in data["diff"]["changes"])


async def test_a_revoked_role_shows_nothing_at_once(api: Any, records: Any) -> None:
    clerk = api.people["clerk"]
    await api.given(RevokeRole(user_id=clerk, role="clerk"))
    assert await api.codes("{ customers(first: 1) { totalCount } }", who="clerk") == ["FORBIDDEN"]
    await api.given(GrantRole(user_id=clerk, role="clerk"))


async def test_an_auditor_asks_who_could_see_and_what(api: Any, records: Any) -> None:
    clerk = global_id("User", api.people["clerk"])
    query = """query ($id: ID!, $user: ID!) { whoCouldSee(id: $id) { id }
      whatCouldUserSee(userId: $user) { kind everything ownerIds recordIds }
      before: whatCouldUserSee(userId: $user, asOf: {position: 0}) { kind } }"""
    for whose, is_seen in (("mine", True), ("theirs", False)):
        key = named("opportunity", records[whose]["opportunity"])
        data = await api.data(query, who="auditor", id=key, user=clerk)
        seen_by = {user["id"] for user in data["whoCouldSee"]}
        assert (clerk in seen_by) is is_seen
        assert global_id("User", api.people["admin"]) in seen_by
    (of_tasks,) = [r for r in data["whatCouldUserSee"] if r["kind"] == "task"]
    assert (of_tasks["everything"], of_tasks["ownerIds"]) == (False, [str(api.people["clerk"])])
    assert data["before"] == []
    assert await api.codes(query, who="clerk", id=key, user=clerk) == ["FORBIDDEN"] * 3
