"""Meridiana: the oldest customer complains, is lost, is won back, and buys more than ever.

The opening in Lyon stands under water twice. Renato Valsecchi stops every order, and the sale of
forty machines goes to Kaldwerk. Ingrid finds a bad batch of gaskets, Anna travels to Torino with a
new machine and a credit note, and after four months Meridiana asks again. The decision slips
twice, Davide leaves in the middle of it, and in the end all forty are sold.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from crm_core.customers.customer.commands import ChangeLifecycle, TagCustomer, UntagCustomer
from crm_core.customers.customer.events import Lifecycle
from crm_core.demo.companies import COMPANIES, company_id
from crm_core.demo.contacts import (
    CALLED,
    CALLED_US,
    MET,
    NOTED,
    VISITED,
    WROTE,
    WROTE_US,
    Talk,
    log_talk,
)
from crm_core.demo.deal import Deal
from crm_core.demo.staff import ANNA, CHIARA, DAVIDE, TOMMASO, XIAO
from crm_core.demo.story import LAST_MOMENT, Story
from crm_core.demo.ticket import Case
from crm_core.engagement.interaction.commands import LogInteraction
from crm_core.engagement.interaction.events import InteractionChannel, InteractionDirection
from crm_core.sales.opportunity.events import CompetitorStatus, ContactRole
from crm_core.sales.pipeline.events import ForecastCategory
from crm_core.service.ticket.events import (
    RemedyType,
    TicketChannel,
    TicketPriority,
    TicketType,
)

__all__ = ["last_note_id", "tell_meridiana"]

_GROUP: Final = COMPANIES["meridiana"]
_MILANO: Final = COMPANIES["meridiana-milano"]
_LYON: Final = COMPANIES["meridiana-lyon"]


def tell_meridiana(story: Story) -> None:
    _tell_milano(story)
    _sell_to_lyon(story)
    fleet = _begin_fleet(story)
    _tell_flood(story)
    _lose_them(story, fleet)
    _win_them_back(story, fleet)
    _tell_follow_up(story)
    _tell_last_note(story)


def last_note_id(story: Story) -> UUID:
    """The note with which the story ends."""
    return story.id("last note")


def _tell_milano(story: Story) -> None:
    """How it used to be: they buy without asking for the price."""
    deal = Deal(story, "milano", "Meridiana Milano: Via Tre Colombe", _MILANO, CHIARA, 8.2)
    deal.opens(source="existing customer", close_in=20, code="LAN-C")
    deal.talks(Talk(CALLED_US, "Two more Classica", "The same as last time, in green.", 5,
                    with_number=0))  # fmt: skip
    deal.on(11.4)
    deal.moves("engaging")
    deal.offers("LAN-C", 2, 5)
    deal.offers("MOL-1", 4, 5)
    deal.moves("proposal")
    deal.on(15.3)
    deal.wins()


def _sell_to_lyon(story: Story) -> None:
    deal = Deal(story, "lyon", "Meridiana Lyon: rue du Chat Gris", _LYON, DAVIDE, 14.1)
    deal.opens(source="existing customer", close_in=30, code="LAN-3")
    deal.involves(ContactRole.USER)
    deal.talks(Talk(VISITED, "Measured the counter in Lyon", "Opening on a Saturday.", 75,
                    with_number=0))  # fmt: skip
    deal.on(22.6)
    deal.moves("engaging")
    deal.offers("LAN-3", 2, 8)
    deal.offers("MOL-S", 3, 8)
    line = deal.offers("ORM-1", 1)
    deal.moves("proposal")
    deal.on(29.2)
    deal.discounts(line, 100)
    deal.plans("Installation before the opening", 10)
    deal.moves("negotiation")
    deal.on(34.5)
    deal.wins()


def _begin_fleet(story: Story) -> Deal:
    deal = Deal(story, "fleet", "Meridiana: forty machines for the new cafés", _GROUP, CHIARA, 31.1)
    deal.opens(source="existing customer", close_in=50, code="LAN-2")
    deal.involves(ContactRole.EVALUATOR)
    deal.talks(Talk(MET, "Twenty cafés in two years", "They want one machine everywhere.", 110,
                    with_number=0))  # fmt: skip
    deal.plans("Tasting with all store managers", 9)
    deal.on(40.3)
    deal.moves("engaging")
    deal.involves(ContactRole.DECISION_MAKER, 1)
    deal.involves(ContactRole.INFLUENCER, 2)
    deal.meets("kaldwerk")
    deal.talks(Talk(MET, "Tasting with all store managers", "Lanterna 2 before Kaldwerk, 14 to 6.",
                    180, with_number=1))  # fmt: skip
    deal.on(52.7)
    deal.offers("LAN-2", 40, 10)
    deal.offers("MOL-S", 60, 10)
    deal.offers("CAN-12", 40, 15)
    deal.moves("proposal")
    deal.is_shared({CHIARA: 80, DAVIDE: 20})
    deal.talks(Talk(WROTE, "Our offer for forty machines", "Attached, with the frame contract.",
                    with_number=0))  # fmt: skip
    return deal


def _tell_flood(story: Story) -> None:
    """The complaint: one boiler, two floods, a wrong repair and the right one."""
    case = Case(
        story, "flood", "Lyon: water under the Lanterna 3, opening is on Saturday", _GROUP, 60.1
    )
    case.opens(TicketChannel.PHONE, TicketType.INCIDENT, TicketPriority.HIGH, product="LAN-3")
    case.is_taken()
    case.replies("Please close the tap on the left. A technician comes tomorrow before noon.")
    case.notes("Nobody in France is free before Thursday. I am asking Torino.")
    case.on(60.9)
    case.presses(TicketPriority.URGENT)
    case.escalates(1, "no-technician")
    case.holds("Gasket set under way from Torino by courier")
    case.on(62.2)
    case.resumes()
    case.talks(Talk(VISITED, "Changed the boiler gasket", "Tight after an hour of steam.", 140))
    case.resolves("part-replaced", "Boiler gasket replaced; under pressure for an hour.")
    case.asks_how_it_was()
    case.on(62.8)
    case.scores(2, "A day of opening week lost.")
    case.on(65.1)
    case.hears("It is under water again, worse than before, with forty guests in the room.")
    case.reopens("It leaks again")
    case.turns_into(TicketType.COMPLAINT)
    case.acknowledges()
    case.replies("I am so sorry. Our own technician takes the next train.")
    case.escalates(2, "customer-director")
    case.talks(Talk(CALLED_US, "Renato Valsecchi calls", "He wants to hear Anna, not me.", 3,
                    with_number=1))  # fmt: skip
    case.on(66.4)
    case.talks(
        Talk(CALLED, "Anna calls Meridiana", "No excuse made. He does not believe us.", 24), ANNA
    )
    case.notes("Third gasket of batch 0917 that fails. Asking the foundry.")
    case.on(74.3)
    case.finds("gasket-batch", "Batch 0917 was cured too cold; 212 gaskets, 31 of them delivered.")
    case.offers(RemedyType.REPLACEMENT)
    case.replies("It was our part. You get a new machine, and a technician for the change.")
    case.awaits()
    case.on(78.2)
    case.hears("A new machine does not bring the guests of opening week back.")
    case.offers(RemedyType.CREDIT, 4_800)
    case.on(81.6)
    case.accepts()
    case.resolves("machine-replaced", "New Lanterna 3, credit of 4,800 euros, batch 0917 recalled.")
    case.asks_how_it_was()
    case.on(83.1)
    case.scores(4, "In the end you did what you said.")
    case.on(88.0)
    case.closes()


def _lose_them(story: Story, fleet: Deal) -> None:
    group_id = company_id(story, _GROUP)
    fleet.on(63.2)
    fleet.doubts(30, "They talk of nothing but Lyon")
    fleet.on(66.6)
    fleet.sees("kaldwerk", CompetitorStatus.LEADING)
    fleet.talks(Talk(WROTE_US, "We stop all orders", "Until further notice. R. Valsecchi",
                     with_number=1))  # fmt: skip
    fleet.on(68.3)
    fleet.loses("trust", "kaldwerk")
    story.tell(
        68.4,
        CHIARA,
        ChangeLifecycle(
            customer_id=group_id, to=Lifecycle.CHURNED, reason="Two floods at the opening in Lyon"
        ),
    )
    story.tell(68.41, CHIARA, TagCustomer(customer_id=group_id, tag="win-back"))
    note = Talk(NOTED, "What we learn from Lyon", "Who promises a date must have a technician.")
    log_talk(story, 69.2, ANNA, _GROUP, note)


def _win_them_back(story: Story, fleet: Deal) -> None:
    group_id = company_id(story, _GROUP)
    for day, who, talk in (
        (84.2, ANNA, Talk(VISITED, "To Torino, with an apology", "An hour on batch 0917.", 65,
                          with_number=1)),
        (97.5, XIAO, Talk(WROTE, "Test report on the new gaskets", "12,000 hours. Attached.",
                          with_number=2)),
        (108.3, CHIARA, Talk(CALLED, "How is Lyon?", "Not a drop in two months.", 12,
                             with_number=0)),
        (115.4, CHIARA, Talk(WROTE_US, "Can we talk about the forty again?",
                             "Kaldwerk delivers late. Giulia", with_number=0)),
    ):  # fmt: skip
        log_talk(story, day, who, _GROUP, talk)
    back = ChangeLifecycle(customer_id=group_id, to=Lifecycle.ACTIVE, reason="They ask us again")
    story.tell(116.1, CHIARA, back)
    story.tell(116.11, CHIARA, UntagCustomer(customer_id=group_id, tag="win-back"))
    fleet.on(116.2)
    fleet.reopens("Kaldwerk cannot deliver; they ask us again")
    fleet.slips(60, "Starting over")
    fleet.plans("New offer with the better maintenance", 6)
    fleet.on(124.3)
    fleet.talks(Talk(MET, "Second round", "Maintenance within a day, or a penalty. Fine.", 95,
                     with_number=1))  # fmt: skip
    fleet.moves("negotiation")
    fleet.forecasts(ForecastCategory.BEST_CASE)
    fleet.on(138.5)
    fleet.slips(20, "Their bank wants to see the frame contract")
    fleet.on(150.5)
    fleet.is_shared({CHIARA: 80, TOMMASO: 20})
    fleet.on(158.2)
    fleet.slips(25, "The board meets a month later")
    fleet.doubts(85, "Their managing director gave his word")
    fleet.on(169.4)
    fleet.sees("kaldwerk", CompetitorStatus.ELIMINATED)
    fleet.talks(Talk(MET, "Signing in Torino", "Forty machines, sixty grinders, and a good lunch.",
                     150, with_number=1))  # fmt: skip
    fleet.wins()
    story.tell(169.5, CHIARA, TagCustomer(customer_id=group_id, tag="reference"))


def _tell_follow_up(story: Story) -> None:
    """A late question about the same machine: too late to reopen the ticket."""
    case = Case(
        story, "lyon-again", "Lyon: is the new gasket in the second machine too?", _GROUP, 130.2
    )
    case.opens(TicketChannel.EMAIL, TicketType.QUESTION, product="LAN-3",
               follow_up_of=story.id("ticket", "flood"))  # fmt: skip
    case.hears("We would sleep better if we knew.")
    case.on(130.4)
    case.is_taken()
    case.replies("Yes, both have gaskets of batch 1031. The report is attached.")
    case.resolves("answered")
    case.asks_how_it_was()
    case.on(132.2)
    case.scores(5)
    case.on(137.1)
    case.closes()


def _tell_last_note(story: Story) -> None:
    note = LogInteraction(
        interaction_id=last_note_id(story),
        customer_id=company_id(story, _GROUP),
        channel=InteractionChannel.NOTE,
        direction=InteractionDirection.INTERNAL,
        subject="For the Monday round",
        body="Lost after three months, signed for forty after eight. Tell it to Noor.",
    )
    story.tell(LAST_MOMENT, ANNA, note)
