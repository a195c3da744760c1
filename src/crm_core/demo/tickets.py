"""The everyday tickets, and those that lie on the desk at the end."""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

from crm_core.demo.companies import COMPANIES, Company
from crm_core.demo.staff import INGRID, XIAO
from crm_core.demo.story import END, Colleague, Story
from crm_core.demo.ticket import Case
from crm_core.service.ticket.events import (
    RemedyType,
    TicketChannel,
    TicketPriority,
    TicketType,
)

__all__ = ["tell_tickets"]

_TICKETS: Final = 66
_XIAO_SERVES: Final = ("CN", "JP", "IN")


class _Problem(NamedTuple):
    """What a customer has, and what comes of it. `cause` and `remedy` are those of a complaint."""

    type: TicketType
    product: str | None
    subject: str
    says: str
    reply: str
    code: str
    summary: str | None = None
    cause: str | None = None
    remedy: RemedyType | None = None
    euros: int | None = None


_T, _R = TicketType, RemedyType
_PROBLEMS: Final = (
    _Problem(_T.QUESTION, "LAN-2", "How often are the gaskets changed?",
             "The manual says nothing of it.", "Once a year, or after 40,000 cups.", "answered"),
    _Problem(_T.QUESTION, "BOA-8", "Which hardness for the softener?",
             "Our water has 30 degrees.", "Set it to four. A strip for testing is on its way.",
             "answered"),
    _Problem(_T.QUESTION, "MOL-1", "Grinder for decaf?",
             "Can one grinder do both?", "It can, but you will taste it. Better take two.",
             "answered"),
    _Problem(_T.REQUEST, "KIT-G", "Gasket kit for two machines",
             "We need it this week.", "It leaves today.", "sent"),
    _Problem(_T.REQUEST, "CAN-12", "Another date for the yearly check",
             "We have guests that day.", "The 14th is free as well. Noted.", "rescheduled"),
    _Problem(_T.REQUEST, None, "Invoice to another address",
             "Our accounting has moved.", "Done; the next invoice goes there.", "changed"),
    _Problem(_T.REQUEST, "ORM-1", "Training for two new baristas",
             "They start on Monday.", "Xiao or I can come on Wednesday.", "planned"),
    _Problem(_T.INCIDENT, "LAN-2", "Left group is cold",
             "The right one is fine.", "That is the thermal fuse. Ours or your technician?",
             "part-replaced", "Thermal fuse of the left group replaced."),
    _Problem(_T.INCIDENT, "SEC-2", "Milk comes out cold",
             "Since the cleaning yesterday.", "The valve is in upside down; see the drawing.",
             "explained", "Valve was put in upside down after cleaning."),
    _Problem(_T.INCIDENT, "MOL-S", "Grinder jams on dark roast",
             "Twice a day.", "Open it by three clicks and send us a handful of the beans.",
             "adjusted", "Burrs adjusted, a nail found in the beans."),
    _Problem(_T.INCIDENT, "LAN-3", "Pump hums, no pressure",
             "Nine bar before, four now.", "Is the tap open? If so, we send the technician.",
             "part-replaced", "Pump of batch 1142 replaced."),
    _Problem(_T.INCIDENT, "LAN-1", "Display shows E07",
             "And nothing else works.", "Switch it off for ten minutes, then call me.",
             "explained", "Probe had lost contact; plugged in again."),
    _Problem(_T.COMPLAINT, "LAN-2", "Scratched on delivery",
             "The whole left side.", "I can see it on your photograph. That was us.",
             "panel-replaced", "New side panel fitted.", "packaging", _R.REPAIR),
    _Problem(_T.COMPLAINT, "ORM-1", "Nobody came",
             "We closed the shop for the training.", "You are right, and I am ashamed.",
             "came-later", "Training given a week later, free of charge.", "planning",
             _R.VOUCHER, 650),
    _Problem(_T.COMPLAINT, "CAN-12", "Third visit for the same fault",
             "What do we pay for?", "Understood. I have asked for the machine's whole past.",
             "root-cause-removed", "Faulty relay found at last.", "diagnosis", _R.CREDIT, 230),
    _Problem(_T.RETURN, "MOL-1", "Two grinders too many",
             "We ordered four and need two.", "Send them back within the month, unused.",
             "taken-back", "Two grinders returned and credited."),
)  # fmt: skip

