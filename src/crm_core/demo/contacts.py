"""Calls, e-mails, meetings, visits and notes."""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

from crm_core.demo.companies import COMPANIES, Company, company_id, owner_at
from crm_core.demo.people import people_of, person_id
from crm_core.demo.staff import ANNA
from crm_core.demo.story import END, Colleague, Story
from crm_core.engagement.interaction.commands import (
    CorrectInteraction,
    LinkInteraction,
    LogEmail,
    LogInteraction,
    RedactInteraction,
)
from crm_core.engagement.interaction.events import (
    CallOutcome,
    InteractionChannel,
    InteractionDirection,
    InteractionLinkKind,
)

__all__ = ["CALLED", "CALLED_US", "MET", "NOTED", "VISITED", "WROTE", "WROTE_US", "Talk",
           "log_talk", "tell_contacts"]  # fmt: skip

_C, _D = InteractionChannel, InteractionDirection
CALLED: Final = (_C.CALL, _D.OUTBOUND)
CALLED_US: Final = (_C.CALL, _D.INBOUND)
WROTE: Final = (_C.EMAIL, _D.OUTBOUND)
WROTE_US: Final = (_C.EMAIL, _D.INBOUND)
MET: Final = (_C.MEETING, _D.OUTBOUND)
VISITED: Final = (_C.VISIT, _D.OUTBOUND)
NOTED: Final = (_C.NOTE, _D.INTERNAL)


class Talk(NamedTuple):
    """What was said. `with_number`: with whom, by order of acquaintance; None for nobody known."""

    how: tuple[InteractionChannel, InteractionDirection]
    subject: str
    body: str | None = None
    minutes: int | None = None
    outcome: CallOutcome | None = None
    with_number: int | None = None


def log_talk(
    story: Story,
    day: float,
    who: Colleague,
    company: Company,
    talk: Talk,
    *,
    opportunity_id: UUID | None = None,
    ticket_id: UUID | None = None,
) -> UUID:
    """The interaction, on the company's timeline and on that of the person spoken with."""
    channel, direction = talk.how
    customer_id = company_id(story, company)
    participant_ids = (story.user_id(who),)
    if channel is InteractionChannel.EMAIL:
        email = LogEmail(
            message_id=f"<{story.next_id('message')}@mail.example.com>",
            customer_id=customer_id,
            direction=direction,
            subject=talk.subject,
            body=talk.body,
            opportunity_id=opportunity_id,
            ticket_id=ticket_id,
            participant_ids=participant_ids,
        )
        interaction_id = email.interaction_id
        story.tell(day, who, email)
    else:
        interaction_id = story.next_id("interaction")
        is_call = channel is InteractionChannel.CALL
        logged = LogInteraction(
            interaction_id=interaction_id,
            customer_id=customer_id,
            channel=channel,
            direction=direction,
            subject=talk.subject,
            body=talk.body,
            opportunity_id=opportunity_id,
            ticket_id=ticket_id,
            duration_seconds=None if talk.minutes is None else talk.minutes * 60,
            outcome=(talk.outcome or CallOutcome.HELD) if is_call else None,
            participant_ids=participant_ids,
        )
        story.tell(day, who, logged)
    known = people_of(story, company, day)
    if talk.with_number is not None and talk.with_number < len(known):
        person = known[talk.with_number]
        linked = LinkInteraction(
            interaction_id=interaction_id,
            to=InteractionLinkKind.CUSTOMER,
            to_id=person_id(story, person),
        )
        story.tell(day + 0.002, who, linked)
    return interaction_id


_SMALL_TALK: Final = (
    Talk(NOTED, "New counter", "They are rebuilding it; ask again when it stands."),
    Talk(NOTED, "New head of coffee", "Likes long pre-infusion. Show the pressure profile."),
    Talk(NOTED, "Credit limit", "Accounting has raised it by a half after two good years."),
    Talk(NOTED, "Water", "42 °dH at the tap: never without a softener."),
    Talk(CALLED, "How is the machine doing?", "Happy. The drip tray could be deeper.", 9),
    Talk(CALLED, "Thanks for the visit", None, 4),
    Talk(CALLED, "Reminder of the yearly check", None, None, CallOutcome.MISSED),
    Talk(CALLED_US, "Asks for the wiring diagram", "Sent by e-mail right away.", 6),
    Talk(CALLED_US, "Asks who delivers on Saturdays", "Nobody; Friday afternoon is possible.", 5),
    Talk(WROTE, "The new price list", "Attached, valid from the first of next month."),
    Talk(WROTE, "Invitation to the tasting at the works", "Four machines, three roasts, lunch."),
    Talk(WROTE_US, "Photographs of the finished bar", "With the kind permission to print them."),
    Talk(VISITED, "Yearly visit", "Descaled, gaskets changed, two grinders adjusted.", 95),
    Talk(VISITED, "Training of the new baristas", "Six people, half a day.", 240),
    Talk(
        MET, "Review of the year", "Volumes are up by a tenth. They think about a third site.", 60
    ),
)
_SMALL_TALKS = 34


def tell_contacts(story: Story) -> None:
    """What is said between sales and tickets."""
    chance = story.chance("contacts")
    companies = [company for company in COMPANIES.values() if company.key != "valmadonna"]
    for number in range(_SMALL_TALKS):
        company = chance.choice(companies)
        day = chance.uniform(company.day + 1, END - 0.5)
        talk = _SMALL_TALK[number % len(_SMALL_TALK)]._replace(
            with_number=chance.choice((None, None, None, 0, 1))
        )
        interaction_id = log_talk(story, day, owner_at(company, day), company, talk)
        if number == 4:
            corrected = CorrectInteraction(
                interaction_id=interaction_id,
                body="Happy. The drip tray could be deeper, and the left group drips.",
                reason="Forgot half of it",
            )
            story.tell(min(day + 0.4, END), owner_at(company, day), corrected)
        elif number == 1:
            redacted = RedactInteraction(
                interaction_id=interaction_id, reason="Private, should not have been written down"
            )
            story.tell(min(day + 1.3, END), ANNA, redacted)
