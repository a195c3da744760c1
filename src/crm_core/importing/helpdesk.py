"""The log of an Italian software company's help desk: one row an activity, one ticket a case.

Every activity is recorded on its ticket as it stands in the log. Those that mean something to our
rules change the ticket's state as well: taking in charge assigns it, waiting waits for the
customer, resolving resolves, closing closes. The log's times have no zone; they are taken as UTC.
Its values are anonymised ("Value 3"), so nothing is read into a seriousness or a service level.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from crm_core.customers.customer.commands import RegisterOrganization
from crm_core.identity.user.commands import InviteUser
from crm_core.importing.plan import NoteKind, Plan
from crm_core.importing.tables import Line, read_table
from crm_core.kernel.ids import derived_id
from crm_core.kernel.messages import Command
from crm_core.service.ticket.commands import (
    AssignTicket,
    AwaitCustomer,
    CloseTicket,
    ExternalTicketId,
    LogTicketActivity,
    OpenTicket,
    ReopenTicket,
    ResolveTicket,
)
from crm_core.service.ticket.events import TicketChannel, TicketType

__all__ = ["plan_helpdesk"]

NAME = "helpdesk"
SYSTEM = "helpdesk-log"

_COLUMNS = ("Case ID", "Activity", "Resource", "Complete Timestamp", "Variant", "Variant index",
            "seriousness", "customer", "product", "responsible_section", "seriousness_2",
            "service_level", "service_type", "support_section", "workgroup")  # fmt: skip
_TIME = "%Y/%m/%d %H:%M:%S.%f"
_NOT_A_STEP = "the state of the ticket does not take this step: kept as an activity"


def plan_helpdesk(path: Path, tenant_id: UUID) -> Plan:
    """Reads the file; raises SetupError where it cannot be read."""
    lines = read_table(path, _COLUMNS)
    planner = _Planner(Plan(NAME), tenant_id)
    planner.plan.rows.update(line.file for line in lines)
    cases: dict[str, list[tuple[datetime, Line]]] = {}
    for line in lines:
        moment = _moment(line)
        if moment is None or not line["Case ID"] or not line["Activity"]:
            planner.plan.note(
                NoteKind.REFUSED, line, "an activity needs a case, a name and a timestamp"
            )
            continue
        cases.setdefault(line["Case ID"], []).append((moment, line))
    for case, activities in cases.items():
        # By time; activities of one moment keep the order of the file.
        planner.case(case, sorted(activities, key=lambda activity: activity[0]))
    return planner.plan


@dataclass
class _Planner:
    plan: Plan
    tenant_id: UUID

    def __post_init__(self) -> None:
        self._known: set[UUID] = set()

    def _id(self, kind: str, name: str) -> UUID:
        return derived_id(self.tenant_id, "import", NAME, kind, name)

    def case(self, case: str, activities: list[tuple[datetime, Line]]) -> None:
        opened_at, first = activities[0]
        ticket_id = self._id("ticket", case)
        opening = OpenTicket(
            ticket_id=ticket_id,
            subject=f"{case}: {first['product']}" if first["product"] else case,
            channel=TicketChannel.IMPORT,
            type=TicketType.REQUEST,
            customer_id=self._customer(first),
            product=_code(first["product"]),
            external=ExternalTicketId(system=SYSTEM, external_id=case),
        )
        self.plan.add(first, opening, key=f"ticket/{case}", effective_at=opened_at)
        state = "OPEN"
        for number, (moment, line) in enumerate(activities, start=1):
            logged = LogTicketActivity(
                ticket_id=ticket_id,
                activity=line["Activity"],
                resource=line["Resource"] or None,
                detail=f"seriousness {line['seriousness_2']}" if line["seriousness_2"] else None,
            )
            key = f"ticket/{case}/{number}"
            self.plan.add(line, logged, key=key, effective_at=moment)
            commands, state = self._meaning(line, ticket_id, state)
            for command in commands:
                self.plan.add(line, command, key=key, effective_at=moment, on_refusal=_NOT_A_STEP)

    def _meaning(self, line: Line, ticket_id: UUID, state: str) -> tuple[list[Command], str]:
        """The commands an activity stands for, and the state that the ticket is in then.

        Work on a ticket that was done with opens it again; closing one that nobody resolved
        resolves it first, since a ticket of ours is closed by way of being resolved.
        """
        again: list[Command] = []
        if state in ("RESOLVED", "CLOSED"):
            again = [ReopenTicket(ticket_id=ticket_id, reason=f"{line['Activity']} in the log")]
        match line["Activity"]:
            case "Take in charge ticket":
                agent = self._agent(line)
                return [*again, AssignTicket(ticket_id=ticket_id, assignee_id=agent)], "OPEN"
            case "Wait" if state == "WAITING":
                return [], state
            case "Wait":
                return [*again, AwaitCustomer(ticket_id=ticket_id)], "WAITING"
            case "Resolve ticket":
                resolve = ResolveTicket(ticket_id=ticket_id, code="resolved")
                return [*again, resolve], "RESOLVED"
            case "Closed" if state == "RESOLVED":
                return [CloseTicket(ticket_id=ticket_id)], "CLOSED"
            case "Closed" if state == "CLOSED":
                return [], "CLOSED"
            case "Closed":
                self.plan.note(
                    NoteKind.MAPPED, line, "closed without being resolved: resolved on closing"
                )
                resolve = ResolveTicket(ticket_id=ticket_id, code="closed-unresolved")
                return [resolve, CloseTicket(ticket_id=ticket_id)], "CLOSED"
            case _:
                return [], state

    # --- who ----------------------------------------------------------------------------------

    def _customer(self, line: Line) -> UUID | None:
        name = line["customer"]
        if not name:
            return None
        customer_id = self._id("customer", name)
        if customer_id not in self._known:
            self._known.add(customer_id)
            register = RegisterOrganization(
                customer_id=customer_id, name=f"Customer {name}", source=SYSTEM
            )
            self.plan.add(line, register, key=f"customer/{name}")
        return customer_id

    def _agent(self, line: Line) -> UUID:
        name = line["Resource"] or "nobody"
        user_id = self._id("agent", name)
        if user_id not in self._known:
            self._known.add(user_id)
            invite = InviteUser(user_id=user_id, name=f"Agent {name}")
            self.plan.add(line, invite, key=f"agent/{name}")
        return user_id


def _moment(line: Line) -> datetime | None:
    try:
        return datetime.strptime(line["Complete Timestamp"], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _code(value: str) -> str | None:
    return value.replace(" ", "-").lower() or None
