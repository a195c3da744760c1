"""Real data in, one GraphQL query out: the figures that others computed from the same files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from crm_api.app import create_app
from crm_api.services import open_services
from crm_core import SYSTEM, Crm
from crm_core.identity import ActivateUser, GrantRole, InviteUser
from crm_core.importing.helpdesk import plan_helpdesk
from crm_core.importing.plan import NoteKind
from crm_core.importing.run import run_plan
from crm_core.importing.sales import plan_sales
from real_data import DATA, needs_real_data

pytestmark = needs_real_data

ROOT_KEY = bytes(32)
END_OF_JUNE = "2017-06-30T23:59:59.999Z"

FIGURES = """
query ($moment: DateTime!, $from: Date!, $to: Date!, $position: Position!) {
  all: salesFiguresReport(minPosition: $position) { rows { ...Figures } }
  agents: salesFiguresReport(groupBy: OWNER) { rows { ...Figures } }
  quarter: salesFiguresReport(where: {period: {from: $from, to: $to}}) { rows { ...Figures } }
  then: salesPipelineReport(effectiveAt: $moment) { rows { stageId status deals } }
  now: salesPipelineReport { rows { stageId status deals } }
  outcomes: salesOutcomesReport { rows { outcome deals events } }
  change: pipelineDiff(from: {effectiveAt: $moment}) { rows { change deals } }
  tickets: ticketDurationReport { rows { measure counted meanDays medianDays } }
  reopening: ticketReopeningReport { rows { tickets closed } }
}
fragment Figures on SalesFiguresRow {
  key label open won lost wonAmount { amount currencyCode } winRate cycleDays
}
"""


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[Any]:
    async with open_services(url, ROOT_KEY) as services:
        auditor = InviteUser(name="Otto", email="otto@example.com")
        for command in (
            auditor,
            ActivateUser(user_id=auditor.user_id),
            GrantRole(user_id=auditor.user_id, role="auditor"),
        ):
            await services.crm.execute(command, actor=SYSTEM)
        head = await services.crm.position()
        await services.runner.wait_for(services.crm.tenant_id, head, seconds=120)
        token, _ = services.tokens.issue(auditor.user_id)
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://crm") as http:

            async def ask(document: str, **given: Any) -> Any:
                answer = await http.post(
                    "/graphql",
                    json={"query": document, "variables": {"position": head} | given},
                    headers={"authorization": f"Bearer {token}"},
                )
                body = answer.json()
                assert "errors" not in body, body
                return body["data"]

            yield ask


async def test_the_figures_are_those_that_are_known(database_url: str) -> None:
    async with await Crm.open(database_url, root_key=ROOT_KEY) as crm:
        sales = await run_plan(crm, plan_sales(DATA / "sales", crm.tenant_id))
        log = DATA / "helpdesk" / "helpdesk.csv"
        helpdesk = await run_plan(crm, plan_helpdesk(log, crm.tenant_id))
        types = [event.type async for page in crm.events() for event in page]
    refused = [n for n in (*sales.notes, *helpdesk.notes) if n.kind is NoteKind.REFUSED]
    assert refused == []
    cleaned = [note.what for note in sales.notes if note.kind is NoteKind.CLEANED]
    assert (cleaned.count("product"), cleaned.count("sector")) == (1480, 12)
    assert sum(note.kind is NoteKind.MAPPED for note in sales.notes) == 1425
    assert types.count("service.ticket.activity_logged") == 21_348

    async with asking(database_url) as ask:
        data = await ask(
            FIGURES,
            moment=END_OF_JUNE,
            **{"from": "2017-04-01", "to": "2017-07-01"},
        )
        (all_deals,) = data["all"]["rows"]
        best = data["agents"]["rows"][0]
        (quarter,) = data["quarter"]["rows"]

    assert (all_deals["won"], all_deals["lost"], all_deals["open"]) == (4238, 2473, 1589 + 500)
    assert amount(all_deals) == 10_005_534
    assert round(all_deals["winRate"], 4) == 0.6315
    assert round(all_deals["cycleDays"], 2) == 51.78

    assert best["label"] == "Darcel Schlecht"
    assert (best["won"], best["won"] + best["lost"], amount(best)) == (349, 553, 1_153_214)
    assert amount(quarter) == 3_086_111

    assert deals(data["now"], "OPEN") == {"engaging": 1589, "prospecting": 500}
    assert deals(data["then"], "OPEN") == {"engaging": 1686}

    outcomes = {row["outcome"]: (row["deals"], row["events"]) for row in data["outcomes"]["rows"]}
    assert outcomes == {"WON": (4238, 4238), "LOST": (2473, 2473)}
    change = {row["change"]: row["deals"] for row in data["change"]["rows"]}
    assert (change["START"], change["END"]) == (1686, 1589 + 500)
    assert sum(change.values()) == 2 * change["END"]

    assert data["reopening"]["rows"] == [{"tickets": 4580, "closed": 4559}]
    (activity,) = (row for row in data["tickets"]["rows"] if row["measure"] == "ACTIVITY")
    assert activity["counted"] == 4580
    assert (round(activity["meanDays"], 2), round(activity["medianDays"], 2)) == (40.86, 39.86)


def amount(figures: Any) -> float:
    assert figures["wonAmount"]["currencyCode"] == "USD"
    return float(figures["wonAmount"]["amount"])


def deals(report: Any, status: str) -> dict[str, int]:
    return {cell["stageId"]: cell["deals"] for cell in report["rows"] if cell["status"] == status}
