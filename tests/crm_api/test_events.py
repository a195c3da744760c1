"""The feed and the trail: everything that happened, for those who may know."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core import new_id
from crm_core.customers.customer.commands import RegisterPerson, RenameCustomer

FEED = """query ($first: Int, $after: String, $types: [String!], $recordId: ID) {
  events(first: $first, after: $after, types: $types, recordId: $recordId) {
    nodes { position type recordUuid actor { kind } data } edges { cursor }
    pageInfo { hasNextPage hasPreviousPage endCursor } totalCount } }"""


async def test_the_feed_gives_every_event_once_in_order(api: Any) -> None:
    await api.given(RegisterPerson(name="Ada"))
    head = await api.services.crm.position()
    positions: list[int] = []
    cursor = None
    while True:
        feed = (await api.data(FEED, who="auditor", first=7, after=cursor))["events"]
        positions += [event["position"] for event in feed["nodes"]]
        cursor = feed["pageInfo"]["endCursor"]
        assert feed["totalCount"] is None
        if not feed["pageInfo"]["hasNextPage"]:
            break
    assert positions[:head] == list(range(1, head + 1))


async def test_a_consumer_goes_on_from_a_position(api: Any) -> None:
    receipt = await api.given(RegisterPerson(name="Ada"))
    feed = (await api.data(FEED, first=5, after=str(receipt.position - 1)))["events"]
    assert feed["nodes"][0]["position"] == receipt.position
    assert feed["pageInfo"]["hasPreviousPage"]


async def test_the_feed_is_filtered_by_type_and_by_record(api: Any) -> None:
    person = new_id()
    await api.given(
        RegisterPerson(customer_id=person, name="Ada"), RenameCustomer(customer_id=person, name="B")
    )
    of_record = (await api.data(FEED, first=9, recordId=str(person)))["events"]
    assert [event["type"] for event in of_record["nodes"]] == [
        "customers.customer.registered",
        "customers.customer.renamed",
    ]
    renamed = ["customers.customer.renamed"]
    both = (await api.data(FEED, first=9, recordId=str(person), types=renamed))["events"]
    assert [event["data"]["name"] for event in both["nodes"]] == ["B"]
    of_type = (await api.data(FEED, first=100, types=renamed))["events"]
    assert {event["type"] for event in of_type["nodes"]} == set(renamed)


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 30])
async def test_what_is_no_position_is_refused(api: Any, cursor: str) -> None:
    assert await api.codes(FEED, first=1, after=cursor) == ["BAD_CURSOR"]


async def test_the_trail_says_who_did_what(api: Any) -> None:
    data = await api.data(
        """mutation { customerRegisterPerson(input: {name: "Ada"}) {
             receipt { position commandId } customer { uuid } } }""",
        who="sales",
    )
    receipt = data["customerRegisterPerson"]["receipt"]
    trail = await api.data(
        """query ($where: AuditWhere, $minPosition: Position) {
             auditTrail(first: 5, where: $where, minPosition: $minPosition) {
               totalCount nodes { eventId position type commandId actor { kind user { name } }
                                  record { __typename uuid } } } }""",
        who="auditor",
        where={"actorId": {"eq": str(api.people["sales"])},
               "commandId": {"eq": receipt["commandId"]},
               "position": {"gte": receipt["position"]}},
        minPosition=receipt["position"],
    )  # fmt: skip
    (entry,) = trail["auditTrail"]["nodes"]
    assert entry["type"] == "customers.customer.registered"
    assert entry["actor"] == {"kind": "USER", "user": {"name": "The sales"}}
    assert entry["record"]["uuid"] == data["customerRegisterPerson"]["customer"]["uuid"]
    node = await api.data("query ($id: ID!) { node(id: $id) { id } }", id=entry["eventId"])
    assert node["node"]["id"] == entry["eventId"]


async def test_the_latest_entries_come_first(api: Any) -> None:
    data = await api.data("{ auditTrail(first: 3) { nodes { position } } }")
    positions = [entry["position"] for entry in data["auditTrail"]["nodes"]]
    assert positions == sorted(positions, reverse=True)


async def test_the_trail_is_for_auditors(api: Any) -> None:
    assert await api.codes("{ auditTrail(first: 1) { totalCount } }", who="sales") == ["FORBIDDEN"]
    assert await api.codes("{ events(first: 1) { totalCount } }", who="sales") == ["FORBIDDEN"]
