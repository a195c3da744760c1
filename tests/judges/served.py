"""A server with a little in it, as its clients meet it; and the same with faults planted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_api.app import create_app
from crm_api.graphql.ids import global_id
from crm_api.http.allowance import Allowance
from crm_api.http.profile import Profile
from crm_api.http.trusted import read_trusted
from crm_api.services import Services, open_services
from crm_core import SYSTEM, Money, new_id
from crm_core.audit.log import Signer
from crm_core.audit.signing import AuditKeys, Memory, new_key_line
from crm_core.customers.customer.commands import RegisterPerson
from crm_core.embedded import EmbeddedPostgres
from crm_core.engagement.interaction.commands import LogInteraction
from crm_core.engagement.interaction.events import InteractionChannel, InteractionDirection
from crm_core.engagement.task.commands import CreateTask
from crm_core.identity.team.commands import CreateTeam
from crm_core.identity.user.commands import ActivateUser, GrantRole, InviteUser
from crm_core.ledger.postgres.migrate import migrate
from crm_core.sales.opportunity.commands import OpenOpportunity
from crm_core.sales.pipeline.commands import DefinePipeline
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.sales.product.commands import AddProduct
from crm_core.service.ticket.commands import OpenTicket
from crm_core.service.ticket.events import TicketChannel

__all__ = ["Served", "served"]

CUSTOMERS = ("Ada", "Blaise", "Claude", "Dorothy", "Emmy")
PLENTY = Allowance(maximum=1_000_000_000, restored=1_000_000_000)


@dataclass(frozen=True)
class Served:
    """`url` runs any document, `trusted` only those of the manifests; `token` is an admin's, and
    `ids` are those of records that are there."""

    url: str
    trusted: str
    token: str
    ids: tuple[str, ...]


@contextlib.asynccontextmanager
async def served(folder: Path, manifests: Path) -> AsyncIterator[tuple[Served, Served]]:
    """The server, and the same one with `Faulty` before it."""
    signer = Signer(AuditKeys.parse(new_key_line()), Memory(folder / "signed"))
    with EmbeddedPostgres.start(folder / "data") as postgres:
        await migrate(postgres.url())
        async with (
            open_services(
                postgres.url(),
                bytes(range(32)),
                signer=signer,
                allowance=PLENTY,
                takes_get=True,
            ) as services,
            contextlib.AsyncExitStack() as running,
        ):
            token, ids = await _company(services)
            only_trusted = replace(services, trusted=read_trusted(Profile.FIRST_PARTY, manifests))
            apps: list[ASGIApp] = [create_app(services), create_app(only_trusted)]
            apps += [Faulty(app) for app in apps]
            urls = [await running.enter_async_context(_listening(app)) for app in apps]
            yield Served(urls[0], urls[1], token, ids), Served(urls[2], urls[3], token, ids)


async def _company(services: Services) -> tuple[str, tuple[str, ...]]:
    """A company with one of each kind, and five customers: the admin's token, and global ids."""
    user = new_id()
    people = [RegisterPerson(name=name) for name in CUSTOMERS]
    customer = people[0].customer_id
    pipeline = DefinePipeline(name="Sales", stages=STANDARD_STAGES)
    opportunity = OpenOpportunity(
        name="Engine",
        customer_id=customer,
        pipeline_id=pipeline.pipeline_id,
        owner_id=user,
        currency="EUR",
    )
    ticket = OpenTicket(subject="Help", customer_id=customer, channel=TicketChannel.WEB)
    product = AddProduct(name="Mill", code="mill", list_price=Money(Decimal(5), "EUR"))
    team = CreateTeam(name="Sales")
    task = CreateTask(title="Call", due_at=datetime.now(UTC) + timedelta(days=1), assignee_id=user)
    interaction = LogInteraction(
        customer_id=customer,
        channel=InteractionChannel.CALL,
        direction=InteractionDirection.INBOUND,
    )
    for command in (
        InviteUser(user_id=user, name="Judge", email="judge@example.com"),
        ActivateUser(user_id=user),
        GrantRole(user_id=user, role="admin"),
        *people,
        pipeline,
        opportunity,
        ticket,
        product,
        team,
        task,
        interaction,
    ):
        receipt = await services.crm.execute(command, actor=SYSTEM)
    await services.runner.wait_for(services.crm.tenant_id, receipt.position, seconds=10)
    ids = {
        "Customer": [person.customer_id for person in people],
        "Pipeline": [pipeline.pipeline_id],
        "Opportunity": [opportunity.opportunity_id],
        "Ticket": [ticket.ticket_id],
        "Product": [product.product_id],
        "Team": [team.team_id],
        "Task": [task.task_id],
        "Interaction": [interaction.interaction_id],
    }
    return services.tokens.issue(user)[0], tuple(
        global_id(kind, key) for kind, keys in ids.items() for key in keys
    )


@contextlib.asynccontextmanager
async def _listening(app: ASGIApp) -> AsyncIterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            app, log_level="warning", ws="websockets-sansio", lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )  # fmt: skip
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/graphql"
    server.should_exit = True
    await serving


class Faulty:
    """The app with faults that each judge must see: refusals say that the server failed, errors
    have a code that is on no list, and every subscription loses its first event."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_lost = False

        async def send_faulty(message: Message) -> None:
            nonlocal has_lost
            if message["type"] == "http.response.start" and message["status"] == 400:
                message["status"] = 500
            if not has_lost and _is_event(message):
                has_lost = True
                return
            if message.get("body"):
                message["body"] = message["body"].replace(b'"BAD_ID"', b'"NO_ONE"')
            await send(message)

        await self._app(scope, receive, send_faulty)


def _is_event(message: Message) -> bool:
    sent = message.get("body") or (message.get("text") or "").encode()
    return b'"events":{' in sent
