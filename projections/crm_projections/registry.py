"""Every read model of the product. A new one is a folder and a line here."""

from __future__ import annotations

from crm_projections.audit_trail.projection import AuditTrail
from crm_projections.customer_directory.projection import CustomerDirectory
from crm_projections.projection import Projection
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.ticket_queue.projection import TicketQueue
from crm_projections.timeline.projection import Timeline

__all__ = ["PROJECTIONS"]

PROJECTIONS: tuple[Projection, ...] = (
    CustomerDirectory(),
    SalesPipeline(),
    TicketQueue(),
    Timeline(),
    AuditTrail(),
)
