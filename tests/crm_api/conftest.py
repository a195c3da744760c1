"""What the API's tests share: one company, its people, and clients that speak for them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
import uvicorn
from starlette.applications import Starlette

from crm_api.app import create_app
from crm_api.services import Services, open_services
from crm_core import SYSTEM, Command, Money, Receipt
from crm_core.audit.log import Signer
from crm_core.audit.signing import AuditKeys, Memory, new_key_line
from crm_core.customers.customer.commands import (
    AssignCustomerOwner,
    RegisterOrganization,
    TagCustomer,
)
from crm_core.embedded import EmbeddedPostgres
from crm_core.identity.user.commands import ActivateUser, GrantRole, InviteUser, SetPassword
from crm_core.sales.opportunity.commands import OpenOpportunity
from crm_core.sales.pipeline.commands import DefinePipeline
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.service.ticket.commands import OpenTicket
from crm_core.service.ticket.events import TicketChannel, TicketType

ROOT_KEY = bytes(range(32))
ROLES = ("admin", "sales", "service", "auditor")


@contextmanager
def database(postgres: EmbeddedPostgres, migrated: str, purpose: str) -> Iterator[str]:
    name = f"{purpose}_{uuid4().hex}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"create database {name} template {migrated}")
        yield postgres.url(name)
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def reading_url(postgres: EmbeddedPostgres, migrated: str) -> Iterator[str]:
    """A migrated database for the tests of reading, which fill a table of their own."""
    with database(postgres, migrated, "reading") as url:
        yield url


@pytest.fixture(scope="session")
def api_url(postgres: EmbeddedPostgres, migrated: str) -> Iterator[str]:
    with database(postgres, migrated, "api") as url:
        yield url


@pytest.fixture(scope="session")
async def services(
    api_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Services]:
    signer = Signer(AuditKeys.parse(new_key_line()), Memory(tmp_path_factory.mktemp("signed")))
    async with open_services(api_url, ROOT_KEY, signer=signer) as opened:
        yield opened


@pytest.fixture(scope="session")
def app(services: Services) -> Starlette:
    return create_app(services)


@pytest.fixture
async def by_get(services: Services, people: dict[str, UUID]) -> AsyncIterator[Api]:
    """The same company, behind a server that takes queries by GET too."""
    transport = httpx.ASGITransport(create_app(replace(services, takes_get=True)))
    async with httpx.AsyncClient(transport=transport, base_url="http://crm") as http:
        yield Api(services, people, http)


async def make_user(services: Services, role: str | None, *, password: str | None = None) -> UUID:
    """An active user with a role."""
    user_id = uuid4()
    email = f"{role}-{user_id.hex[:8]}@example.com"
    commands: list[Command] = [
        InviteUser(user_id=user_id, name=f"The {role}", email=email),
        ActivateUser(user_id=user_id),
    ]
    if role is not None:
        commands.append(GrantRole(user_id=user_id, role=role))
    if password is not None:
        commands.append(SetPassword(user_id=user_id, password=password))
    for command in commands:
        await services.crm.execute(command, actor=SYSTEM)
    return user_id


@pytest.fixture(scope="session")
async def people(services: Services) -> dict[str, UUID]:
    """A user for each role, and one without any."""
    made = {role: await make_user(services, role) for role in ROLES}
    return made | {"nobody": await make_user(services, None)}


@dataclass(frozen=True)
class Api:
    """Asks the app as somebody, over HTTP without a network."""

    services: Services
    people: dict[str, UUID]
    http: httpx.AsyncClient

    def token(self, who: str) -> str:
        return self.services.tokens.issue(self.people[who])[0]

    def headers(self, who: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token(who)}"}

    async def ask(self, document: str, *, who: str = "admin", **given: Any) -> dict[str, Any]:
        """The answer's body, errors and all."""
        response = await self.http.post(
            "/graphql",
            json={"query": document, "variables": given},
            headers=self.headers(who),
        )
        body: dict[str, Any] = response.json()
        return body

    async def data(self, document: str, *, who: str = "admin", **given: Any) -> dict[str, Any]:
        """The data of an answer that has no errors."""
        body = await self.ask(document, who=who, **given)
        assert "errors" not in body, body["errors"]
        found: dict[str, Any] = body["data"]
        return found

    async def codes(self, document: str, *, who: str = "admin", **given: Any) -> list[str]:
        """The codes of the errors of an answer."""
        body = await self.ask(document, who=who, **given)
        return [error["extensions"]["code"] for error in body.get("errors", [])]

    async def given(self, *commands: Command) -> Receipt:
        """Executes commands that must succeed; the read models show them then."""
        for command in commands:
            receipt = await self.services.crm.execute(command, actor=SYSTEM)
        await self.shown(receipt.position)
        return receipt

    async def shown(self, position: int | None = None) -> None:
        """Waits until the read models show a position: the head, unless one is given."""
        crm = self.services.crm
        head = position or await crm.position()
        await self.services.runner.wait_for(crm.tenant_id, head, seconds=10)

    async def invited(self, role: str | None, *, password: str | None = None) -> UUID:
        """A new user, with a role and a password where they are given."""
        return await make_user(self.services, role, password=password)


@pytest.fixture(scope="session")
async def api(services: Services, app: Starlette, people: dict[str, UUID]) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://crm") as http:
        made = Api(services, people, http)
        await made.shown()
        yield made


@pytest.fixture(scope="session")
async def address(app: Starlette) -> AsyncIterator[str]:
    async with served(app) as address:
        yield address


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[str]:
    """A real server on a loopback port: `host:port`."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="warning", ws="websockets-sansio", lifespan="off",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    host, port = listening.getsockname()
    yield f"{host}:{port}"
    server.should_exit = True
    await serving


@pytest.fixture(scope="session")
async def sales(api: Api) -> dict[str, UUID]:
    """A customer with opportunities and tickets, among others that have some too."""
    pipeline = DefinePipeline(name="Sales", stages=STANDARD_STAGES)
    await api.given(pipeline)
    made = {"pipeline": pipeline.pipeline_id, "tag": uuid4()}
    for index in range(6):
        organization = RegisterOrganization(name=f"Org {index}")
        customer = organization.customer_id
        made.setdefault("customer", customer)
        await api.given(
            organization,
            TagCustomer(customer_id=customer, tag=made["tag"].hex),
            AssignCustomerOwner(customer_id=customer, owner_id=api.people["sales"]),
            OpenTicket(
                subject="Help",
                customer_id=customer,
                channel=TicketChannel.WEB,
                type=TicketType.QUESTION,
            ),
            *(
                OpenOpportunity(
                    name=f"Deal {number}",
                    customer_id=customer,
                    pipeline_id=pipeline.pipeline_id,
                    owner_id=api.people["sales"],
                    currency="EUR",
                    amount=Money(Decimal(100 + number), "EUR"),
                )
                for number in range(3)
            ),
        )
    return made
