"""What was put in order: a double record, two records that were no double, a bar that closed."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from crm_core.customers.customer.commands import (
    AddContactPoint,
    ArchiveCustomer,
    ChangeLifecycle,
    MergeCustomers,
    RegisterPerson,
    RenameCustomer,
    RevertMerge,
    StartAffiliation,
    TagCustomer,
)
from crm_core.customers.customer.events import ContactPointType, Lifecycle
from crm_core.demo.companies import COMPANIES, company_id
from crm_core.demo.people import PEOPLE, person_id
from crm_core.demo.staff import ANNA, CHIARA, TOMMASO
from crm_core.demo.story import Story

__all__ = ["double_id", "tell_cleaning"]

_BY_MAILBOX: Final = {person.mailbox: person for person in PEOPLE}


def double_id(story: Story) -> UUID:
    """The record that was merged into Giulia Ferri's."""
    return story.id("person", "giulia.ferri", "double")


def tell_cleaning(story: Story) -> None:
    _tell_double(story)
    _tell_no_double(story)
    _tell_farewells(story)


def _tell_double(story: Story) -> None:
    """Tommaso met her at the fair and did not look her up first."""
    giulia_id = person_id(story, _BY_MAILBOX["giulia.ferri"])
    story.tell(
        36.2,
        TOMMASO,
        RegisterPerson(customer_id=double_id(story), name="G. Ferri", source="Fiera del Bar"),
    )
    story.tell(
        36.21,
        TOMMASO,
        AddContactPoint(
            customer_id=double_id(story),
            point_id=story.id("mailbox", "giulia.ferri", "double"),
            type=ContactPointType.EMAIL,
            value="g.ferri@example.net",
        ),
    )
    story.tell(36.22, TOMMASO, TagCustomer(customer_id=double_id(story), tag="fair"))
    merged = MergeCustomers(
        customer_id=giulia_id, loser_ids=(double_id(story),), plan_id=story.id("plan", "double")
    )
    story.tell(45.4, CHIARA, merged, reason="same-person")


def _tell_no_double(story: Story) -> None:
    """Two people of one name in one trade: merged by mistake, and told apart again."""
    liu_id = person_id(story, _BY_MAILBOX["jing.liu"])
    other_id = story.id("person", "jing.liu", "other")
    story.tell(
        112.3,
        CHIARA,
        RegisterPerson(customer_id=other_id, name="刘静", source="Fiera del Bar"),
    )
    story.tell(
        112.31,
        CHIARA,
        AddContactPoint(
            customer_id=other_id,
            point_id=story.id("mailbox", "jing.liu", "other"),
            type=ContactPointType.EMAIL,
            value="liujing@example.com",
        ),
    )
    story.tell(
        112.32,
        CHIARA,
        StartAffiliation(
            customer_id=other_id,
            affiliation_id=story.id("affiliation", "jing.liu", "other"),
            organization_id=company_id(story, COMPANIES["chenfan"]),
            role="市场经理",
        ),
    )
    plan_id = story.id("plan", "no double")
    story.tell(
        119.2,
        CHIARA,
        MergeCustomers(customer_id=liu_id, loser_ids=(other_id,), plan_id=plan_id),
        reason="same-name",
    )
    story.tell(
        126.4,
        ANNA,
        RevertMerge(customer_id=liu_id, plan_id=plan_id),
        reason="two-people",
    )
    told_apart = RenameCustomer(customer_id=other_id, name="刘静（上海）")
    story.tell(126.42, ANNA, told_apart)


def _tell_farewells(story: Story) -> None:
    closed = ArchiveCustomer(
        customer_id=company_id(story, COMPANIES["valmadonna"]), reason="Closed down"
    )
    story.tell(70.6, TOMMASO, closed)
    asleep = ChangeLifecycle(
        customer_id=company_id(story, COMPANIES["segnalibro"]), to=Lifecycle.DORMANT
    )
    story.tell(120.3, CHIARA, asleep, reason="silent-for-months")
    gone = ChangeLifecycle(
        customer_id=company_id(story, COMPANIES["harrow-north"]),
        to=Lifecycle.CHURNED,
        reason="The London office buys for them now",
    )
    story.tell(177.2, TOMMASO, gone)
