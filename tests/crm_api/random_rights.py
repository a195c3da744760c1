"""A company, random roles of one of its people, and what they mean: the reference of rights.

The reference is told what each scope means in one line each, and is asked record by record and
field by field; it knows neither reaches nor SQL.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from hypothesis import strategies as st

from crm_core import Command, Money
from crm_core.access.records import FIELD_GROUPS
from crm_core.access.rights import Circle, Rights, Rule, Scope
from crm_core.customers.customer.commands import (
    AddContactPoint,
    AssignCustomerOwner,
    RegisterOrganization,
    SetOrganizationProfile,
)
from crm_core.customers.customer.events import ContactPointType
from crm_core.engagement.interaction.commands import LogInteraction
from crm_core.engagement.interaction.events import InteractionChannel, InteractionDirection
from crm_core.engagement.task.commands import CreateTask
from crm_core.sales.opportunity.commands import OpenOpportunity
from crm_core.sales.pipeline.commands import DefinePipeline
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.service.ticket.commands import AssignTicket, OpenTicket
from crm_core.service.ticket.events import TicketChannel

__all__ = [
    "CUSTOMERS_OF", "IDS", "KINDS", "ME", "OWNERS", "PEOPLE", "allows", "holds", "rights", "rules",
    "shows", "story",
]  # fmt: skip

ACTIONS = [("read",), ("*",), ("tag",), ("audit",), ("export",), ("read", "tag")]
KINDS = ("customer", "opportunity", "ticket", "task", "interaction")
PEOPLE = [UUID(int=n) for n in range(1, 5)]  # the last of them has no records
ME = PEOPLE[0]
OWNERS = [*PEOPLE[:3], None]
CUSTOMERS_OF = {UUID(int=100 + n): OWNERS[n % 4] for n in range(8)}
PIPELINE = DefinePipeline(pipeline_id=UUID(int=90), name="Sales", stages=STANDARD_STAGES)

IDS = [UUID(int=base + n) for base in (100, 200, 300, 400, 500) for n in range(8)]


def story() -> list[Command]:
    due = datetime(2026, 5, 1, tzinfo=UTC)
    told: list[Command] = [PIPELINE]
    for n, (customer, owner) in enumerate(CUSTOMERS_OF.items()):
        revenue = Money(Decimal(n % 3), "EUR")
        email = f"c{n}@example.com"
        told += [
            RegisterOrganization(customer_id=customer, name=f"C{n % 3}"),
            AddContactPoint(customer_id=customer, type=ContactPointType.EMAIL, value=email),
            SetOrganizationProfile(customer_id=customer, annual_revenue=revenue),
            OpenOpportunity(
                opportunity_id=UUID(int=200 + n),
                name=f"D{n % 3}",
                customer_id=customer,
                pipeline_id=PIPELINE.pipeline_id,
                owner_id=PEOPLE[n % 3],
                currency="EUR",
                amount=Money(Decimal(n % 2), "EUR"),
            ),
            OpenTicket(
                ticket_id=UUID(int=300 + n),
                subject="S",
                customer_id=customer,
                channel=TicketChannel.WEB,
            ),
            CreateTask(
                task_id=UUID(int=400 + n),
                title="T",
                due_at=due,
                assignee_id=PEOPLE[(n + 1) % 3],
                customer_id=customer,
            ),
            LogInteraction(
                interaction_id=UUID(int=500 + n),
                customer_id=customer,
                channel=InteractionChannel.CALL,
                direction=InteractionDirection.INBOUND,
                subject="Hello",
            ),
        ]
        if owner is not None:
            told.append(AssignCustomerOwner(customer_id=customer, owner_id=owner))
        if n % 2:
            told.append(AssignTicket(ticket_id=UUID(int=300 + n), assignee_id=PEOPLE[n % 3]))
    return told


# --- the reference --------------------------------------------------------------------------------


def holds(
    scope: Scope, circle: Circle, record_id: UUID, owner: UUID | None, action: str = "read"
) -> bool:
    shared = circle.shared_to_write | (circle.shared_to_read if action == "read" else set())
    return {
        Scope.OWN: owner == ME,
        Scope.TEAM: owner == ME or owner in circle.team,
        Scope.TEAM_TREE: owner == ME or owner in circle.team or owner in circle.team_tree,
        Scope.SHARED: record_id in shared,
        Scope.ALL: True,
    }[scope]


def shows(
    rights: Rights,
    kind: str,
    record: UUID,
    owner: UUID | None,
    group: str = "",
    *,
    action: str = "read",
) -> bool:
    """Whether the action is allowed on the record; with a group of fields, on these of it."""
    return any(
        rule.kind in (kind, "*")
        and not {action, "*"}.isdisjoint(rule.actions)
        and group not in rule.withheld
        and holds(rule.scope, rights.circle, record, owner, action)
        for rule in rights.rules
    )


def allows(rights: Rights, kind: str, action: str = "read") -> bool:
    """Whether the action is allowed on any record there might be."""
    return any(
        rule.kind in (kind, "*") and not {action, "*"}.isdisjoint(rule.actions)
        for rule in rights.rules
    )


# --- random roles ---------------------------------------------------------------------------------

people = st.frozensets(st.sampled_from(PEOPLE))
records = st.frozensets(st.sampled_from(IDS), max_size=4)
circles = st.builds(
    lambda team, below, read, write: Circle(frozenset({ME}), team, team | below, read, write),
    people, people, records, records,
)  # fmt: skip


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    kind = draw(st.sampled_from([*KINDS, "pipeline", "event", "personal_data", "*"]))
    groups = sorted(FIELD_GROUPS.get(kind, {}))
    withheld = draw(st.lists(st.sampled_from(groups), unique=True)) if groups else []
    return Rule(
        kind=kind,
        actions=draw(st.sampled_from(ACTIONS)),
        scope=draw(st.sampled_from(Scope)),
        withheld=tuple(withheld),
    )


rights = st.builds(
    lambda rules, circle: Rights(tuple(rules), circle), st.lists(rules(), max_size=4), circles
)
