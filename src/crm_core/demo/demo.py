"""Tells the story to a CRM, or the rest of it where it was broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from crm_core.crm import Crm
from crm_core.demo import cleaning, meridiana, nordlys
from crm_core.demo.companies import COMPANIES, company_id, tell_companies, tell_lifecycles
from crm_core.demo.contacts import tell_contacts
from crm_core.demo.deals import tell_deals
from crm_core.demo.offer import tell_offer
from crm_core.demo.people import tell_people
from crm_core.demo.staff import ANNA, CHIARA, PAOLO, tell_staff
from crm_core.demo.story import FIRST_ACT, Story, first_day_before
from crm_core.demo.tasks import tell_tasks
from crm_core.demo.tickets import tell_tickets
from crm_core.kernel.errors import CrmError
from crm_core.kernel.messages import Request

__all__ = ["DemoCompany", "make_demo"]

Progress = Callable[[int, int], None]  # commands done, commands in all

_BATCH_COMMANDS: Final = 250  # so that progress can be seen, and little is lost when it is killed


@dataclass(frozen=True, slots=True)
class DemoCompany:
    """Where to look first. Everybody signs in with the password of the first run."""

    name: str
    admin_email: str
    sales_email: str
    auditor_email: str
    customer_id: UUID  # Meridiana: complaint, loss, return, and the biggest sale of all
    merged_customer_id: UUID  # was merged into Giulia Ferri's record
    open_opportunity_id: UUID  # ready for `next_stage_id`
    next_stage_id: str
    escalated_ticket_id: UUID  # urgent, escalated twice, and still open


async def make_demo(
    crm: Crm,
    *,
    seed: int = 1,
    now: datetime,
    password: str,
    progress: Progress | None = None,
) -> DemoCompany:
    """A made-up company with nine months of history that end on the working day before `now`.

    Running it again is harmless: a story that was broken off is told to its end, with the days it
    began with; one that was told is left alone. So `now` and `password` count at the first run
    only. One tenant takes one story: with another seed the users' addresses are taken. Raises the
    refusal, if a rule of the domain refuses any of it.
    """
    story = await _story(crm, seed, now)
    if not await crm.history(meridiana.last_note_id(story)):
        _tell(story, password)
        await _execute(crm, story, progress)
    return DemoCompany(
        name="Officine Faro",
        admin_email=ANNA.email,
        sales_email=CHIARA.email,
        auditor_email=PAOLO.email,
        customer_id=company_id(story, COMPANIES["meridiana"]),
        merged_customer_id=cleaning.double_id(story),
        open_opportunity_id=nordlys.bergen_id(story),
        next_stage_id=nordlys.NEXT_STAGE_ID,
        escalated_ticket_id=nordlys.steam_id(story),
    )


async def _story(crm: Crm, seed: int, now: datetime) -> Story:
    """The story that ends before `now`; or the one that was begun, by the day it began on."""
    story = Story(crm.tenant_id, seed, first_day_before(now))
    begun = await crm.history(story.user_id(ANNA))
    if not begun:
        return story
    return Story(crm.tenant_id, seed, begun[0].happened_at.astimezone(UTC).date())


def _tell(story: Story, password: str) -> None:
    tell_staff(story, password)
    tell_offer(story)
    tell_companies(story)
    tell_people(story)
    meridiana.tell_meridiana(story)
    nordlys.tell_nordlys(story)
    first_wins = tell_deals(story)
    tell_lifecycles(story, first_wins | {"nordlys": nordlys.OSLO_WON_ON})
    tell_tickets(story)
    tell_contacts(story)
    tell_tasks(story)
    cleaning.tell_cleaning(story)


async def _execute(crm: Crm, story: Story, progress: Progress | None) -> None:
    requests = story.requests()
    named = [request.command_id for request in requests if request.command_id is not None]
    # A repeated command is answered by the ledger only if its sender still has the right to it,
    # which a colleague who has left has not: what was done is not sent again.
    known = await crm.store.ledger.results(crm.tenant_id, named)
    done = 0
    for batch in _batches(story, requests):
        outcomes = await crm.execute_many([r for r in batch if r.command_id not in known])
        for outcome in outcomes:
            if isinstance(outcome, CrmError):
                raise outcome
        done += len(batch)
        if progress is not None:
            progress(done, len(requests))
        await asyncio.sleep(0)  # a ledger in memory never waits, but others may want to


def _batches(story: Story, requests: Sequence[Request]) -> Iterator[Sequence[Request]]:
    """The first day by itself: a user may act once the batch that lets the user in is stored."""
    first_acts_at = story.at(FIRST_ACT)
    set_up = [r for r in requests if r.effective_at is not None and r.effective_at < first_acts_at]
    yield set_up
    for start in range(len(set_up), len(requests), _BATCH_COMMANDS):
        yield requests[start : start + _BATCH_COMMANDS]
