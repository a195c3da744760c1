"""Reading many records: pages, filters, orders, and the lists that hang on a record."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from crm_api.graphql.ids import global_id
from crm_core import new_id
from crm_core.customers.customer.commands import (
    RegisterPerson,
    TagCustomer,
)
from crm_core.engagement.task.commands import CompleteTask, CreateTask

PAGE = """
query ($where: CustomerWhere, $orderBy: [CustomerOrder!], $first: Int, $after: String, $last: Int,
       $before: String) {
  customers(where: $where, orderBy: $orderBy, first: $first, after: $after, last: $last,
            before: $before) {
    nodes { name } edges { cursor node { name } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount totalCountPrecision
  }
}
"""


@pytest.fixture(scope="module")
async def herd(api: Any) -> str:
    """Seven customers with a tag of their own: the tag."""
    tag = uuid4().hex
    for index in range(7):
        person = new_id()
        await api.given(
            RegisterPerson(customer_id=person, name=f"{tag} {index % 3}"),
            TagCustomer(customer_id=person, tag=tag),
        )
    return tag


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_a_walk_visits_each_customer_once_in_order(
    api: Any, herd: str, direction: str, backwards: bool
) -> None:
    query = {
        "where": {"tags": {"contains": herd}},
        "orderBy": [{"field": "NAME", "direction": direction}],
    }
    found: list[str] = []
    cursor = None
    for _ in range(10):
        window = {"last": 2, "before": cursor} if backwards else {"first": 2, "after": cursor}
        page = (await api.data(PAGE, **query, **window))["customers"]
        names = [node["name"] for node in page["nodes"]]
        assert names == [edge["node"]["name"] for edge in page["edges"]]
        assert (page["totalCount"], page["totalCountPrecision"]) == (7, "EXACT")
        found = names + found if backwards else found + names
        info = page["pageInfo"]
        if not info["hasPreviousPage" if backwards else "hasNextPage"]:
            break
        cursor = info["startCursor" if backwards else "endCursor"]
    assert Counter(found) == Counter({f"{herd} 0": 3, f"{herd} 1": 2, f"{herd} 2": 2})
    assert found == sorted(found, reverse=direction == "DESC")


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ({}, "BAD_USER_INPUT"),
        ({"first": 101}, "PAGE_SIZE_TOO_LARGE"),
        ({"first": -1}, "BAD_USER_INPUT"),
        ({"first": 1, "last": 1}, "BAD_USER_INPUT"),
        ({"first": 1, "after": "garbage"}, "BAD_CURSOR"),
    ],
)
async def test_a_page_that_makes_no_sense_is_refused(
    api: Any, window: dict[str, Any], code: str
) -> None:
    assert await api.codes(PAGE, **window) == [code]


async def test_a_cursor_is_refused_by_another_list(api: Any, herd: str) -> None:
    page = await api.data(PAGE, first=1, where={"tags": {"contains": herd}})
    cursor = page["customers"]["pageInfo"]["endCursor"]
    assert await api.codes(PAGE, first=1, after=cursor) == ["BAD_CURSOR"]


async def test_filters_say_which_customers(api: Any, herd: str) -> None:
    async def count(where: dict[str, Any]) -> int:
        mine = {"and": [{"tags": {"contains": herd}}, where]}
        found: int = (await api.data(PAGE, first=1, where=mine))["customers"]["totalCount"]
        return found

    first = f"{herd} 0"
    assert await count({"name": {"eq": first}}) == 3
    assert await count({"name": {"in": [first, f"{herd} 1"]}}) == 5
    assert await count({"name": {"contains": herd.upper()}}) == 7
    assert await count({"not": {"name": {"eq": first}}}) == 4
    assert await count({"or": [{"name": {"eq": first}}, {"name": {"eq": f"{herd} 2"}}]}) == 5
    assert await count({"kind": {"eq": "PERSON"}, "status": {"in": ["ACTIVE", "MERGED"]}}) == 7
    assert await count({"ownerId": {"isNull": True}}) == 7
    assert await count({"ownerId": {"eq": global_id("User", api.people["sales"])}}) == 0
    assert await count({"createdAt": {"lt": "2020-01-01T00:00:00Z"}}) == 0
    assert await count({"employees": {"gte": 1}}) == 0
    assert await count({"annualRevenue": {"lt": "10.5"}}) == 0


@pytest.mark.parametrize(
    "where", [{"name": {"eq": None}}, {"name": {"contains": "\0"}}, {"ownerId": {"eq": "x"}}]
)
async def test_a_filter_that_makes_no_sense_is_refused(api: Any, where: dict[str, Any]) -> None:
    (code,) = await api.codes(PAGE, first=1, where=where)
    assert code in {"BAD_USER_INPUT", "BAD_ID"}


# --- links ----------------------------------------------------------------------------------------


@pytest.fixture
def statements(api: Any, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the questions to the read models and to the ledger."""
    counted: Counter[str] = Counter()
    reads, ledger = api.services.reads, api.services.crm.store.ledger
    fetch, stream = reads._fetch, ledger.stream

    async def counted_fetch(*given: Any) -> Any:
        counted["reads"] += 1
        return await fetch(*given)

    async def counted_stream(*given: Any, **more: Any) -> Any:
        counted["streams"] += 1
        return await stream(*given, **more)

    monkeypatch.setattr(reads, "_fetch", counted_fetch)
    monkeypatch.setattr(ledger, "stream", counted_stream)
    return counted


async def test_nested_lists_take_a_statement_a_level_not_one_a_row(
    api: Any, sales: dict[str, UUID], statements: Counter[str]
) -> None:
    data = await api.data(
        """query ($tag: String!) {
             customers(first: 50, where: {tags: {contains: $tag}}) { nodes {
               name owner { name }
               opportunities(first: 2, orderBy: [{field: AMOUNT, direction: DESC}]) {
                 totalCount
                 nodes { name amount { amount } owner { name } stage { name } customer { name } } }
               tickets(first: 5) { nodes { subject assignee { name } customer { name } } }
               timeline(first: 3) { nodes { type actor { user { name } } } } } } }""",
        tag=sales["tag"].hex,
    )
    nodes = data["customers"]["nodes"]
    assert len(nodes) == 6
    for node in nodes:
        assert node["owner"]["name"] == "The sales"
        assert node["opportunities"]["totalCount"] == 3
        assert [deal["name"] for deal in node["opportunities"]["nodes"]] == ["Deal 2", "Deal 1"]
        assert [ticket["customer"] for ticket in node["tickets"]["nodes"]] == [
            {"name": node["name"]}
        ]
    assert statements["reads"] <= 10
    assert statements["streams"] <= 4


async def test_a_nested_list_is_walked_by_its_own_cursors(api: Any, sales: dict[str, UUID]) -> None:
    walk = """query ($id: ID!, $after: String) { customer(by: {id: $id}) {
                opportunities(first: 1, after: $after, orderBy: [{field: NAME}]) {
                  nodes { name } pageInfo { hasNextPage endCursor } } } }"""
    found, cursor = [], None
    for _ in range(5):
        data = await api.data(walk, id=str(sales["customer"]), after=cursor)
        page = data["customer"]["opportunities"]
        found += [node["name"] for node in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == ["Deal 0", "Deal 1", "Deal 2"]


async def test_every_kind_of_record_can_be_listed_and_fetched_again(
    api: Any, sales: dict[str, UUID]
) -> None:
    data = await api.data(
        """{ opportunities(first: 1) { nodes { id name pipeline { id name } } }
             pipelines(first: 1) { nodes { id name stages { name } } }
             products(first: 1) { nodes { id } }
             tickets(first: 1) { nodes { id subject } }
             tasks(first: 1) { nodes { id title } }
             users(first: 1) { nodes { id name } } }"""
    )
    for field in ("opportunities", "pipelines", "tickets", "users"):
        (node,) = data[field]["nodes"]
        again = await api.data(
            "query ($id: ID!) { node(id: $id) { id __typename } }", id=node["id"]
        )
        assert again["node"]["id"] == node["id"]


# --- tasks ----------------------------------------------------------------------------------------

TASKS = """
query ($where: TaskWhere, $customer: ID!) {
  tasks(first: 10, where: $where, orderBy: [{field: DUE_AT, direction: DESC}]) { nodes { title } }
  customer(by: {id: $customer}) { tasks(first: 10) { totalCount nodes { title status } } }
}
"""


async def test_tasks_are_found_by_who_has_to_do_them_and_by_customer(api: Any) -> None:
    ada, me = RegisterPerson(name="Ada"), api.people["sales"]
    tasks = [
        CreateTask(
            title=f"Task {day}",
            due_at=datetime(2030, 1, day, tzinfo=UTC),
            assignee_id=me if day != 3 else api.people["service"],
            customer_id=ada.customer_id,
        )
        for day in (2, 1, 3, 4)
    ]
    await api.given(ada, *tasks, CompleteTask(task_id=tasks[3].task_id))
    mine = {"assigneeId": {"eq": str(me)}, "customerId": {"eq": str(ada.customer_id)}}
    named = {"customer": global_id("Customer", ada.customer_id)}
    found = await api.data(TASKS, where={**mine, "status": {"in": ["OPEN"]}}, **named)
    assert [task["title"] for task in found["tasks"]["nodes"]] == ["Task 2", "Task 1"]
    listed = found["customer"]["tasks"]
    assert listed["totalCount"] == 4
    assert [task["title"][-1] for task in listed["nodes"]] == ["1", "2", "3", "4"]
