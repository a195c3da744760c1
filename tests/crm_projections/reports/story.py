"""One company's story, told once: all that reports are easily wrong about happens in it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from crm_core import Money
from crm_core.sales import (
    AssignOpportunityOwner,
    LoseOpportunity,
    MoveStage,
    OpenOpportunity,
    ReopenOpportunity,
    SetAmount,
    SetCloseDate,
    WinOpportunity,
)
from crm_core.service.ticket import commands as t
from crm_core.service.ticket import events as te

from .histories import ANNA, BO, FULL, SAME, Step

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DEALS = [UUID(int=n) for n in range(101, 106)]
TICKETS_OPENED = [UUID(int=n) for n in range(111, 115)]


def story() -> list[Step]:
    """Five deals, one of them in yen: one comes back to be won, one goes again as it comes."""
    steps = [
        Step((
            OpenOpportunity(
                opportunity_id=deal, name="Deal", pipeline_id=FULL, owner_id=ANNA,
                currency=currency, amount=Money(Decimal(100 + number), currency),
            ),
        ))
        for number, (deal, currency) in enumerate(zip(DEALS, ["EUR"] * 4 + ["JPY"], strict=True))
    ]  # fmt: skip
    first, second, third, fourth, _ = DEALS
    again = ReopenOpportunity(opportunity_id=first, reason="They call back")
    back = ReopenOpportunity(opportunity_id=second, reason="They call back")
    return [
        *steps,
        Step((MoveStage(opportunity_id=first, stage_id="b"),), 3 * DAY),
        Step((WinOpportunity(opportunity_id=first),), 10 * DAY),
        Step((again,), 5 * DAY),
        Step((SetAmount(opportunity_id=first, amount=Money(Decimal(70), "EUR")),)),
        Step((WinOpportunity(opportunity_id=first, final_amount=Money(Decimal(65), "EUR")),)),
        Step((MoveStage(opportunity_id=third, stage_id="b"),), 40 * DAY),
        Step((MoveStage(opportunity_id=second, stage_id="b"),), HOUR),
        Step((LoseOpportunity(opportunity_id=second, reason_code="price"),)),
        Step((back,)),
        Step((LoseOpportunity(opportunity_id=second, reason_code="timing"),), HOUR, SAME),
        Step((SetCloseDate(opportunity_id=fourth, close_date=date(2026, 4, 1)),)),
        Step((SetCloseDate(opportunity_id=fourth, close_date=date(2026, 4, 9)),)),
        Step((AssignOpportunityOwner(opportunity_id=fourth, owner_id=BO),), HOUR, 9 * DAY),
        *(ticket_step for ticket in TICKETS_OPENED for ticket_step in ticket_story(ticket)),
    ]


def ticket_story(ticket: UUID) -> list[Step]:
    """One that is answered after so many hours as its number says, and resolved a day later."""
    opened = t.OpenTicket(ticket_id=ticket, subject="Help", channel=te.TicketChannel.WEB)
    reply = t.CommentOnTicket(
        ticket_id=ticket, visibility=te.CommentVisibility.PUBLIC,
        author_kind=te.CommentAuthorKind.AGENT, body="Hello",
    )  # fmt: skip
    return [
        Step((opened,)),
        Step((reply,), (ticket.int - 110) ** 2 * HOUR),
        Step((t.ResolveTicket(ticket_id=ticket, code="fixed"),)),
        Step((t.ReopenTicket(ticket_id=ticket, reason="again"),), HOUR),
    ]
