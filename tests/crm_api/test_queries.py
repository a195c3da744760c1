"""Reading records: one, many, linked, and as they were."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from crm_api.graphql.ids import global_id
from crm_core import SYSTEM, Money, new_id
from crm_core.customers.customer.commands import (
    AddContactPoint,
    AssignCustomerOwner,
    ChangeLifecycle,
    LinkExternalId,
    MergeCustomers,
    RegisterOrganization,
    RegisterPerson,
    RenameCustomer,
    SetOrganizationProfile,
    StartAffiliation,
    TagCustomer,
)
from crm_core.customers.customer.events import ContactPointType, Lifecycle
from crm_core.sales.opportunity.commands import OpenOpportunity
from crm_core.sales.pipeline.commands import DefinePipeline
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.service.ticket.commands import OpenTicket
from crm_core.service.ticket.events import TicketChannel, TicketType

CUSTOMER = """
fragment All on Customer {
  id uuid version createdAt updatedAt kind name status lifecycle email phone source sector
  foundedYear employees location tags annualRevenue { amount currencyCode }
  contactPoints { pointId type value label verified primary }
  addresses { label address { lines city country } }
  affiliations { role since until organization { name } }
  consents { channel purpose basis grantedAt expiresAt }
  externalIds { system id } owner { name } parent { name } mergedInto { name }
}
"""
ONE = (
    CUSTOMER
    + """
