"""Reading records as they were, and what happened to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from crm_api.graphql.ids import global_id
from crm_core import SYSTEM, Money, new_id
from crm_core.customers.customer.commands import (
    AddContactPoint,
    AssignCustomerOwner,
    ChangeLifecycle,
    MergeCustomers,
    RegisterOrganization,
    RegisterPerson,
    RenameCustomer,
    SetOrganizationProfile,
    StartAffiliation,
)
from crm_core.customers.customer.events import ContactPointType, Lifecycle

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


async def test_what_hangs_on_a_first_version_is_of_then_too(
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
    for of in ("opportunities", "tickets", "interactions"):
        assert customer[of] == {"totalCount": 0}
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
