"""Every read model of the product, and every report. A new one is a folder and a line here."""

from __future__ import annotations

from typing import Any

from crm_projections.audit_trail.projection import AuditTrail
from crm_projections.customer_directory.projection import CustomerDirectory
from crm_projections.projection import Projection
from crm_projections.reporting import Report
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.reports import SALES_REPORTS
from crm_projections.ticket_queue.projection import TicketQueue
from crm_projections.ticket_queue.reports import TICKET_REPORTS
from crm_projections.timeline.projection import Timeline

__all__ = ["PROJECTIONS", "REPORTS"]

PROJECTIONS: tuple[Projection, ...] = (
    CustomerDirectory(),
    SalesPipeline(),
    TicketQueue(),
    Timeline(),
    AuditTrail(),
)

REPORTS: tuple[Report[Any, Any], ...] = (*SALES_REPORTS, *TICKET_REPORTS)
