"""Figures about deals: what is in the pipeline, and what came of it.

Every report is as of a position (what was believed then) and a moment on the effective clock (what
it was believed about); the head and the latest moment give the present. Amounts of different
currencies are never added: there is a row for each.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from crm_core.ledger.postgres.connections import Pool
from crm_core.sales.opportunity.events import OpportunityStatus
from crm_projections.select import select
from crm_projections.temporal import BELIEVED_SQL

__all__ = [
    "LATEST",
    "PipelineCell",
    "SalesFigures",
    "SalesGroup",
    "pipeline_by_stage",
    "sales_figures",
]

LATEST = datetime.max.replace(tzinfo=UTC)


class PipelineCell(Struct, frozen=True, kw_only=True):
    """The deals of one stage, status and currency. `weighted` is amount × probability."""

    pipeline_id: UUID
    stage_id: str
    status: OpportunityStatus
    currency: str
    deals: int
    amount: Decimal
    weighted: Decimal


class SalesGroup(StrEnum):
    """What sales figures can be grouped by; QUARTER and MONTH are those of the closing, in UTC."""

    ALL = "ALL"
    OWNER = "OWNER"
    PRODUCT = "PRODUCT"
    SOURCE = "SOURCE"
    QUARTER = "QUARTER"
    MONTH = "MONTH"


class SalesFigures(Struct, frozen=True, kw_only=True):
    """What became of deals, per group and currency.

    `key` is the group's id, code or first day, None where the deal has none. `win_rate` is won
    divided by won and lost, 0..1, None without either. `cycle_days` is the mean time from opening
    to winning, in days of 24 hours.
    """

    key: str | None
    currency: str
    open: int
    won: int
    lost: int
    won_amount: Decimal
    win_rate: float | None
    cycle_days: float | None


_CLOSED_ON = "to_char(date_trunc('{unit}', closed_at, 'UTC') at time zone 'UTC', 'YYYY-MM-DD')"
_KEYS = {
    SalesGroup.ALL: "null::text",
    SalesGroup.OWNER: "owner_id::text",
    SalesGroup.PRODUCT: "product_id::text",
    SalesGroup.SOURCE: "source",
    SalesGroup.QUARTER: _CLOSED_ON.format(unit="quarter"),
    SalesGroup.MONTH: _CLOSED_ON.format(unit="month"),
}


async def pipeline_by_stage(
    pool: Pool,
    tenant_id: UUID,
    *,
    position: int,
    moment: datetime | None = None,
    owner_id: UUID | None = None,
) -> list[PipelineCell]:
    """Deals by pipeline, stage, status and currency; archived ones left out."""
    return await select(
        pool,
        PipelineCell,
        f"""
        select pipeline_id, stage_id, status, currency,
               count(*) as deals,
               coalesce(sum(amount), 0) as amount,
               coalesce(sum(round(amount * probability / 100, 4)), 0) as weighted
          from read_model.opportunity_period
         where {BELIEVED_SQL}
           and status <> 'ARCHIVED'
           and (%(owner)s::uuid is null or owner_id = %(owner)s)
         group by pipeline_id, stage_id, status, currency
         order by pipeline_id, stage_id collate "C", status collate "C", currency collate "C"
        """,
        {
            "tenant": tenant_id,
            "position": position,
            "moment": moment or LATEST,
            "owner": owner_id,
        },
    )


async def sales_figures(
    pool: Pool,
    tenant_id: UUID,
    *,
    position: int,
    moment: datetime | None = None,
    group: SalesGroup = SalesGroup.ALL,
    closed_from: datetime | None = None,
    closed_to: datetime | None = None,
) -> list[SalesFigures]:
    """Best group first (by the amount won, then by its key).

    With `closed_from` (included) or `closed_to` (excluded), only deals closed in that time count,
    and so no open ones.
    """
    return await select(
        pool,
        SalesFigures,
        f"""
        select {_KEYS[group]} as key, currency,
               count(*) filter (where closed_at is null) as open,
               count(*) filter (where status = 'WON') as won,
               count(*) filter (where status = 'LOST') as lost,
               coalesce(sum(amount) filter (where status = 'WON'), 0) as won_amount,
               (count(*) filter (where status = 'WON'))::float8
                   / nullif(count(*) filter (where status in ('WON', 'LOST')), 0) as win_rate,
               avg(extract(epoch from closed_at - opened_at)) filter (where status = 'WON')::float8
                   / 86400 as cycle_days
          from read_model.opportunity_period
         where {BELIEVED_SQL}
           and status <> 'ARCHIVED'
           and (%(from)s::timestamptz is null or closed_at >= %(from)s)
           and (%(to)s::timestamptz is null or closed_at < %(to)s)
         group by 1, 2
         order by won_amount desc, 1, 2
        """,
        {
            "tenant": tenant_id,
            "position": position,
            "moment": moment or LATEST,
            "from": closed_from,
            "to": closed_to,
        },
    )
