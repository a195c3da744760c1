"""Strawberry as its documentation has it, with DataLoader: `stock_server.py URL PORT`."""

from __future__ import annotations

import sys
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
import uvicorn
from psycopg.rows import class_row, dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader

POOL: AsyncConnectionPool = AsyncConnectionPool(
    sys.argv[1], kwargs={"autocommit": True}, min_size=8, max_size=8, open=False
)


async def rows(of: type[Any], statement: str, *parameters: Any) -> list[Any]:
    async with POOL.connection() as connection, connection.cursor(row_factory=class_row(of)) as c:
        await c.execute(statement.encode(), parameters)
        return await c.fetchall()


async def grouped(of: type[Any], statement: str, keys: list[UUID]) -> list[list[Any]]:
    found = defaultdict(list)
    for row in await rows(of, statement, keys):
        found[row.customer_id].append(row)
    return [found[key] for key in keys]


_FIVE = (
    "select item.* from unnest(%s::uuid[]) as list (id), lateral (select {} from peer.{}"
    " where customer_id = list.id order by opened_at, {} limit 5) as item"
)
_OPPORTUNITY = "opportunity_id, customer_id, name, status, stage_id, amount, currency"
_TICKET = "ticket_id, customer_id, subject, status, priority, opened_at"


async def opportunities_of(keys: list[UUID]) -> list[list[Any]]:
    statement = _FIVE.format(_OPPORTUNITY, "opportunity", "opportunity_id")
    return await grouped(Opportunity, statement, keys)


async def tickets_of(keys: list[UUID]) -> list[list[Any]]:
    return await grouped(Ticket, _FIVE.format(_TICKET, "ticket", "ticket_id"), keys)


@strawberry.type
class Opportunity:
    opportunity_id: UUID
    customer_id: UUID
    name: str
    status: str
    stage_id: str
    amount: Decimal
    currency: str


@strawberry.type
class Ticket:
    ticket_id: UUID
    customer_id: UUID
    subject: str
    status: str
    priority: str
    opened_at: datetime


@strawberry.type
class Customer:
    customer_id: UUID
    name: str
    status: str
    lifecycle: str
    email: str | None
    employees: int | None
    version: int
    created_at: datetime

    @strawberry.field
    async def opportunities(self, info: strawberry.Info) -> list[Opportunity]:
        return await info.context["opportunities"].load(self.customer_id)

    @strawberry.field
    async def tickets(self, info: strawberry.Info) -> list[Ticket]:
        return await info.context["tickets"].load(self.customer_id)


@strawberry.type
class PipelineStage:
    status: str
    stage_id: str
    deals: int
    amount: Decimal


_CUSTOMER = "customer_id, name, status, lifecycle, email, employees, version, created_at"


@strawberry.type
class Query:
    @strawberry.field
    async def customer(self, id: UUID) -> Customer | None:
        found = await rows(
            Customer, f"select {_CUSTOMER} from peer.customer where customer_id = %s", id
        )
        return found[0] if found else None

    @strawberry.field
    async def customers(self, first: int, descending: bool = False) -> list[Customer]:
        way = "desc" if descending else "asc"
        return await rows(
            Customer,
            f"select {_CUSTOMER} from peer.customer order by created_at {way}, customer_id {way}"
            " limit %s",
            first,
        )

    @strawberry.field
    async def pipeline_stages(self) -> list[PipelineStage]:
        return await rows(PipelineStage, "select * from peer.pipeline_stage")


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def create_customer(self, name: str) -> UUID:
        async with (
            POOL.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(
                "insert into peer.customer (customer_id, kind, name, status, lifecycle, version,"
                " created_at) values (gen_random_uuid(), 'PERSON', %s, 'ACTIVE', 'PROSPECT', 1,"
                " now()) returning customer_id",
                [name],
            )
            row = await cursor.fetchone()
            assert row is not None
            return row["customer_id"]


class App(GraphQL):
    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        return {
            "opportunities": DataLoader(opportunities_of),
            "tickets": DataLoader(tickets_of),
        }


@asynccontextmanager
async def opened(_: Starlette):
    async with POOL:
        yield


if __name__ == "__main__":
    app = Starlette(lifespan=opened)
    app.add_route("/graphql", App(strawberry.Schema(Query, Mutation), graphql_ide=None))
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)
