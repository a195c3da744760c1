"""A customer's rules, as sentences."""

from __future__ import annotations

from uuid import UUID

import pytest

from crm_core.customers.customer import events as e
from crm_core.customers.customer.commands import (
    AddContactPoint,
    ArchiveCustomer,
    AssignCustomerOwner,
    ChangeLifecycle,
    EndAffiliation,
    GrantConsent,
    LinkExternalId,
    MakeContactPointPrimary,
    MergeCustomers,
    RegisterOrganization,
    RegisterPerson,
    RemoveContactPoint,
    RenameCustomer,
    RestoreCustomer,
    RevertMerge,
    SetParentOrganization,
    StartAffiliation,
    TagCustomer,
    WithdrawConsent,
)
from crm_core.customers.customer.customer import Customer, CustomerStatus
from crm_core.testing import Scenario

ADA, BOB, ACME, GLOBEX, PLAN, POINT, WORK = (UUID(int=n) for n in range(1, 8))

ada = RegisterPerson(customer_id=ADA, name="Ada Lovelace", email="ada@example.com")
bob = RegisterPerson(customer_id=BOB, name="Bob Babbage", email="bob@example.com")
acme = RegisterOrganization(customer_id=ACME, name="Acme")
globex = RegisterOrganization(customer_id=GLOBEX, name="Globex")


def primaries(customer: Customer) -> list[str]:
    return [str(point.value) for point in customer.points.values() if point.primary]


def test_a_person_is_registered_with_an_address_to_reach_them(scenario: Scenario) -> None:
    scenario.when(ada).then(e.CustomerRegistered, e.ContactPointAdded, value="ada@example.com")


def test_a_name_of_blanks_is_no_name(scenario: Scenario) -> None:
    scenario.when(RegisterPerson(name="   ")).then_rejected("command.invalid", path="name")


def test_an_id_is_given_once(scenario: Scenario) -> None:
    scenario.given(ada).when(ada).then_rejected("record.exists", id=str(ADA))


def test_an_address_is_held_by_one_active_customer(scenario: Scenario) -> None:
    taken = RegisterPerson(name="Ada Twin", email="ADA@example.com")
    scenario.given(ada).when(taken).then_rejected("claim.taken", kind="email", holder_id=str(ADA))


def test_an_archived_customer_frees_its_address(scenario: Scenario) -> None:
    twin = RegisterPerson(name="Ada Twin", email="ada@example.com")
    scenario.given(ada, ArchiveCustomer(customer_id=ADA)).when(twin)
    scenario.then(e.CustomerRegistered, e.ContactPointAdded)
    scenario.when(RestoreCustomer(customer_id=ADA)).then_rejected("claim.taken")


def test_an_archived_customer_takes_no_tag(scenario: Scenario) -> None:
    scenario.given(ada, ArchiveCustomer(customer_id=ADA))
    scenario.when(TagCustomer(customer_id=ADA, tag="vip")).then_rejected("customer.archived")


def test_the_first_address_is_primary_and_the_oldest_follows_it(scenario: Scenario) -> None:
    second = AddContactPoint(
        customer_id=ADA, point_id=POINT, type=e.ContactPointType.EMAIL, value="a@lovelace.example"
    )
    scenario.given(ada, second, MakeContactPointPrimary(customer_id=ADA, point_id=POINT))
    assert primaries(scenario.record(Customer, ADA)) == ["a@lovelace.example"]
    scenario.given(RemoveContactPoint(customer_id=ADA, point_id=POINT))
    assert primaries(scenario.record(Customer, ADA)) == ["ada@example.com"]


@pytest.mark.parametrize(
    ("of", "value"),
    [
        (e.ContactPointType.EMAIL, "not an address"),
        (e.ContactPointType.PHONE, "12"),
        (e.ContactPointType.WEBSITE, "javascript:alert(1)"),
    ],
)
def test_a_contact_point_has_the_shape_of_its_type(
    scenario: Scenario, of: e.ContactPointType, value: str
) -> None:
    scenario.given(ada).when(AddContactPoint(customer_id=ADA, type=of, value=value))
    scenario.then_rejected("command.invalid", path="value")


def test_the_same_role_is_not_held_twice_at_once(scenario: Scenario) -> None:
    start = StartAffiliation(customer_id=ADA, organization_id=ACME, role="CTO", affiliation_id=WORK)
    scenario.given(ada, acme, start)
    again = StartAffiliation(customer_id=ADA, organization_id=ACME, role="CTO")
    scenario.when(again).then_rejected("customer.affiliation_overlaps")
    scenario.later(days=1).given(EndAffiliation(customer_id=ADA, affiliation_id=WORK))
    scenario.when(again).then(e.AffiliationStarted)


