"""Opportunities, tickets, tasks and the figures about them, now and then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import make_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from crm_api.app import create_app
from crm_api.graphql.ids import global_id
from crm_api.services import open_services
from crm_core import SYSTEM, Money, derived_id, new_id
from crm_core.customers.customer.commands import RegisterPerson
from crm_core.engagement.task.commands import CompleteTask, CreateTask
from crm_core.identity.user.commands import ActivateUser, GrantRole, InviteUser
from crm_core.sales.opportunity.commands import LoseOpportunity, MoveStage, OpenOpportunity
from crm_core.sales.opportunity.commands import SetAmount as SetOpportunityAmount
from crm_core.sales.pipeline.standard import standard_pipeline
from crm_core.service.ticket.commands import AssignTicket, OpenTicket
from crm_core.service.ticket.events import TicketChannel

LONG_AGO = datetime(2024, 5, 6, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
async def pipeline(api: Any) -> UUID:
    pipeline_id = new_id()
    await api.given(standard_pipeline(pipeline_id))
    return pipeline_id


async def opened(api: Any, pipeline: UUID, **more: Any) -> UUID:
    """An opportunity over 100 EUR that was opened long ago."""
    deal = new_id()
    given: dict[str, Any] = {"amount": Money(Decimal(100), "EUR")}
    await api.services.crm.execute(
        OpenOpportunity(
            opportunity_id=deal, name="Deal", pipeline_id=pipeline, currency="EUR",
            owner_id=api.people["sales"], **(given | more),
        ),
        actor=SYSTEM,
        effective_at=LONG_AGO,
    )  # fmt: skip
    await api.shown()
    return deal


DEAL = """query ($by: OpportunityBy!, $asOf: AsOf, $effectiveAt: DateTime) {
  opportunity(by: $by, asOf: $asOf, effectiveAt: $effectiveAt) {
    name status stageId stage { name probability } probability amount { amount currencyCode }
    pipeline { name stages { id } } owner { name } customer { name } closedAt version
  } }"""


async def test_an_opportunity_shows_how_it_stands(api: Any, pipeline: UUID) -> None:
    person = new_id()
    await api.given(RegisterPerson(customer_id=person, name="Ada"))
    deal = await opened(api, pipeline, customer_id=person)
    found = (await api.data(DEAL, by={"id": str(deal)}))["opportunity"]
    assert found["amount"] == {"amount": "100.00", "currencyCode": "EUR"}
    assert found["stage"] == {"name": "Prospecting", "probability": "10"}
    assert (found["owner"], found["customer"]) == ({"name": "The sales"}, {"name": "Ada"})
    assert len(found["pipeline"]["stages"]) == 6


async def test_an_opportunity_was_how_it_was_shown(api: Any, pipeline: UUID) -> None:
    deal = await opened(api, pipeline)
    by = {"id": global_id("Opportunity", deal)}
    steps = [
        SetOpportunityAmount(opportunity_id=deal, amount=Money(Decimal("70.5"), "EUR")),
        MoveStage(opportunity_id=deal, stage_id="proposal"),
        LoseOpportunity(opportunity_id=deal, reason_code="price"),
    ]
    captured = []
    for step in steps:
        receipt = await api.given(step)
        captured.append((receipt.position, (await api.data(DEAL, by=by))["opportunity"]))
    for position, answer in captured:
        past = await api.data(DEAL, by=by, asOf={"position": position})
        assert past["opportunity"] == answer
    then = await api.data(DEAL, by=by, effectiveAt=(LONG_AGO + timedelta(days=1)).isoformat())
    assert then["opportunity"]["amount"]["amount"] == "100.00"
    assert then["opportunity"]["status"] == "OPEN"
    before = await api.data(DEAL, by=by, effectiveAt=(LONG_AGO - timedelta(days=1)).isoformat())
    assert before["opportunity"] is None


async def test_history_that_arrives_late_lands_where_it_belongs(api: Any, pipeline: UUID) -> None:
    deal = await opened(api, pipeline)
    await api.given(SetOpportunityAmount(opportunity_id=deal, amount=Money(Decimal(5), "EUR")))
    await api.services.crm.execute(
        SetOpportunityAmount(opportunity_id=deal, amount=Money(Decimal(3), "EUR")),
        actor=SYSTEM,
        effective_at=LONG_AGO + timedelta(days=10),
    )
    by = {"id": str(deal)}
    for days, amount in ((5, "100.00"), (11, "3.00")):
        at = (LONG_AGO + timedelta(days=days)).isoformat()
        data = await api.data(DEAL, by=by, effectiveAt=at)
        assert data["opportunity"]["amount"]["amount"] == amount


async def test_a_ticket_and_a_task_show_who_is_on_them(api: Any) -> None:
    person, ticket, task = new_id(), new_id(), new_id()
    await api.given(
        RegisterPerson(customer_id=person, name="Ada"),
        OpenTicket(
            ticket_id=ticket, subject="Help", customer_id=person, channel=TicketChannel.PHONE
        ),
        AssignTicket(ticket_id=ticket, assignee_id=api.people["service"]),
        CreateTask(
            task_id=task, title="Call", due_at=LONG_AGO, customer_id=person,
            assignee_id=api.people["sales"],
        ),
        CompleteTask(task_id=task, outcome="done"),
    )  # fmt: skip
    data = await api.data(
        """query ($ticket: ID!, $task: ID!) {
             ticket(by: {id: $ticket}) { subject status channel assignee { name } customer { name }
                                         history(first: 9) { totalCount } }
             task(id: $task) { title status dueAt assignee { name } customer { name } version }
             before: task(id: $task, asOf: {version: 1}) { status updatedAt } }""",
        ticket=str(ticket),
        task=str(task),
    )
    assert data["ticket"]["assignee"] == {"name": "The service"}
    assert data["ticket"]["customer"] == data["task"]["customer"] == {"name": "Ada"}
    assert (data["task"]["status"], data["before"]["status"]) == ("DONE", "OPEN")
    assert data["task"]["dueAt"] == "2024-05-06T07:00:00Z"


async def test_the_lead_of_the_demo_can_move_a_stage(api: Any, pipeline: UUID) -> None:
    deal = await opened(api, pipeline)
    data = await api.data(
        """mutation ($id: ID!) {
             opportunityMoveStage(input: {opportunityId: $id, stageId: "engaging"}) {
               userErrors { code message } receipt { position }
               opportunity { name stageId amount { amount currencyCode } } } }""",
        who="sales",
        id=str(deal),
    )
    answer = data["opportunityMoveStage"]
    assert answer["opportunity"]["stageId"] == "engaging"


# --- figures --------------------------------------------------------------------------------------


@pytest.fixture
async def own_api(database_url: str) -> AsyncIterator[Any]:
    """An API over an empty company, for figures that nobody else changes."""
    async with (
        open_services(database_url, bytes(32)) as services,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(services)), base_url="http://crm"
        ) as http,
    ):
        admin = derived_id(services.crm.tenant_id, "admin")
        for command in (
            InviteUser(user_id=admin, name="Admin", email="admin@example.com"),
            ActivateUser(user_id=admin),
            GrantRole(user_id=admin, role="admin"),
        ):
            await services.crm.execute(command, actor=SYSTEM)
        token, _ = services.tokens.issue(admin)

        async def data(document: str, **given: Any) -> Any:
            response = await http.post(
                "/graphql",
                json={"query": document, "variables": given},
                headers={"authorization": f"Bearer {token}"},
            )
            body = response.json()
            assert "errors" not in body, body
            return body["data"]

        async def given(*commands: Any, **sending: Any) -> int:
            for command in commands:
                receipt = await services.crm.execute(command, actor=SYSTEM, **sending)
            return receipt.position

        made = make_dataclass("OwnApi", ["data", "given", "admin"])
        yield made(data, given, admin)


async def test_a_report_as_of_a_position_is_what_it_was_then(own_api: Any) -> None:
    pipeline = new_id()
    report = """query ($asOf: AsOf, $minPosition: Position) {
      salesPipelineReport(asOf: $asOf, minPosition: $minPosition) {
        position rows { stageId status deals amount { amount currencyCode } weighted { amount }
                         stage { name } pipeline { name } } }
      salesFiguresReport(asOf: $asOf, groupBy: OWNER, minPosition: $minPosition) {
        rows { key open won lost wonAmount { amount } winRate } } }"""
    deals = [new_id() for _ in range(2)]
    await own_api.given(
        standard_pipeline(pipeline),
        *(
            OpenOpportunity(
                opportunity_id=deal, name="Deal", pipeline_id=pipeline, currency="EUR",
                owner_id=own_api.admin, amount=Money(Decimal(100), "EUR"),
            )
            for deal in deals
        ),
    )  # fmt: skip
    steps = [
        MoveStage(opportunity_id=deals[0], stage_id="engaging"),
        LoseOpportunity(opportunity_id=deals[1], reason_code="price"),
    ]
    captured = []
    for step in steps:
        position = await own_api.given(step)
        captured.append((position, await own_api.data(report, minPosition=position)))
    assert captured[0][1]["salesPipelineReport"]["rows"] == [
        cell(stage, 1, Decimal(share)) for stage, share in (("engaging", 25), ("prospecting", 10))
    ]
    (figures,) = captured[1][1]["salesFiguresReport"]["rows"]
    assert figures == {"key": str(own_api.admin), "open": 1, "won": 0, "lost": 1,
                       "wonAmount": {"amount": "0"}, "winRate": 0.0}  # fmt: skip
    for position, answer in captured:
        assert await own_api.data(report, asOf={"position": position}) == answer


def cell(stage: str, deals: int, probability: Decimal) -> dict[str, Any]:
    return {
        "stageId": stage,
        "status": "OPEN",
        "deals": deals,
        "amount": {"amount": "100.00", "currencyCode": "EUR"},
        "weighted": {"amount": f"{probability:.4f}"},
        "stage": {"name": stage.capitalize()},
        "pipeline": {"name": "Standard"},
    }


async def test_tickets_are_counted_as_they_wait(own_api: Any) -> None:
    position = await own_api.given(
        OpenTicket(subject="One", channel=TicketChannel.WEB),
        OpenTicket(subject="Two", channel=TicketChannel.WEB),
    )
    data = await own_api.data(
        """query ($p: Position) {
             ticketBacklogReport(minPosition: $p) {
               position rows { status tickets } }
             ticketDurationReport(minPosition: $p) { rows { measure counted medianDays } }
             nothing: ticketBacklogReport(asOf: {position: 0}) { rows { tickets } } }""",
        p=position,
    )
    assert data["ticketBacklogReport"] == {
        "position": position,
        "rows": [{"status": "NEW", "tickets": 2}],
    }
    (activity,) = data["ticketDurationReport"]["rows"]
    assert activity == {"measure": "ACTIVITY", "counted": 2, "medianDays": 0.0}
    assert data["nothing"] == {"rows": []}


async def test_a_report_has_no_version(api: Any) -> None:
    codes = await api.codes("{ salesPipelineReport(asOf: {version: 1}) { position } }")
    assert codes == ["BAD_USER_INPUT"]
