"""The questions about tickets. A new one is a file and a line here."""

from __future__ import annotations

from typing import Any, Final

from crm_projections.reporting import Report
from crm_projections.ticket_queue.reports.backlog import BACKLOG
from crm_projections.ticket_queue.reports.durations import DURATIONS
from crm_projections.ticket_queue.reports.question import TicketGroup, TicketQuestion
from crm_projections.ticket_queue.reports.reopening import REOPENING
from crm_projections.ticket_queue.reports.volume import VOLUME

__all__ = [
    "BACKLOG",
    "DURATIONS",
    "REOPENING",
    "TICKET_REPORTS",
    "VOLUME",
    "TicketGroup",
    "TicketQuestion",
]

TICKET_REPORTS: Final[tuple[Report[TicketQuestion, Any], ...]] = (
    VOLUME,
    BACKLOG,
    DURATIONS,
    REOPENING,
)