query ($by: CustomerBy!, $asOf: AsOf, $effectiveAt: DateTime, $minPosition: Position) {
  customer(by: $by, asOf: $asOf, effectiveAt: $effectiveAt, minPosition: $minPosition) { ...All }
}
"""
)


async def one(api: Any, customer_id: UUID, **given: Any) -> dict[str, Any] | None:
    by = {"id": global_id("Customer", customer_id)}
    found: dict[str, Any] | None = (await api.data(ONE, by=by, **given))["customer"]
    return found


# --- one record -----------------------------------------------------------------------------------


async def test_a_customer_is_found_by_what_names_it(api: Any) -> None:
    person, email = new_id(), f"{uuid4().hex}@example.com"
    external = uuid4().hex
    await api.given(
        RegisterPerson(customer_id=person, name="Ada", email=email),
        LinkExternalId(customer_id=person, system="erp", external_id=external),
    )
    for by in (
        {"id": str(person)},
        {"id": global_id("Customer", person)},
        {"email": email.upper()},
        {"externalId": {"system": "erp", "id": external}},
    ):
        assert (await api.data(ONE, by=by))["customer"]["uuid"] == str(person), by


@pytest.mark.parametrize(
    "by",
    [
        {"id": str(uuid4())},
        {"email": "nobody@example.com"},
        {"externalId": {"system": "erp", "id": "none"}},
    ],
)
async def test_what_is_not_there_is_null(api: Any, by: dict[str, Any]) -> None:
    assert (await api.data(ONE, by=by))["customer"] is None


async def test_an_id_of_another_type_is_no_customers_id(api: Any) -> None:
    assert await api.codes(ONE, by={"id": global_id("User", uuid4())}) == ["BAD_ID"]


async def test_one_way_of_naming_is_enough(api: Any) -> None:
    assert await api.codes(ONE, by={"id": str(uuid4()), "email": "a@example.com"}) == [
        "BAD_USER_INPUT"
    ]


async def test_a_merged_customer_says_where_to(api: Any) -> None:
    winner, loser = new_id(), new_id()
    await api.given(
        RegisterPerson(customer_id=winner, name="Winner"),
        RegisterPerson(customer_id=loser, name="Loser"),
        MergeCustomers(customer_id=winner, loser_ids=(loser,)),
    )
    merged = await one(api, loser)
    assert merged is not None
    assert (merged["status"], merged["mergedInto"]) == ("MERGED", {"name": "Winner"})
    node = await api.data(
        "query ($id: ID!) { node(id: $id) { id ... on Customer { status } } }", id=merged["id"]
    )
    assert node["node"]["status"] == "MERGED"


async def test_nodes_come_in_the_order_of_their_ids(api: Any) -> None:
    person = new_id()
    await api.given(RegisterPerson(customer_id=person, name="Ada"))
    ids = [
        global_id("User", api.people["sales"]),
        "garbage",
        global_id("Customer", person),
        global_id("Customer", uuid4()),
        global_id("Nothing", uuid4()),
        global_id("EventRecord", 1),
        global_id("EventRecord", 10**12),
    ]
    body = await api.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=ids)
    kinds = [node and node["__typename"] for node in body["data"]["nodes"]]
    assert kinds == ["User", None, "Customer", None, None, "EventRecord", None]
    assert [(error["path"], error["extensions"]["code"]) for error in body["errors"]] == [
        (["nodes", 1], "BAD_ID"),
        (["nodes", 4], "BAD_ID"),
    ]


@pytest.mark.parametrize("text", ["", "garbage", "Q3VzdG9tZXI", "é", "a" * 300])
async def test_a_garbage_id_is_null_with_a_code(api: Any, text: str) -> None:
    body = await api.ask("query ($id: ID!) { node(id: $id) { id } }", id=text)
    assert body["data"] == {"node": None}
    assert body["errors"][0]["extensions"]["code"] == "BAD_ID"


async def test_too_many_nodes_are_refused(api: Any) -> None:
    ids = [str(uuid4())] * 101
    codes = await api.codes("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert codes == ["PAGE_SIZE_TOO_LARGE"]


# --- lists ----------------------------------------------------------------------------------------

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


@pytest.fixture(scope="module")
async def sales(api: Any) -> dict[str, UUID]:
    """A customer with opportunities and tickets, among others that have some too."""
    pipeline = DefinePipeline(name="Sales", stages=STANDARD_STAGES)
    await api.given(pipeline)
    made = {"pipeline": pipeline.pipeline_id, "tag": uuid4()}
    for index in range(6):
        organization = RegisterOrganization(name=f"Org {index}")
        customer = organization.customer_id
        made.setdefault("customer", customer)
        await api.given(
            organization,
            TagCustomer(customer_id=customer, tag=made["tag"].hex),
            AssignCustomerOwner(customer_id=customer, owner_id=api.people["sales"]),
            OpenTicket(
                subject="Help",
                customer_id=customer,
                channel=TicketChannel.WEB,
                type=TicketType.QUESTION,
            ),
            *(
                OpenOpportunity(
                    name=f"Deal {number}",
                    customer_id=customer,
                    pipeline_id=pipeline.pipeline_id,
                    owner_id=api.people["sales"],
                    currency="EUR",
                    amount=Money(Decimal(100 + number), "EUR"),
                )
                for number in range(3)
            ),
        )
    return made


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


# --- the past -------------------------------------------------------------------------------------


async def test_the_past_is_what_the_present_was(api: Any) -> None:
    """Whatever the live answer was at a position, the as-of answer is the same for ever."""
    company, person, parent = new_id(), new_id(), new_id()
    steps = [
        RegisterOrganization(customer_id=company, name="Acme", source="fair"),
        SetOrganizationProfile(
            customer_id=company, sector="toys", founded_year=1999,
            annual_revenue=Money(Decimal(5), "EUR"), employees=7, location="Rome",
        ),
        AddContactPoint(
            customer_id=company, type=ContactPointType.PHONE, value="+390612345678"
        ),
        AssignCustomerOwner(customer_id=company, owner_id=api.people["sales"]),
        ChangeLifecycle(customer_id=company, to=Lifecycle.ACTIVE),
        RegisterPerson(customer_id=person, name="Ada"),
        StartAffiliation(customer_id=person, organization_id=company, role="boss"),
        RenameCustomer(customer_id=company, name="Acme & Sons"),
        RegisterOrganization(customer_id=parent, name="Holding"),
        MergeCustomers(customer_id=parent, loser_ids=(company,)),
    ]  # fmt: skip
    captured = []
    for step in steps:
        receipt = await api.given(step)
        live = {key: await one(api, key) for key in (company, person, parent)}
        captured.append((receipt, live))
    for receipt, live in captured:
        for as_of in (
            {"position": receipt.position},
            {"time": receipt.recorded_at.isoformat()},
        ):
            for key, answer in live.items():
                assert await one(api, key, asOf=as_of) == answer
    versions = {answer["version"]: answer for _, live in captured if (answer := live[company])}
    for version, answer in versions.items():
        past = await one(api, company, asOf={"version": version})
        assert past == answer


async def test_what_was_known_and_what_was_are_two_questions(api: Any) -> None:
    person = new_id()
    crm = api.services.crm
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    await crm.execute(
        RegisterPerson(customer_id=person, name="Born"), actor=SYSTEM, effective_at=long_ago
    )
    first = await api.given(RenameCustomer(customer_id=person, name="Today"))
    await crm.execute(
        RenameCustomer(customer_id=person, name="Back then"),
        actor=SYSTEM,
        effective_at=long_ago + timedelta(days=31),
    )
    february = {"effectiveAt": "2020-02-15T00:00:00Z"}
    now_known = await one(api, person, **february)
    then_known = await one(api, person, asOf={"position": first.position}, **february)
    before = await one(api, person, effectiveAt="2019-01-01T00:00:00Z")
    assert now_known is not None
    assert now_known["name"] == "Back then"
    assert then_known is not None
    assert then_known["name"] == "Born"
    assert before is None


@pytest.mark.parametrize(
    "as_of",
    [{"version": 0}, {"position": -1}, {"time": "2026-01-01"}, {}, {"version": 1, "position": 1}],
)
async def test_a_past_that_makes_no_sense_is_refused(api: Any, as_of: dict[str, Any]) -> None:
    codes = await api.codes(ONE, by={"id": str(api.people["admin"])}, asOf=as_of)
    assert codes == ["BAD_USER_INPUT"]


async def test_lists_of_other_records_are_of_the_present_only(
    api: Any, sales: dict[str, UUID]
) -> None:
    data = await api.data(
        """query ($id: ID!) { customer(by: {id: $id}, asOf: {version: 1}) {
             name owner { name } opportunities(first: 1) { totalCount }
             tickets(first: 1) { totalCount } interactions(first: 1) { totalCount }
             timeline(first: 5) { nodes { type } } history(first: 5) { totalCount } } }""",
        id=str(sales["customer"]),
    )
    customer = data["customer"]
    assert (customer["opportunities"], customer["tickets"], customer["interactions"]) == (None,) * 3
    assert customer["owner"] is None
    assert [entry["type"] for entry in customer["timeline"]["nodes"]] == [
        "customers.customer.registered"
    ]
    assert customer["history"]["totalCount"] == 1


async def test_a_history_is_paged_and_filtered(api: Any) -> None:
    person = new_id()
    await api.given(
        RegisterPerson(customer_id=person, name="0"),
        *(RenameCustomer(customer_id=person, name=str(number)) for number in range(1, 5)),
    )
    history = """query ($id: ID!, $first: Int, $after: String, $last: Int, $types: [String!]) {
      node(id: $id) { ... on Customer {
        history(first: $first, after: $after, last: $last, types: $types) {
          totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
          nodes { version type data actor { kind id user { name } } } } } } }"""
    ask = {"id": global_id("Customer", person)}

    async def page(**given: Any) -> dict[str, Any]:
        found: dict[str, Any] = (await api.data(history, **ask, **given))["node"]["history"]
        return found

    first = await page(first=2)
    assert [event["version"] for event in first["nodes"]] == [1, 2]
    assert first["pageInfo"]["hasNextPage"]
    second = await page(first=9, after=first["pageInfo"]["endCursor"])
    assert [event["version"] for event in second["nodes"]] == [3, 4, 5]
    assert not second["pageInfo"]["hasNextPage"]
    last = await page(last=1, types=["customers.customer.registered"])
    assert [event["data"]["name"] for event in last["nodes"]] == ["0"]
    assert last["nodes"][0]["actor"] == {"kind": "SYSTEM", "id": "crm", "user": None}
    assert last["totalCount"] == 1


async def test_a_read_model_that_does_not_catch_up_says_so(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_api.graphql.context.WAIT_SECONDS", 0.05)
    body = await api.ask(
        "query ($p: Position) { customers(first: 1, minPosition: $p) { totalCount } }",
        p=10**9,
    )
    (error,) = body["errors"]
    assert error["extensions"]["code"] == "PROJECTION_LAGGING"
    assert error["extensions"]["position"] < 10**9
