"""Nobody sees or does what they have no right to, on whatever way they try."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from crm_api.graphql.ids import global_id
from crm_core import SYSTEM, Actor, new_id
from crm_core.customers.customer.commands import AssignCustomerOwner, RegisterPerson
from crm_core.engagement.interaction.commands import LogInteraction, RedactInteraction
from crm_core.engagement.interaction.events import (
    InteractionChannel,
    InteractionDirection,
    InteractionVisibility,
)
from crm_core.identity import (
    AddTeamMember,
    CreateTeam,
    DefineRole,
    GrantRole,
    RemoveTeamMember,
    RoleRule,
    SetPassword,
    SuspendUser,
)

LISTS = [
    "customers(first: 1) { totalCount }",
    "opportunities(first: 1) { totalCount }",
    "pipelines(first: 1) { totalCount }",
    "products(first: 1) { totalCount }",
    "tickets(first: 1) { totalCount }",
    "tasks(first: 1) { totalCount }",
    "users(first: 1) { totalCount }",
    "teams(first: 1) { totalCount }",
    "roles(first: 1) { totalCount }",
    "builtInRoles { name }",
    "shares(first: 1) { totalCount }",
    "apiKeys(first: 1) { totalCount }",
    "events(first: 1) { totalCount }",
    "auditTrail(first: 1) { totalCount }",
    "projectionStatus { head }",
    "salesPipelineReport { position }",
    "salesForecastReport { position }",
    "pipelineDiff(from: {asOf: {position: 0}}) { position }",
    "salesFunnelReport { position }",
    "salesFiguresReport { position }",
    "salesOutcomesReport { position }",
    "stageTimeReport { position }",
    "pipelineAgeingReport { position }",
    "ticketVolumeReport { position }",
    "ticketBacklogReport { position }",
    "ticketDurationReport { position }",
    "ticketReopeningReport { position }",
]
"""Every root field that needs no argument but a page."""


@pytest.mark.parametrize("field", LISTS)
async def test_without_a_role_nothing_is_listed(api: Any, field: str) -> None:
    body = await api.ask(f"{{ {field} }}", who="nobody")
    assert list(body["data"].values()) == [None]
    assert [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"]


@pytest.mark.parametrize("field", LISTS)
async def test_an_auditor_reads_everything(api: Any, field: str) -> None:
    assert "errors" not in await api.ask(f"{{ {field} }}", who="auditor")


@pytest.mark.parametrize("kind", ["customer(by: {id: $id})", "opportunity(by: {id: $id})",
                                  "ticket(by: {id: $id})", "pipeline(id: $id)",
                                  "product(id: $id)", "task(id: $id)", "interaction(id: $id)",
                                  "user(id: $id)"])  # fmt: skip
async def test_without_a_role_no_record_is_shown(api: Any, kind: str) -> None:
    codes = await api.codes(
        f"query ($id: ID!) {{ {kind} {{ id }} }}", who="nobody", id=str(api.people["sales"])
    )
    assert codes == ["FORBIDDEN"]


async def test_a_record_that_may_not_be_seen_is_like_one_that_is_not(api: Any) -> None:
    person = new_id()
    await api.given(RegisterPerson(customer_id=person, name="Hidden"))
    node = "query ($id: ID!) { node(id: $id) { id } }"
    for record_id in (person, new_id()):
        body = await api.ask(node, who="nobody", id=global_id("Customer", record_id))
        assert body["data"] == {"node": None}
        assert "errors" not in body


async def test_an_event_of_what_may_not_be_seen_is_null(api: Any) -> None:
    receipt = await api.given(RegisterPerson(name="Hidden"))
    body = await api.ask(
        "query ($id: ID!) { node(id: $id) { id } }",
        who="nobody",
        id=global_id("EventRecord", receipt.position),
    )
    assert body["data"] == {"node": None}
    assert "errors" not in body


async def test_a_link_to_what_may_not_be_seen_is_null(api: Any) -> None:
    """A role that reads customers only: links lead nowhere, and nothing says so."""
    narrow = await api.invited(None)
    person = new_id()
    await api.given(
        DefineRole(name="customers_only", rules=(RoleRule(kind="customer", actions=("read",)),)),
        GrantRole(user_id=narrow, role="customers_only"),
        RegisterPerson(customer_id=person, name="Ada"),
        AssignCustomerOwner(customer_id=person, owner_id=api.people["sales"]),
    )
    query = """query ($id: ID!) { customer(by: {id: $id}) {
      name owner { name } opportunities(first: 1) { totalCount } tickets(first: 1) { totalCount }
      interactions(first: 1) { totalCount } timeline(first: 9) { nodes { type } } } }"""

    api.people["narrow"] = narrow
    data = await api.data(query, who="narrow", id=str(person))
    customer = data["customer"]
    assert customer["name"] == "Ada"
    assert customer["owner"] is None
    assert customer["opportunities"] is customer["tickets"] is customer["interactions"] is None
    assert len(customer["timeline"]["nodes"]) == 2


async def test_a_suspended_user_is_shut_out(api: Any) -> None:
    user = await api.invited("admin")
    api.people["leaver"] = user
    await api.services.crm.execute(SuspendUser(user_id=user), actor=SYSTEM)
    assert await api.codes("{ customers(first: 1) { totalCount } }", who="leaver") == ["FORBIDDEN"]
    assert await api.codes("{ viewer { name } }", who="leaver") == ["UNAUTHENTICATED"]


# --- words that are not for everybody -------------------------------------------------------------

INTERACTION = """query ($id: ID!, $customer: ID!) {
  interaction(id: $id) { channel visibility redacted subject body
                         history(first: 9) { nodes { type data withheldFields } } }
  past: interaction(id: $id, asOf: {version: 1}) { subject body }
  customer(by: {id: $customer}) {
    interactions(first: 1) { totalCount nodes { subject } }
    timeline(first: 1, ) { nodes { type text } } } }"""


async def logged(api: Any, visibility: InteractionVisibility, **more: Any) -> tuple[UUID, UUID]:
    """An interaction that the sales user wrote down, and its customer."""
    person, interaction = new_id(), new_id()
    await api.given(RegisterPerson(customer_id=person, name="Ada"))
    await api.services.crm.execute(
        LogInteraction(
            interaction_id=interaction, customer_id=person, channel=InteractionChannel.NOTE,
            direction=InteractionDirection.INTERNAL, subject="Secret", body="Very secret",
            visibility=visibility, **more,
        ),
        actor=Actor.user(api.people["sales"]),
    )  # fmt: skip
    await api.shown()
    return interaction, person


async def seen(api: Any, who: str, interaction: UUID, person: UUID) -> list[Any]:
    """The words, wherever they might show."""
    data = await api.data(INTERACTION, who=who, id=str(interaction), customer=str(person))
    return [
        data["interaction"]["subject"],
        data["past"]["subject"],
        data["interaction"]["history"]["nodes"][0]["data"]["subject"],
        data["customer"]["interactions"]["nodes"][0]["subject"],
    ]


async def test_words_are_for_those_whom_the_visibility_names(api: Any) -> None:
    known = await logged(api, InteractionVisibility.RECORD)
    assert await seen(api, "service", *known) == ["Secret"] * 4
    private = await logged(api, InteractionVisibility.PARTICIPANTS)
    assert await seen(api, "sales", *private) == ["Secret"] * 4
    assert await seen(api, "service", *private) == [None] * 4
    assert await seen(api, "auditor", *private) == ["Secret"] * 4
    shared = await logged(
        api, InteractionVisibility.PARTICIPANTS, participant_ids=(api.people["service"],)
    )
    assert await seen(api, "service", *shared) == ["Secret"] * 4


async def test_words_for_the_team_are_for_who_is_in_one_with_who_took_part(api: Any) -> None:
    team, above = new_id(), new_id()
    for who in ("mate", "boss", "stranger"):
        api.people[who] = await api.invited("service")
    await api.given(
        CreateTeam(team_id=above, name=f"Above {above}"),
        CreateTeam(team_id=team, name=f"Team {team}", parent_id=above),
        AddTeamMember(team_id=team, user_id=api.people["sales"]),
        AddTeamMember(team_id=team, user_id=api.people["mate"]),
        AddTeamMember(team_id=above, user_id=api.people["boss"]),
    )
    ours = await logged(api, InteractionVisibility.TEAM)
    private = await logged(api, InteractionVisibility.PARTICIPANTS)
    assert await seen(api, "sales", *ours) == await seen(api, "mate", *ours) == ["Secret"] * 4
    assert await seen(api, "mate", *private) == [None] * 4
    for who in ("boss", "stranger"):
        assert await seen(api, who, *ours) == [None] * 4
    await api.given(RemoveTeamMember(team_id=team, user_id=api.people["mate"]))
    assert await seen(api, "mate", *ours) == [None] * 4


async def test_the_timeline_keeps_private_words_private(api: Any) -> None:
    _, person = await logged(api, InteractionVisibility.PARTICIPANTS)
    timeline = """query ($id: ID!) { customer(by: {id: $id}) {
      timeline(first: 1) { nodes { type text } } } }"""
    for who, text in (("sales", "Secret"), ("service", None)):
        data = await api.data(timeline, who=who, id=str(person))
        (entry,) = data["customer"]["timeline"]["nodes"]
        assert entry == {"type": "engagement.interaction.logged", "text": text}


async def test_redacted_words_are_shown_to_nobody_not_even_in_the_past(api: Any) -> None:
    interaction, person = await logged(api, InteractionVisibility.RECORD)
    await api.given(RedactInteraction(interaction_id=interaction, reason="by mistake"))
    for who in ("sales", "auditor", "admin"):
        assert await seen(api, who, interaction, person) == [None] * 4
        data = await api.data(INTERACTION, who=who, id=str(interaction), customer=str(person))
        assert data["interaction"]["redacted"]
        events = data["interaction"]["history"]["nodes"]
        assert "Secret" not in str(events)
        assert "subject" in events[0]["withheldFields"]


async def test_a_password_shows_nowhere(api: Any) -> None:
    user = await api.invited("sales")
    receipt = await api.given(SetPassword(user_id=user, password=uuid4().hex))
    event = """query ($id: ID!) { node(id: $id) { ... on EventRecord {
      type data withheldFields } } }"""
    data = await api.data(event, id=global_id("EventRecord", receipt.position))
    assert data["node"] == {
        "type": "identity.user.password_set",
        "data": {"password_hash": None},
        "withheldFields": ["password_hash"],
    }
