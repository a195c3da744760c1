"""The root of all queries."""

from __future__ import annotations

import strawberry

from crm_api.graphql.queries.access import AccessQueries
from crm_api.graphql.queries.audit import AuditQueries
from crm_api.graphql.queries.breach import BreachQueries
from crm_api.graphql.queries.bulk import BulkQueries
from crm_api.graphql.queries.customer import CustomerQueries
from crm_api.graphql.queries.diff import DiffQueries
from crm_api.graphql.queries.engagement import EngagementQueries
from crm_api.graphql.queries.erasure import ErasureQueries
from crm_api.graphql.queries.event import EventQueries
from crm_api.graphql.queries.explain import ExplainQueries
from crm_api.graphql.queries.granted import GrantedQueries
from crm_api.graphql.queries.node import NodeQueries
from crm_api.graphql.queries.opportunity import OpportunityQueries
from crm_api.graphql.queries.pipeline import PipelineQueries
from crm_api.graphql.queries.product import ProductQueries
from crm_api.graphql.queries.proof import ProofQueries
from crm_api.graphql.queries.rate_limit import RateLimitQueries
from crm_api.graphql.queries.reports import ReportQueries
from crm_api.graphql.queries.ticket import TicketQueries
from crm_api.graphql.queries.user import UserQueries

__all__ = ["Query"]


@strawberry.type(description="What can be asked. Every field needs the right to read its kind.")
class Query(
    CustomerQueries,
    OpportunityQueries,
    PipelineQueries,
    ProductQueries,
    TicketQueries,
    EngagementQueries,
    UserQueries,
    GrantedQueries,
    ErasureQueries,
    ReportQueries,
    DiffQueries,
    ExplainQueries,
    EventQueries,
    AuditQueries,
    ProofQueries,
    NodeQueries,
    AccessQueries,
    BreachQueries,
    RateLimitQueries,
    BulkQueries,
):
    pass