_CHANNELS: Final = (TicketChannel.EMAIL, TicketChannel.EMAIL, TicketChannel.PHONE,
                    TicketChannel.WEB, TicketChannel.CHAT)  # fmt: skip
_PRIORITIES: Final = (TicketPriority.LOW, TicketPriority.NORMAL, TicketPriority.NORMAL,
                      TicketPriority.NORMAL, TicketPriority.HIGH)  # fmt: skip
_PRAISE: Final = {1: "Never again.", 2: "It took too long.", 3: None, 4: "Good.",
                  5: "Quick and friendly, as always."}  # fmt: skip


def tell_tickets(story: Story) -> None:
    for number in range(_TICKETS):
        chance = story.chance("ticket", number)
        company, day = _whose(chance)
        problem = _PROBLEMS[number % len(_PROBLEMS)]
        case = Case(
            story,
            f"everyday-{number}",
            problem.subject,
            company,
            day,
            agent=XIAO if company.country in _XIAO_SERVES else INGRID,
        )
        _live(case, problem, chance)
    _tell_spam_and_twins(story)
    _tell_desk(story)


def _whose(chance: Random) -> tuple[Company, float]:
    """A company, and a day on which it is known and still in business."""
    while True:
        company = chance.choice(list(COMPANIES.values()))
        day = chance.uniform(3, END - 8)
        if company.day + 1 < day and (company.key != "valmadonna" or day < 40):
            return company, day


def _live(case: Case, problem: _Problem, chance: Random) -> None:
    """From the first word to the end, or to the end of the story."""
    _arrive(case, problem, chance)
    if not case.waits(chance.uniform(0.02, 0.7)):
        return
    case.is_taken()
    if chance.random() < 0.2:
        case.notes(chance.choice(("Same customer as last month.", "Under warranty for half a year.",
                                  "Asked the works; they call back.")))  # fmt: skip
    if problem.cause is not None:
        case.acknowledges()
    case.replies(problem.reply)
    if not _wait_for_others(case, problem, chance):
        return
    if problem.cause is not None and problem.remedy is not None:
        case.finds(problem.cause, problem.summary or problem.subject)
        case.offers(problem.remedy, problem.euros)
        if not case.waits(chance.uniform(0.5, 3)):
            return
        if chance.random() < 0.8:
            case.accepts()
    if case.waits(chance.uniform(0.1, 2)):
        case.resolves(problem.code, problem.summary)
        _end(case, problem, chance)


def _arrive(case: Case, problem: _Problem, chance: Random) -> None:
    channel = chance.choice(_CHANNELS)
    case.opens(channel, problem.type, chance.choice(_PRIORITIES), product=problem.product)
    if channel is not TicketChannel.PHONE:
        if chance.random() < 0.4:
            case.queues("technicians" if problem.type is TicketType.INCIDENT else "first-line")
        if chance.random() < 0.6:
            case.hears(problem.says)


def _wait_for_others(case: Case, problem: _Problem, chance: Random) -> bool:
    """For the customer, for a part, for help from above; False where the story ends meanwhile."""
    if chance.random() < 0.25:
        case.awaits()
        if not case.waits(chance.uniform(0.3, 3)):
            return False
        case.hears(chance.choice(("Thank you, that helped.", "Still the same.", "Sent.")))
    if problem.type is TicketType.INCIDENT:
        if chance.random() < 0.25:
            case.presses(TicketPriority.URGENT)
            case.escalates(1, chance.choice(("no-technician", "customer-waits")))
        if chance.random() < 0.3:
            case.holds("Part is under way from the works")
            if not case.waits(chance.uniform(1, 4)):
                return False
            case.resumes()
    return True


