"""Reading one record, by whatever names it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from crm_api.graphql.ids import global_id
from crm_core import new_id
from crm_core.customers.customer.commands import (
    LinkExternalId,
    MergeCustomers,
    RegisterPerson,
)

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
