"""What can be asked of reports about tickets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from crm_core.service.ticket.events import TicketChannel, TicketPriority, TicketType
from crm_projections.reporting import Question, among, in_sight, team_of
from crm_projections.temporal import BELIEVED_SQL

__all__ = ["ANY_GROUP", "IN_SCOPE", "TICKETS_THEN", "TicketGroup", "TicketQuestion"]


class TicketGroup(StrEnum):
    """By what a report is grouped: what a ticket has as of then, or a stretch of time."""

    ALL = "ALL"
    ASSIGNEE = "ASSIGNEE"
    TEAM = "TEAM"
    QUEUE = "QUEUE"
    PRIORITY = "PRIORITY"
    TYPE = "TYPE"
    CHANNEL = "CHANNEL"
    PRODUCT = "PRODUCT"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"


ANY_GROUP: Final = frozenset(group.value for group in TicketGroup)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketQuestion(Question):
    group: TicketGroup = TicketGroup.ALL
    assignee_ids: tuple[UUID, ...] | None = None
    queues: tuple[str, ...] | None = None
    priorities: tuple[TicketPriority, ...] | None = None
    types: tuple[TicketType, ...] | None = None
    channels: tuple[TicketChannel, ...] | None = None
    products: tuple[str, ...] | None = None

    KEYS: ClassVar = {
        TicketGroup.ALL: "null::text",
        TicketGroup.ASSIGNEE: "assignee_id::text",
        TicketGroup.TEAM: team_of("assignee_id"),
        TicketGroup.QUEUE: "queue",
        TicketGroup.PRIORITY: "priority",
        TicketGroup.TYPE: "type",
        TicketGroup.CHANNEL: "channel",
        TicketGroup.PRODUCT: "product",
    }

    @property
    def grouped_by(self) -> TicketGroup:
        return self.group


IN_SCOPE: Final = f"""(
        {among("assignee_id", "assignee_ids", "uuid")}
        and {among("queue", "queues")}
        and {among("priority", "priorities")}
        and {among("type", "types")}
        and {among("channel", "channels")}
        and {among("product", "products")}
        and {in_sight("ticket", "assignee_id")})"""
"""Whether a ticket is among those that the question is about, by its columns."""

TICKETS_THEN: Final = f"""
    select * from read_model.ticket_period where {BELIEVED_SQL} and {IN_SCOPE}"""
"""The tickets in question, each as it stood then."""
