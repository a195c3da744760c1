"""The everyday sales: whom they are with, what is offered, and how chance decides them."""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

from crm_core.demo.companies import COMPANIES, Company, owner_at
from crm_core.demo.contacts import CALLED, CALLED_US, MET, VISITED, WROTE, WROTE_US, Talk
from crm_core.demo.deal import Deal
from crm_core.demo.staff import CHIARA
from crm_core.demo.story import END, Story
from crm_core.sales.opportunity.events import ContactRole
from crm_core.sales.pipeline.events import ForecastCategory

__all__ = ["COMPETITORS", "tell_deals"]

_DEALS: Final = 83
COMPETITORS: Final = ("kaldwerk", "northsteam", "bruma-macchine", "second-hand")

# Told elsewhere (meridiana.py, nordlys.py), or too small to need a machine.
_TOLD: Final = ("meridiana", "meridiana-milano", "meridiana-lyon", "nordlys", "nordlys-bergen",
                "valmadonna")  # fmt: skip
_QUIET_FROM: Final = {"segnalibro": 100.0, "harrow-north": 130.0}


class _Package(NamedTuple):
    """What is offered together: codes with quantities, and for what."""

    lines: tuple[tuple[str, int], ...]
    title: str


_PACKAGES: Final = (
    _Package((("LAN-2", 1), ("MOL-1", 2), ("ORM-1", 1)), "a bar with two groups"),
    _Package((("LAN-3", 1), ("MOL-S", 2), ("BOA-8", 1), ("ORM-1", 1)), "the station counter"),
    _Package((("LAN-1", 2), ("MOL-S", 2)), "two small bars"),
    _Package((("SEC-2", 3), ("CAN-12", 3)), "the breakfast room"),
    _Package((("SEC-2", 1), ("BOA-8", 1)), "the staff canteen"),
    _Package((("LAN-2", 4), ("MOL-1", 4), ("ORM-1", 4)), "four new shops"),
    _Package((("MOL-1", 6),), "six grinders"),
    _Package((("MOL-S", 3), ("KIT-G", 10)), "quiet grinders"),
    _Package((("CAN-12", 5),), "maintenance of five machines"),
    _Package((("LAN-1", 1), ("MOL-1", 1), ("BOA-8", 1)), "the tasting bar"),
    _Package((("LAN-3", 2), ("MOL-1", 4), ("CAN-12", 2)), "the roastery's showroom"),
    _Package((("KIT-G", 40), ("KIT-S", 20)), "parts for a year"),
)

_FIRST_WORDS: Final = (
    Talk(CALLED, "First call", "Their old machine is from 2011. They want numbers.", 14),
    Talk(CALLED_US, "Asks for an offer", "Has read about us in a trade paper.", 8),
    Talk(WROTE_US, "Asks for prices", "And whether we deliver within six weeks."),
    Talk(VISITED, "Looked at the place", "Enough water, enough current, a low ceiling.", 50),
    Talk(CALLED, "Tried to reach them", None, None),
)
_TASTINGS: Final = (
    Talk(MET, "Tasting at the works", "Four people, three roasts; they liked the steam.", 120),
    Talk(MET, "Tasting at theirs", "On their own beans. The grinder convinced them.", 90),
    Talk(VISITED, "Brought a machine to try", "For a week, against a deposit.", 35),
)
_OFFERS: Final = (
    Talk(WROTE, "Our offer", "Attached, valid for 30 days, delivered and installed."),
    Talk(WROTE, "Our offer, second version", "Without the softener, as discussed."),
    Talk(CALLED, "Went through the offer", "Delivery is the question, not the price.", 22),
)
_HAGGLING: Final = (
    Talk(CALLED, "About the discount", "Three per cent, if they pay in 14 days.", 18),
    Talk(MET, "About the contract", "Their lawyer wants a longer warranty.", 55),
)
_SOURCES: Final = ("referral", "website", "Fiera del Bar", "existing customer", "cold call")
_LOST_FOR: Final = ("price", "no-budget", "competitor", "timing", "no-answer")
_SLIPPED_FOR: Final = (
    "The board meets a month later",
    "Works on the building are late",
    "They wait for the subsidy",
    "Their buyer is ill",
)
_NEXT_STEPS: Final = (
    "Send references from the same trade",
    "Arrange a tasting",
    "Measure the counter",
    "Call after their inventory",
    "Have the contract signed",
)
# The way to the end: the stage, and the chance to lose the sale before it.
_WAY: Final = (("engaging", 0.15), ("proposal", 0.15), ("negotiation", 0.15), ("won", 0.15))


