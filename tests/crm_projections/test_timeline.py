"""A customer's timeline: all its records, in order, and nothing that was redacted."""

from __future__ import annotations

from crm_core import SYSTEM, Command, Crm, Request
from crm_core.customers import RegisterPerson, RenameCustomer
from crm_core.engagement import RedactInteraction
from crm_core.service import OpenTicket, TicketChannel
from crm_projections.projection import project
from crm_projections.timeline.projection import TIMELINE, Timeline, TimelineRow
from projecting import ADA, CALL, call

ada = RegisterPerson(customer_id=ADA, name="Ada")


async def timeline_of(*commands: Command) -> list[TimelineRow]:
    crm = Crm.in_memory()
    outcomes = await crm.execute_many([Request(command=c, actor=SYSTEM) for c in commands])
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    events = [event async for page in crm.events() for event in page]
    return project(Timeline(), events).all(TIMELINE)


async def test_every_record_of_a_customer_is_on_it() -> None:
    ticket = OpenTicket(customer_id=ADA, subject="It clatters", channel=TicketChannel.PHONE)
    nobodys = OpenTicket(subject="Spam", channel=TicketChannel.EMAIL)
    renamed = RenameCustomer(customer_id=ADA, name="Ada Lovelace")
    rows = await timeline_of(ada, call, ticket, nobodys, renamed)
    assert [(row.type.rpartition(".")[2], row.text) for row in rows] == [
        ("registered", "Ada"),
        ("logged", "About the engine"),
        ("opened", "It clatters"),
        ("renamed", "Ada Lovelace"),
    ]


async def test_what_was_redacted_is_not_shown_any_more() -> None:
    rows = await timeline_of(ada, call, RedactInteraction(interaction_id=CALL, reason="asked"))
    assert [row.text for row in rows if row.record_id == CALL] == [None, None]
