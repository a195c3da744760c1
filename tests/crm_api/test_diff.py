"""What changed between two pasts, over GraphQL; nodes and links as of a past."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from crm_api.graphql.ids import global_id
from crm_core import Money, new_id
from crm_core.customers.customer.commands import RegisterPerson, RenameCustomer, TagCustomer
from crm_core.engagement.interaction.commands import CorrectInteraction, LogInteraction
from crm_core.engagement.interaction.events import (
    InteractionChannel,
    InteractionDirection,
    InteractionVisibility,
)
from crm_core.identity import AddTeamMember, CreateTeam
from crm_core.identity.user.commands import SetPassword
from crm_core.sales.opportunity.commands import SetAmount

DIFF = """query ($id: ID!, $from: Past!, $to: Past) {
  diff(id: $id, from: $from, to: $to) {
    recordType fromVersion toVersion events { version }
    changes { field before after withheld events { version type } } } }"""


async def diff(api: Any, record_id: object, who: str = "admin", **given: Any) -> Any:
    return (await api.data(DIFF, who=who, id=str(record_id), **given))["diff"]


async def test_a_difference_names_the_fields_and_the_events(api: Any) -> None:
    person = new_id()
    await api.given(
        RegisterPerson(customer_id=person, name="Ada"),
        TagCustomer(customer_id=person, tag="vip"),
        RenameCustomer(customer_id=person, name="Ada Lovelace"),
    )
    found = await diff(api, person, **{"from": {"asOf": {"version": 1}}})
    assert (found["fromVersion"], found["toVersion"]) == (1, 3)
    assert found["changes"] == [
        {
            "field": field, "before": before, "after": after, "withheld": False,
            "events": [{"version": version, "type": f"customers.customer.{fact}"}],
        }
        for field, before, after, version, fact in (
            ("name", "Ada", "Ada Lovelace", 3, "renamed"),
            ("tags", None, ["vip"], 2, "tagged"),
        )
    ]  # fmt: skip
    same = {"from": {"asOf": {"version": 2}}, "to": {"asOf": {"version": 2}}}
    assert (await diff(api, person, **same))["changes"] == []


async def test_a_difference_that_may_not_be_seen_is_like_one_that_is_not(api: Any) -> None:
    person = new_id()
    await api.given(RegisterPerson(customer_id=person, name="Hidden"))
    nothing = {"from": {"asOf": {"position": 0}}}
    assert await diff(api, person, who="nobody", **nothing) is None
    assert await diff(api, new_id(), **nothing) is None


async def test_a_password_is_not_in_a_difference(api: Any) -> None:
    user = await api.invited("sales")
    await api.given(SetPassword(user_id=user, password="correct horse battery"))
    found = await diff(api, user, **{"from": {"asOf": {"version": 3}}})
    (change,) = found["changes"]
    assert (change["field"], change["withheld"]) == ("passwordHash", True)
    assert (change["before"], change["after"]) == (None, None)


async def test_words_for_others_are_not_in_a_difference(api: Any) -> None:
    person, call = new_id(), new_id()
    await api.given(
        RegisterPerson(customer_id=person, name="Ada"),
        LogInteraction(
            interaction_id=call, customer_id=person, channel=InteractionChannel.CALL,
            direction=InteractionDirection.INBOUND, body="Between us",
            visibility=InteractionVisibility.PARTICIPANTS,
        ),
        CorrectInteraction(interaction_id=call, body="Between you and me"),
    )  # fmt: skip
    for who, withheld in (("sales", True), ("auditor", False)):
        found = await diff(api, call, who=who, **{"from": {"asOf": {"version": 1}}})
        changes = {change["field"]: change for change in found["changes"]}
        assert changes["content"]["withheld"] is withheld
        assert ("Between" in str(changes)) is not withheld


async def test_a_node_and_the_record_of_an_event_are_shown_as_of_a_past(api: Any) -> None:
    person = new_id()
    first = await api.given(RegisterPerson(customer_id=person, name="Ada"))
    last = await api.given(RenameCustomer(customer_id=person, name="Ada Lovelace"))
    data = await api.data(
        """query ($id: ID!, $event: ID!, $then: AsOf!, $p: Position) {
             now: nodes(ids: [$id], minPosition: $p) { ... on Customer { name } }
             then: nodes(ids: [$id], asOf: $then) { ... on Customer { name } }
             both: nodes(ids: [$id, $event], asOf: $then) { id }
             node(id: $event) { ... on EventRecord {
               record { ... on Customer { name } }
               before: record(asOf: $then) { ... on Customer { name } } } } }""",
        id=global_id("Customer", person),
        event=global_id("EventRecord", last.position),
        then={"position": first.position},
        p=last.position,
    )
    assert (data["now"], data["then"]) == ([{"name": "Ada Lovelace"}], [{"name": "Ada"}])
    assert [node is None for node in data["both"]] == [False, True], "the event was not yet known"
    assert data["node"]["record"] == {"name": "Ada Lovelace"}
    assert data["node"]["before"] == {"name": "Ada"}


async def test_names_in_a_chart_are_for_those_who_may_see_them(
    api: Any, sales: dict[str, UUID]
) -> None:
    asked = "{ salesPipelineReport(groupBy: OWNER) { definition chart rows { key label } } }"
    report = (await api.data(asked, who="sales"))["salesPipelineReport"]
    assert "The sales" in {row["label"] for row in report["rows"]}
    values = report["chart"]["data"]["values"]
    assert [value["label"] for value in values] == [row["label"] for row in report["rows"]]
    assert report["chart"]["$schema"].endswith("/vega-lite/v5.json")


async def test_a_report_by_teams_is_by_the_teams_of_then(api: Any, sales: dict[str, UUID]) -> None:
    owner = api.people["sales"]
    team = CreateTeam(name="North")
    before = await api.given(team)
    joined = await api.given(AddTeamMember(team_id=team.team_id, user_id=owner))
    asked = """query ($asOf: AsOf, $then: AsOf, $p: Position) {
        now: salesPipelineReport(groupBy: TEAM, asOf: $asOf, minPosition: $p) { rows { label } }
        then: salesPipelineReport(groupBy: TEAM, asOf: $then) { rows { label } } }"""
    data = await api.data(
        asked,
        asOf={"position": joined.position},
        then={"position": before.position},
        p=joined.position,
    )
    assert "North" in {row["label"] for row in data["now"]["rows"]}
    assert {row["label"] for row in data["then"]["rows"]} == {None}


async def test_a_waterfall_between_two_positions_sums(api: Any, sales: dict[str, UUID]) -> None:
    before = (await api.data("{ projectionStatus { head } }"))["projectionStatus"]["head"]
    deals = "{ opportunities(first: 1, where: {status: {eq: OPEN}}) { nodes { uuid } } }"
    (deal,) = (await api.data(deals))["opportunities"]["nodes"]
    amount = Money(Decimal(7777), "EUR")
    receipt = await api.given(SetAmount(opportunity_id=UUID(deal["uuid"]), amount=amount))
    data = await api.data(
        """query ($from: Past!, $to: Past!) { pipelineDiff(from: $from, to: $to) {
             rows { change changes amount { amount currencyCode } } } }""",
        **{
            "from": {"asOf": {"position": before}},
            "to": {"asOf": {"position": receipt.position}},
        },
    )
    rows = {
        row["change"]: Decimal(row["amount"]["amount"])
        for row in data["pipelineDiff"]["rows"]
        if row["amount"]["currencyCode"] == "EUR"
    }
    assert set(rows) == {"START", "REPRICED", "END"}
    assert rows["START"] + rows["REPRICED"] == rows["END"]


async def test_a_question_that_makes_no_sense_is_refused(api: Any) -> None:
    for asked in (
        "salesPipelineReport(where: {sources: null})",
        'salesPipelineReport(timeZone: "Rome")',
        'salesPipelineReport(where: {period: {from: "2026-02-01", to: "2026-01-01"}})',
        "pipelineDiff(from: {}, groupBy: MONTH)",
        "pipelineDiff(from: {}, to: {asOf: {position: 1}})",
    ):
        assert await api.codes(f"{{ {asked} {{ position }} }}") == ["BAD_USER_INPUT"], asked