def tell_deals(story: Story) -> dict[str, float]:
    """The day of the first sale to each company, by its key."""
    first_wins: dict[str, float] = {}
    for number in range(_DEALS):
        chance = story.chance("deal", number)
        company, day = _whom(chance)
        package = chance.choice(_PACKAGES)
        owner = owner_at(company, day)
        name = f"{company.name}: {package.title}"
        deal = Deal(story, f"everyday-{number}", name, company, owner, day)
        if _live(deal, package, chance):
            first_wins[company.key] = min(deal.day, first_wins.get(company.key, END))
    _tell_waiting(story)
    return first_wins


def _tell_waiting(story: Story) -> None:
    """Whatever chance did with the others: one sale is on hold at the end."""
    company = COMPANIES["sahyadri"]
    deal = Deal(story, "monsoon", f"{company.name}: eleven verandas", company, CHIARA, 158.4)
    deal.opens(source="referral", close_in=40, code="LAN-1")
    deal.on(166.3)
    deal.moves("engaging")
    deal.is_worth(52_000)
    deal.on(174.2)
    deal.moves("proposal")
    deal.plans("Ask again when the rain is over", 45)
    deal.holds(45)


def _whom(chance: Random) -> tuple[Company, float]:
    """A company, and a day on which it is known and buys."""
    while True:
        company = chance.choice(list(COMPANIES.values()))
        day = chance.uniform(5, END - 4)
        last = _QUIET_FROM.get(company.key, END)
        if company.key not in _TOLD and company.day + 0.5 < day < last:
            return company, day


def _live(deal: Deal, package: _Package, chance: Random) -> bool:
    """From the first word to the end, or to the end of the story; whether it was won."""
    _begin(deal, package, chance)
    for stage_id, chance_to_lose in _WAY:
        if not deal.waits(chance.uniform(4, 24)):
            return False
        if chance.random() < 0.04:
            deal.holds(30)
            if not deal.waits(chance.uniform(8, 25)):
                return False
            deal.resumes()
        if chance.random() < chance_to_lose:
            return _lose(deal, stage_id, chance)
        if stage_id == "won":
            deal.wins()
            return True
        _enter(deal, stage_id, package, chance)
    raise AssertionError("the way ends with a sale")


def _begin(deal: Deal, package: _Package, chance: Random) -> None:
    deal.opens(
        source=chance.choice(_SOURCES),
        close_in=chance.uniform(30, 70),
        code=package.lines[0][0],
    )
    if chance.random() < 0.45:
        talk = chance.choice(_FIRST_WORDS)
        deal.talks(talk._replace(with_number=chance.choice((None, 0))))
    if chance.random() < 0.45:
        deal.plans(chance.choice(_NEXT_STEPS), chance.uniform(2, 12))
    if chance.random() < 0.4:
        deal.involves(ContactRole.DECISION_MAKER)


def _enter(deal: Deal, stage_id: str, package: _Package, chance: Random) -> None:
    """What happens on the way into a stage; the amount is there when the stages ask for it."""
    match stage_id:
        case "engaging":
            deal.moves(stage_id)
            if chance.random() < 0.3:
                deal.talks(chance.choice(_TASTINGS))
            if chance.random() < 0.3:
                deal.involves(chance.choice((ContactRole.EVALUATOR, ContactRole.USER)), 1)
            if chance.random() < 0.3:
                deal.meets(chance.choice(COMPETITORS))
        case "proposal":
            discount = chance.choice((0, 0, 0, 3, 5))
            for code, quantity in package.lines:
                deal.offers(code, quantity, discount)
            deal.moves(stage_id)
            if chance.random() < 0.35:
                deal.talks(chance.choice(_OFFERS)._replace(with_number=chance.choice((None, 0))))
        case "negotiation":
            if chance.random() < 0.4:
                deal.slips(chance.uniform(10, 30), chance.choice(_SLIPPED_FOR))
            deal.moves(stage_id)
            if chance.random() < 0.3:
                deal.talks(chance.choice(_HAGGLING))
            if chance.random() < 0.2:
                deal.doubts(chance.choice((40, 55, 90)), "From the way they talk about it")
            if chance.random() < 0.15:
                deal.forecasts(ForecastCategory.BEST_CASE)


def _lose(deal: Deal, stage_id: str, chance: Random) -> bool:
    """The sale is lost; now and then they come back, and then it is won soon or not at all."""
    reason = chance.choice(_LOST_FOR)
    deal.loses(reason, chance.choice(COMPETITORS) if reason in ("competitor", "price") else None)
    comes_back = stage_id == "won" and chance.random() < 0.4
    if not comes_back or not deal.waits(chance.uniform(8, 20)):
        return False
    deal.reopens("They have come back to us")
    if not deal.waits(chance.uniform(5, 15)):
        return False
    deal.wins()
    return True
