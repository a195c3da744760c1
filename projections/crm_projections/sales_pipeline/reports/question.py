"""What can be asked of reports about opportunities."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from crm_projections.reporting import PERIODS, Question, among, in_sight, team_of
from crm_projections.temporal import BELIEVED_SQL

__all__ = [
    "ANY_GROUP",
    "DEALS",
    "IN_SCOPE",
    "RECORDS_ONLY",
    "SalesGroup",
    "SalesQuestion",
]


class SalesGroup(StrEnum):
    """By what a report is grouped: what an opportunity has as of then, or a stretch of time."""

    ALL = "ALL"
    OWNER = "OWNER"
    TEAM = "TEAM"
    PIPELINE = "PIPELINE"
    PRODUCT = "PRODUCT"
    SOURCE = "SOURCE"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"


ANY_GROUP: Final = frozenset(group.value for group in SalesGroup)
RECORDS_ONLY: Final = ANY_GROUP - PERIODS


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesQuestion(Question):
    group: SalesGroup = SalesGroup.ALL
    owner_ids: tuple[UUID, ...] | None = None
    pipeline_ids: tuple[UUID, ...] | None = None
    product_ids: tuple[UUID, ...] | None = None
    sources: tuple[str, ...] | None = None

    KEYS: ClassVar = {
        SalesGroup.ALL: "null::text",
        SalesGroup.OWNER: "owner_id::text",
        SalesGroup.TEAM: team_of("owner_id"),
        SalesGroup.PIPELINE: "pipeline_id::text",
        SalesGroup.PRODUCT: "product_id::text",
        SalesGroup.SOURCE: "source",
    }

    @property
    def grouped_by(self) -> SalesGroup:
        return self.group


IN_SCOPE: Final = f"""(
        {among("owner_id", "owner_ids", "uuid")}
        and {among("pipeline_id", "pipeline_ids", "uuid")}
        and {among("product_id", "product_ids", "uuid")}
        and {among("source", "sources")}
        and {in_sight("opportunity", "owner_id")})"""
"""Whether an opportunity is among those that the question is about, by its columns."""

DEALS: Final = f"""
    select * from read_model.opportunity_period
     where {BELIEVED_SQL} and status <> 'ARCHIVED' and {IN_SCOPE}"""
"""The opportunities in question, each as it stood then; archived ones are left out."""