def test_an_organization_is_never_its_own_ancestor(scenario: Scenario) -> None:
    scenario.given(acme, globex, SetParentOrganization(customer_id=ACME, parent_id=GLOBEX))
    for parent in (GLOBEX, ACME):
        scenario.when(SetParentOrganization(customer_id=GLOBEX, parent_id=parent))
        scenario.then_rejected("customer.parent_cycle")


def test_moving_back_in_life_needs_a_reason(scenario: Scenario) -> None:
    scenario.given(ada, ChangeLifecycle(customer_id=ADA, to=e.Lifecycle.ACTIVE))
    back = ChangeLifecycle(customer_id=ADA, to=e.Lifecycle.PROSPECT)
    scenario.when(back).then_rejected("customer.lifecycle_needs_reason")
    scenario.when(ChangeLifecycle(customer_id=ADA, to=e.Lifecycle.PROSPECT, reason="entered twice"))
    scenario.then(e.LifecycleChanged, to_lifecycle=e.Lifecycle.PROSPECT)


def test_consent_ends_when_it_is_withdrawn(scenario: Scenario) -> None:
    scenario.given(
        ada,
        GrantConsent(
            customer_id=ADA,
            channel=e.ConsentChannel.EMAIL,
            purpose="newsletter",
            basis=e.ConsentBasis.CONSENT,
            evidence="form of 2026-01-05",
        ),
    )
    asked = (e.ConsentChannel.EMAIL, "newsletter", scenario.clock.now())
    assert scenario.record(Customer, ADA).may_contact(*asked)
    scenario.given(
        WithdrawConsent(customer_id=ADA, channel=e.ConsentChannel.EMAIL, purpose="newsletter")
    )
    assert not scenario.record(Customer, ADA).may_contact(*asked)


def test_a_merged_customer_sends_you_to_the_survivor(scenario: Scenario) -> None:
    scenario.given(ada, bob, MergeCustomers(customer_id=ADA, loser_ids=(BOB,)))
    scenario.when(TagCustomer(customer_id=BOB, tag="vip"))
    scenario.then_rejected("customer.merged", survivor_id=str(ADA))


def test_the_survivor_holds_the_keys_of_all(scenario: Scenario) -> None:
    scenario.given(
        ada,
        bob,
        LinkExternalId(customer_id=BOB, system="erp", external_id="4711"),
        MergeCustomers(customer_id=ADA, loser_ids=(BOB,)),
    )
    survivor = scenario.record(Customer, ADA)
    assert {str(point.value) for point in survivor.points.values()} == {
        "ada@example.com",
        "bob@example.com",
    }
    scenario.when(RegisterPerson(name="Bob", email="bob@example.com"))
    scenario.then_rejected("claim.taken", holder_id=str(ADA))


def test_an_undone_merge_gives_everybody_their_own_again(scenario: Scenario) -> None:
    scenario.given(ada, bob, TagCustomer(customer_id=BOB, tag="vip"))
    before = [state(scenario.record(Customer, who)) for who in (ADA, BOB)]
    scenario.given(
        MergeCustomers(customer_id=ADA, loser_ids=(BOB,), plan_id=PLAN),
        RevertMerge(customer_id=ADA, plan_id=PLAN),
    )
    assert [state(scenario.record(Customer, who)) for who in (ADA, BOB)] == before
    scenario.when(RegisterPerson(name="Bob", email="bob@example.com"))
    scenario.then_rejected("claim.taken", holder_id=str(BOB))


def test_a_customer_is_not_merged_with_itself_or_with_another_kind(scenario: Scenario) -> None:
    scenario.given(ada, acme)
    scenario.when(MergeCustomers(customer_id=ADA, loser_ids=(ADA,)))
    scenario.then_rejected("customer.merge_with_itself")
    scenario.when(MergeCustomers(customer_id=ADA, loser_ids=(ACME,)))
    scenario.then_rejected("customer.wrong_kind")
    assert scenario.record(Customer, ACME).status is CustomerStatus.ACTIVE


def test_saying_what_is_so_already_records_nothing(scenario: Scenario) -> None:
    scenario.given(ada, AssignCustomerOwner(customer_id=ADA, owner_id=BOB))
    scenario.when(AssignCustomerOwner(customer_id=ADA, owner_id=BOB)).then_nothing()
    scenario.when(RenameCustomer(customer_id=ADA, name="Ada Lovelace")).then_nothing()


def state(customer: Customer) -> dict[str, object]:
    """All that the rules know of a customer, but for its version and times."""
    hidden = {"_version", "_created_on", "_modified_on", "_at", "_status_before_merge"}
    return {name: value for name, value in vars(customer).items() if name not in hidden}
