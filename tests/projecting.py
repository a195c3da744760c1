"""Small pasts for tests of read models, and what they fold to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from crm_core import SYSTEM, Command, Crm, RecordedEvent, Request
from crm_core.customers import (
    AddContactPoint,
    ArchiveCustomer,
    ContactPointType,
    MergeCustomers,
    RegisterOrganization,
    RegisterPerson,
    RenameCustomer,
    TagCustomer,
)
from crm_core.engagement import InteractionChannel, InteractionDirection, LogInteraction
from crm_core.service import OpenTicket, TicketChannel
from crm_projections.digest import digest_of
from crm_projections.projection import Projection, project
from crm_projections.registry import PROJECTIONS
from crm_projections.rows import Rows
from crm_projections.tables import Row, Table

__all__ = ["ACME", "ADA", "BOB", "CALL", "Fold", "Tally", "Visits", "call", "fill", "folded",
           "somebody", "tell"]  # fmt: skip

ADA, BOB, ACME, CALL = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=77)

call = LogInteraction(
    interaction_id=CALL,
    customer_id=ADA,
    channel=InteractionChannel.CALL,
    direction=InteractionDirection.INBOUND,
    subject="About the engine",
)


async def tell(crm: Crm, *commands: Command) -> None:
    """Executes them all; none may be refused."""
    outcomes = await crm.execute_many([Request(command=c, actor=SYSTEM) for c in commands])
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert not refused, refused


async def fill(crm: Crm, people: int = 30) -> None:
    """Events of many kinds, in streams of several lengths; for an empty ledger."""
    await tell(
        crm,
        RegisterPerson(customer_id=ADA, name="Ada", email="ada@example.com"),
        RegisterPerson(customer_id=BOB, name="Bob", email="bob@example.com"),
        RegisterOrganization(customer_id=ACME, name="Acme"),
        AddContactPoint(customer_id=ADA, type=ContactPointType.PHONE, value="+390111234567"),
        TagCustomer(customer_id=BOB, tag="vip"),
        MergeCustomers(customer_id=ADA, loser_ids=(BOB,)),
        ArchiveCustomer(customer_id=ACME),
    )
    for number in range(people):
        await tell(crm, *somebody(f"p{number}"))


def somebody(name: str) -> list[Command]:
    """Six events about a new person."""
    person = RegisterPerson(name=name, email=f"{name}@example.com")
    of = person.customer_id
    return [
        person,
        RenameCustomer(customer_id=of, name=f"{name} the second"),
        TagCustomer(customer_id=of, tag="new"),
        OpenTicket(customer_id=of, subject=f"About {name}", channel=TicketChannel.PHONE),
        TagCustomer(customer_id=of, tag="known"),
    ]


async def folded(crm: Crm, projections: Sequence[Projection] = PROJECTIONS) -> dict[str, str]:
    """The digests of what the ledger's events make, folded in memory."""
    events = [event async for page in crm.events() for event in page]
    return {p.name: digest_of(p, project(p, events)) for p in projections}


class Fold:
    """The digests of a ledger's events, folded in memory as they come."""

    def __init__(self, crm: Crm, projections: Sequence[Projection]) -> None:
        self._crm = crm
        self._rows = {projection: Rows() for projection in projections}
        self._position = 0

    async def digests(self) -> dict[str, str]:
        async for page in self._crm.events(after=self._position):
            for projection, rows in self._rows.items():
                project(projection, page, rows)
            self._position = page[-1].position
        return {p.name: digest_of(p, rows) for p, rows in self._rows.items()}


class TallyRow(Row, frozen=True, kw_only=True):
    record_id: UUID
    events: int


TALLY = Table("tally", TallyRow, key=("record_id",))


class Tally(Projection):
    """Counts each record's events, so that an event that is applied twice shows."""

    name = "tally"
    tables = (TALLY,)
    by_stream = True

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        counted = rows.get(TALLY, event.record_id)
        events = 1 + (counted.events if counted else 0)
        rows.put(TALLY, TallyRow(record_id=event.record_id, events=events))


class VisitRow(Row, frozen=True, kw_only=True):
    customer_id: UUID
    visits: int


VISITS = Table("visits", VisitRow, key=("customer_id",))


class Visits(Projection):
    """Counts a customer's interactions: a row depends on many streams."""

    name = "visits"
    tables = (VISITS,)
    reads = ("engagement.interaction.logged",)

    def needs(self, event: RecordedEvent) -> Iterable[tuple[Table[Any], Any]]:
        return [(VISITS, event.data.customer_id)]  # type: ignore[attr-defined]

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        customer_id = event.data.customer_id  # type: ignore[attr-defined]
        seen = rows.get(VISITS, customer_id)
        visits = 1 + (seen.visits if seen else 0)
        rows.put(VISITS, VisitRow(customer_id=customer_id, visits=visits))
