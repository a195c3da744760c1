"""Nordlys: the hotels that are still being won, and the ticket that presses today.

Oslo buys, Stockholm goes to Northsteam, Bergen is where the next step is to be taken now; and at
breakfast in Oslo the steam has been failing for days.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from crm_core.demo.companies import COMPANIES
from crm_core.demo.contacts import CALLED, CALLED_US, MET, VISITED, WROTE, WROTE_US, Talk, log_talk
from crm_core.demo.deal import Deal
from crm_core.demo.staff import ANNA, TOMMASO, XIAO
from crm_core.demo.story import Story
from crm_core.demo.ticket import Case
from crm_core.sales.opportunity.events import CompetitorStatus, ContactRole
from crm_core.service.ticket.events import TicketChannel, TicketPriority, TicketType

__all__ = ["NEXT_STAGE_ID", "OSLO_WON_ON", "bergen_id", "steam_id", "tell_nordlys"]

NEXT_STAGE_ID: Final = "negotiation"  # of the sale to Bergen, which lies before them as an offer
OSLO_WON_ON: Final = 47.3

_OSLO: Final = COMPANIES["nordlys"]
_BERGEN: Final = COMPANIES["nordlys-bergen"]
_STRAND: Final = COMPANIES["nordlys-strand"]


def bergen_id(story: Story) -> UUID:
    """The sale to Bergen: open, with an amount and a date, waiting for its next stage."""
    return story.id("deal", "bergen")


def steam_id(story: Story) -> UUID:
    """The ticket that is open, urgent and escalated twice."""
    return story.id("ticket", "steam")


def tell_nordlys(story: Story) -> None:
    _sell_to_oslo(story)
    _lose_stockholm(story)
    _offer_to_bergen(story)
    _tell_steam(story)


def _sell_to_oslo(story: Story) -> None:
    talk = Talk(MET, "At our stand, Fiera del Bar", "Six hotels. Bean to cup at breakfast.", 20)
    log_talk(story, 9.6, TOMMASO, _OSLO, talk)
    deal = Deal(story, "oslo", "Nordlys Oslo: breakfast for 600", _OSLO, TOMMASO, 12.4)
    deal.opens(source="Fiera del Bar", close_in=25, code="SEC-2")
    deal.involves(ContactRole.EVALUATOR)
    deal.on(21.2)
    deal.moves("engaging")
    deal.meets("northsteam")
    deal.talks(Talk(VISITED, "A Secca 2 for a week", "380 cups on the first morning.", 60,
                    with_number=0))  # fmt: skip
    deal.on(30.5)
    deal.offers("SEC-2", 6, 4)
    deal.offers("CAN-12", 6)
    deal.moves("proposal")
    deal.talks(Talk(WROTE, "Our offer for Oslo", "In kroner, delivered to the quay."))
    deal.on(38.1)
    deal.slips(15, "Budget of the next quarter")
    deal.involves(ContactRole.DECISION_MAKER, 1)
    deal.moves("negotiation")
    deal.on(OSLO_WON_ON)
    deal.sees("northsteam", CompetitorStatus.ELIMINATED)
    deal.wins()


def _lose_stockholm(story: Story) -> None:
    deal = Deal(story, "strand", "Nordlys Strand: three lobby bars", _STRAND, TOMMASO, 63.2)
    deal.opens(source="referral", close_in=40, code="LAN-2")
    deal.meets("northsteam", CompetitorStatus.LEADING)
    deal.on(71.7)
    deal.moves("engaging")
    deal.is_worth(31_000)
    deal.on(80.3)
    deal.moves("proposal")
    deal.holds(20)
    deal.on(97.1)
    deal.resumes()
    deal.is_worth(27_500)
    deal.on(103.6)
    deal.sees("northsteam", CompetitorStatus.WON)
    deal.loses("competitor", "northsteam")
    twice = Deal(story, "strand-twice", "Nordlys Strand, lobby", _STRAND, TOMMASO, 64.1)
    twice.opens(source="website", close_in=40)
    twice.on(66.2)
    twice.archives("Entered twice; the other one goes on")


def _offer_to_bergen(story: Story) -> None:
    deal = Deal(story, "bergen", "Nordlys Bergen: lobby bars", _BERGEN, TOMMASO, 141.3)
    deal.opens(source="referral", close_in=55, code="LAN-2")
    deal.involves(ContactRole.DECISION_MAKER)
    deal.talks(Talk(CALLED_US, "Sigrid Myhre calls", "Oslo speaks well of us. Most days.", 17,
                    with_number=0))  # fmt: skip
    deal.on(155.4)
    deal.moves("engaging")
    deal.talks(Talk(MET, "Tasting in Bergen", "Rain, four guests, two of them convinced.", 100,
                    with_number=1))  # fmt: skip
    deal.on(170.1)
    deal.offers("LAN-2", 3, 5)
    deal.offers("MOL-S", 6, 5)
    deal.offers("ORM-1", 3)
    deal.moves("proposal")
    deal.talks(Talk(WROTE, "Our offer for Bergen", "Attached; it holds for six weeks.",
                    with_number=0))  # fmt: skip
    deal.on(183.4)
    deal.slips(12, "They want to see how Oslo's ticket ends")
    deal.talks(Talk(WROTE_US, "We like the offer", "Send us the contract, please. Sigrid",
                    with_number=0))  # fmt: skip
    deal.plans("Send the contract", 8)


def _tell_steam(story: Story) -> None:
    case = Case(story, "steam", "Steam fails in the breakfast hour", _OSLO, 183.1)
    case.opens(TicketChannel.EMAIL, TicketType.INCIDENT, TicketPriority.HIGH, product="SEC-2")
    case.queues("technicians")
    case.hears("Three of six machines, always between seven and eight.")
    case.on(183.3)
    case.is_taken()
    case.replies("Which software do they show at start-up?")
    case.awaits()
    case.on(184.1)
    case.hears("All of them 2.4.1.")
    case.notes("2.4.1 lowers the boiler at dawn. Xiao has 2.4.2 on her bench.")
    case.on(185.2)
    case.presses(TicketPriority.URGENT)
    case.escalates(1, "breakfast-down")
    case.on(186.2)
    case.talks(Talk(CALLED, "Aino Saarinen", "600 guests on Friday. She counts on us.", 11,
                    with_number=2), ANNA)  # fmt: skip
    case.escalates(2, "key-account")
    case.on(187.2)
    case.is_taken(XIAO)
    case.replies("Version 2.4.2 is running on your first machine since this morning.")
