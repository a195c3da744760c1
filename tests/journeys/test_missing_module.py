"""An event of a module that is not switched on: every door says which module that is."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs

from crm_api.app import create_app
from crm_api.graphql.ids import global_id
from crm_api.services import Services, open_services
from crm_core import SYSTEM, Command, SetupError, new_id
from crm_core.customers.customer.commands import RegisterPerson
from crm_core.identity.user.commands import ActivateUser, GrantRole, InviteUser
from crm_core.ledger.records import Append, Appended, Expected, NewEvent, StreamAppend

from .conftest import Crm

ROOT_KEY = bytes(range(32))
ADA, ROOT = UUID(int=1), UUID(int=2)
SENTENCE = (
    "The module billing, which knows events of the type billing.invoice.sent, is not switched on."
)


@pytest.fixture
async def services(database_url: str) -> AsyncIterator[Services]:
    async with open_services(database_url, ROOT_KEY) as opened:
        yield opened


async def send_invoice(services: Services) -> None:
    """Appends to a customer's stream what the missing module recorded."""
    event = NewEvent(event_id=new_id(), type="billing.invoice.sent", schema_version=1, data=b"{}")
    stream = StreamAppend("customers.customer", ADA, Expected.EXISTS, (event,))
    command_id = new_id()
    append = Append(
        command_id=command_id, actor=SYSTEM, correlation_id=command_id, streams=(stream,)
    )
    crm = services.crm
    (outcome,) = await crm.store.ledger.append(crm.tenant_id, [append])
    assert isinstance(outcome, Appended)


async def shown(services: Services, *commands: Command) -> None:
    """Executes commands and waits until the read models show them."""
    for command in commands:
        receipt = await services.crm.execute(command, actor=SYSTEM)
    await services.runner.wait_for(services.crm.tenant_id, receipt.position, seconds=10)


async def test_the_library_names_it_and_projections_of_others_go_on(services: Services) -> None:
    await services.crm.execute(RegisterPerson(customer_id=ADA, name="Ada"), actor=SYSTEM)
    await send_invoice(services)
    with pytest.raises(SetupError, match="switch on the module `billing`"):
        await services.crm.history(ADA)
    await services.runner.catch_up(services.crm.tenant_id)
    assert {at.lag_events for at in await services.runner.status()} == {0}


async def test_the_graphql_history_names_it_to_the_client_and_in_the_log(
    services: Services,
) -> None:
    await shown(
        services,
        InviteUser(user_id=ROOT, name="Root", email="root@example.com"),
        ActivateUser(user_id=ROOT),
        GrantRole(user_id=ROOT, role="admin"),
        RegisterPerson(customer_id=ADA, name="Ada"),
    )
    await send_invoice(services)
    token, *_ = services.tokens.issue(ROOT)
    question = (
        "query ($id: ID!) { customer(by: {id: $id}) { history(first: 9) { nodes { type } } } }"
    )
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://crm") as http:
        with capture_logs() as logs:
            answer = await http.post(
                "/graphql",
                json={"query": question, "variables": {"id": global_id("Customer", ADA)}},
                headers={"authorization": f"Bearer {token}"},
            )
    (error,) = answer.json()["errors"]
    assert error["message"] == SENTENCE
    assert error["extensions"]["reason"] == "ledger.unknown_type"
    (said,) = [entry for entry in logs if entry["event"] == "graphql.failed"]
    assert "switch on the module `billing`" in said["error"]


async def test_the_command_line_names_it(services: Services, database_url: str, crm: Crm) -> None:
    await services.crm.execute(RegisterPerson(customer_id=ADA, name="Ada"), actor=SYSTEM)
    await send_invoice(services)
    key = base64.b64encode(ROOT_KEY).decode()
    said = crm("history", str(ADA), CRM_DATABASE_URL=database_url, CRM_ROOT_KEY=key)
    assert said.returncode == 1
    assert said.stderr.startswith("ledger.unknown_type")
    assert "switch on the module `billing`" in said.stderr
