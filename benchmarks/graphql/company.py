"""One made-up company in the read models, the same rows for every contender."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from crm_core.customers.customer.events import CustomerKind, Lifecycle
from crm_core.ledger.postgres.connections import open_pool
from crm_core.sales.opportunity.events import OpportunityStatus
from crm_core.sales.pipeline.events import ForecastCategory
from crm_core.service.ticket.events import (
    TicketChannel,
    TicketPriority,
    TicketStatus,
    TicketType,
)
from crm_projections.customer_directory.projection import CUSTOMERS, CustomerRow
from crm_projections.sales_pipeline.tables import (
    OPPORTUNITIES,
    OPPORTUNITY_PERIODS,
    OpportunityPeriodRow,
    OpportunityRow,
)
from crm_projections.storage import upsert
from crm_projections.tables import Row, Table
from crm_projections.ticket_queue.projection import TICKETS, TicketRow

__all__ = ["DEFAULT", "FULL", "STAGES", "Size", "customer_id", "fill"]

STAGES = ("qualify", "discover", "propose", "negotiate", "close")

_START = datetime(2024, 1, 1, tzinfo=UTC)
_BATCH = 5_000


@dataclass(frozen=True)
class Size:
    organizations: int
    people: int
    opportunities: int
    tickets: int


DEFAULT = Size(20_000, 40_000, 60_000, 40_000)
FULL = Size(100_000, 200_000, 300_000, 200_000)


def customer_id(number: int) -> UUID:
    """Of the organisation with this number, from 0."""
    return UUID(int=(1 << 120) + number, version=4)


async def fill(url: str, tenant_id: UUID, size: Size) -> None:
    """Writes the rows as the projections would have; the tables must be there and empty."""
    pool = await open_pool(url, "crm_projector", size=1)
    made: tuple[tuple[Table[Any], Iterator[Row]], ...] = (
        (CUSTOMERS, _customers(size)),
        (OPPORTUNITIES, _opportunities(size)),
        (OPPORTUNITY_PERIODS, map(_period, _opportunities(size))),
        (TICKETS, _tickets(size)),
    )
    async with pool.connection() as connection:
        for table, rows in made:
            while batch := list(islice(rows, _BATCH)):
                await connection.execute(
                    upsert(table, table.name), [tenant_id, *table.arrays_of(batch)]
                )
    await pool.close()


def _customers(size: Size) -> Iterator[CustomerRow]:
    chance = random.Random(1)
    for number in range(size.organizations + size.people):
        is_person = number >= size.organizations
        at = _START + timedelta(minutes=number, microseconds=chance.randrange(1_000_000))
        yield CustomerRow(
            customer_id=customer_id(number),
            kind=CustomerKind.PERSON if is_person else CustomerKind.ORGANIZATION,
            name=f"{'Person' if is_person else 'Company'} {number}",
            lifecycle=chance.choice(list(Lifecycle)),
            parent_id=customer_id(number % size.organizations) if is_person else None,
            email=f"c{number}@example.com",
            source=chance.choice(["web", "fair", "call", None]),
            sector=None if is_person else chance.choice(["energy", "retail", "software"]),
            employees=None if is_person else chance.randrange(1, 5_000),
            tags=("vip",) if number % 10 == 0 else (),
            version=1,
            created_at=at,
            updated_at=at,
        )


def _opportunities(size: Size) -> Iterator[OpportunityRow]:
    chance = random.Random(2)
    for number in range(size.opportunities):
        at = _START + timedelta(minutes=number, microseconds=chance.randrange(1_000_000))
        yield OpportunityRow(
            opportunity_id=UUID(int=(2 << 120) + number, version=4),
            name=f"Deal {number}",
            name_about=customer_id(number % size.organizations),
            status=chance.choice(list(OpportunityStatus)),
            customer_id=customer_id(number % size.organizations),
            owner_id=UUID(int=1 + number % 50, version=4),
            product_id=None,
            source=chance.choice(["web", "fair", "call", None]),
            pipeline_id=UUID(int=1, version=4),
            pipeline_version=1,
            stage_id=STAGES[number % len(STAGES)],
            probability=Decimal(chance.choice([10, 25, 50, 75])),
            forecast_category=chance.choice(list(ForecastCategory)),
            amount=Decimal(chance.randrange(100, 10_000_000)) / 100,
            currency="EUR",
            close_date=at.date() + timedelta(days=90),
            stage_entered_at=at,
            opened_at=at,
            version=1,
            created_at=at,
            updated_at=at,
        )


def _period(row: OpportunityRow) -> OpportunityPeriodRow:
    """It has always been as it is, by what the reports know."""
    return OpportunityPeriodRow(
        opportunity_id=row.opportunity_id,
        recorded_from=1,
        effective_from=row.opened_at,
        status=row.status,
        pipeline_id=row.pipeline_id,
        stage_id=row.stage_id,
        probability=row.probability,
        forecast_category=row.forecast_category,
        amount=row.amount,
        currency=row.currency,
        owner_id=row.owner_id,
        customer_id=row.customer_id,
        product_id=row.product_id,
        source=row.source,
        close_date=row.close_date,
        stage_entered_at=row.stage_entered_at,
        opened_at=row.opened_at,
    )


def _tickets(size: Size) -> Iterator[TicketRow]:
    chance = random.Random(3)
    for number in range(size.tickets):
        at = _START + timedelta(minutes=number, microseconds=chance.randrange(1_000_000))
        yield TicketRow(
            ticket_id=UUID(int=(3 << 120) + number, version=4),
            subject=f"Something {number} does not work",
            status=chance.choice(list(TicketStatus)),
            type=chance.choice(list(TicketType)),
            priority=chance.choice(list(TicketPriority)),
            channel=chance.choice(list(TicketChannel)),
            customer_id=customer_id(number % size.organizations),
            queue=chance.choice(["first", "second"]),
            opened_at=at,
            last_activity_at=at,
            version=1,
            created_at=at,
            updated_at=at,
        )
