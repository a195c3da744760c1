"""Random companies: sequences of commands for property tests."""

from __future__ import annotations

from uuid import UUID

from hypothesis import strategies as st

from crm_core import Command
from crm_core.customers.customer import commands as c
from crm_core.customers.customer import events as e

PEOPLE = tuple(UUID(int=n) for n in range(1, 4))
ORGANIZATIONS = tuple(UUID(int=n) for n in range(11, 13))
POINTS = tuple(UUID(int=n) for n in range(21, 27))
PLANS = tuple(UUID(int=n) for n in range(31, 34))

people = st.sampled_from(PEOPLE)
organizations = st.sampled_from(ORGANIZATIONS)
customers = st.sampled_from(PEOPLE + ORGANIZATIONS)
points = st.sampled_from(POINTS)
emails = st.sampled_from(["a@example.com", "b@example.com", "c@example.com"])
tags = st.sampled_from(["vip", "eu", "late"])
systems = st.tuples(st.sampled_from(["erp", "web"]), st.sampled_from(["1", "2"]))


# A survivor that goes on with what a merge brought: seldom found by chance.
MERGE_STORY: list[Command] = [
    c.RegisterPerson(customer_id=PEOPLE[0], name="P"),
    c.RegisterPerson(customer_id=PEOPLE[1], name="P"),
    c.AddContactPoint(
        customer_id=PEOPLE[1],
        point_id=POINTS[0],
        type=e.ContactPointType.EMAIL,
        value="a@example.com",
    ),
    c.AddContactPoint(
        customer_id=PEOPLE[1],
        point_id=POINTS[1],
        type=e.ContactPointType.EMAIL,
        value="b@example.com",
    ),
    c.MergeCustomers(customer_id=PEOPLE[0], loser_ids=(PEOPLE[1],), plan_id=PLANS[0]),
    c.VerifyContactPoint(customer_id=PEOPLE[0], point_id=POINTS[0]),
    c.MakeContactPointPrimary(customer_id=PEOPLE[0], point_id=POINTS[1]),
]


def customer_commands() -> st.SearchStrategy[Command]:
    """Any command about one of a few customers; many will be refused, as they should be."""
    return st.one_of(
        st.builds(c.RegisterPerson, customer_id=people, name=st.just("P"), email=emails),
        st.builds(c.RegisterOrganization, customer_id=organizations, name=st.just("O")),
        st.builds(c.RenameCustomer, customer_id=customers, name=st.sampled_from(["N", "M"])),
        st.builds(
            c.AddContactPoint,
            customer_id=customers,
            point_id=points,
            type=st.just(e.ContactPointType.EMAIL),
            value=emails,
        ),
        st.builds(c.MakeContactPointPrimary, customer_id=customers, point_id=points),
        st.builds(c.VerifyContactPoint, customer_id=customers, point_id=points),
        st.builds(c.RemoveContactPoint, customer_id=customers, point_id=points),
        st.builds(c.TagCustomer, customer_id=customers, tag=tags),
        st.builds(c.UntagCustomer, customer_id=customers, tag=tags),
        st.builds(
            lambda customer, link: c.LinkExternalId(
                customer_id=customer, system=link[0], external_id=link[1]
            ),
            customers,
            systems,
        ),
        st.builds(c.SetParentOrganization, customer_id=organizations, parent_id=organizations),
        st.builds(
            c.SetAddress,
            customer_id=customers,
            address=st.builds(e.Address, city=st.sampled_from(["Turin", "Kyoto"])),
        ),
        st.builds(
            c.ChangeLifecycle,
            customer_id=customers,
            to=st.sampled_from(e.Lifecycle),
            reason=st.just("asked"),
        ),
        st.builds(c.ArchiveCustomer, customer_id=customers),
        st.builds(c.RestoreCustomer, customer_id=customers),
        st.builds(
            c.MergeCustomers,
            customer_id=people,
            loser_ids=st.tuples(people),
            plan_id=st.sampled_from(PLANS),
        ),
        st.builds(c.RevertMerge, customer_id=people, plan_id=st.sampled_from(PLANS)),
    )