def _end(case: Case, problem: _Problem, chance: Random) -> None:
    """How was it? Then the ticket is closed after five days, unless the customer comes back."""
    if chance.random() < 0.5:
        case.asks_how_it_was()
        if chance.random() < 0.7 and case.waits(chance.uniform(0.2, 1.5)):
            score = chance.choice((2, 3, 4, 4, 5, 5, 5))
            case.scores(score, _PRAISE[score])
    if chance.random() < 0.1 and case.waits(chance.uniform(0.5, 3)):
        case.reopens("It has come back")
        if not case.waits(chance.uniform(0.3, 2)):
            return
        case.replies("I am looking at it again.")
        if not case.waits(chance.uniform(0.2, 3)):
            return
        case.resolves(problem.code, problem.summary or "Settled the second time.")
    if case.waits(5):
        case.closes()


def _tell_spam_and_twins(story: Story) -> None:
    for number, (day, subject) in enumerate(
        ((21.3, "Your domain expires today!!!"), (93.8, "Cheap beans, best price"))
    ):
        spam = Case(story, f"spam-{number}", subject, None, day)
        spam.opens(TicketChannel.EMAIL, TicketType.QUESTION)
        spam.waits(0.1)
        spam.rejects("Spam")

    harrow = COMPANIES["harrow"]
    first = Case(story, "harrow-steam", "Steam wand drips", harrow, 72.2)
    first.opens(TicketChannel.WEB, TicketType.INCIDENT, product="LAN-2", external_id="W-20711")
    first.is_taken()
    second = Case(story, "harrow-steam-again", "RE: Steam wand drips", harrow, 72.5)
    second.opens(TicketChannel.EMAIL, TicketType.INCIDENT, product="LAN-2", external_id="W-20718")
    second.hears("I wrote by the form as well, did it arrive?")
    first.on(72.7)
    first.absorbs(second)
    first.replies("Both arrived. The kit is in tonight's parcel.")
    first.on(74.1)
    first.resolves("sent")
    first.on(79.1)
    first.closes()


class _OnDesk(NamedTuple):
    """A ticket that came in lately, and how far it got."""

    day: float
    company: str
    agent: Colleague
    problem: int
    got: str


_DESK: Final = (
    _OnDesk(181.2, "chenfan", XIAO, 10, "on hold"),
    _OnDesk(184.4, "kontor", INGRID, 9, "pending"),
    _OnDesk(185.6, "sonnleitner", INGRID, 12, "open"),
    _OnDesk(186.7, "kamome", XIAO, 3, "resolved"),
    _OnDesk(188.2, "okonkwo", INGRID, 8, "open"),
    _OnDesk(189.1, "harrow-north", INGRID, 7, "queued"),
    _OnDesk(189.6, "thistlewick", INGRID, 0, "new"),
)


def _tell_desk(story: Story) -> None:
    """One ticket at least in every state, whatever chance did with the others."""
    for number, lying in enumerate(_DESK):
        problem = _PROBLEMS[lying.problem]
        company = COMPANIES[lying.company]
        case = Case(story, f"desk-{number}", problem.subject, company, lying.day, agent=lying.agent)
        case.opens(TicketChannel.EMAIL, problem.type, product=problem.product)
        case.hears(problem.says)
        if lying.got == "queued":
            case.queues("technicians")
        if lying.got in ("new", "queued"):
            continue
        case.is_taken()
        case.replies(problem.reply)
        match lying.got:
            case "pending":
                case.awaits()
            case "on hold":
                case.holds("Pump is under way from the works")
            case "resolved":
                case.resolves(problem.code, problem.summary)
                case.asks_how_it_was()
