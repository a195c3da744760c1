"""The made-up company: one story for everybody, told once, wherever it is broken off."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from argon2 import PasswordHasher

from crm_core import Actor, CrmError, ManualClock, Rejected
from crm_core.crm import Crm
from crm_core.customers.customer.customer import Customer, CustomerStatus
from crm_core.customers.customer.events import ContactPointAdded, ContactPointType
from crm_core.demo import DemoCompany, make_demo
from crm_core.demo.story import Story, first_day_before
from crm_core.identity import passwords
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.messages import ActorKind
from crm_core.ledger.event_store import RecordedEvent, fold
from crm_core.sales.opportunity.commands import MoveStage
from crm_core.sales.opportunity.events import OpportunityStatus, StageChanged
from crm_core.sales.opportunity.opportunity import Opportunity
from crm_core.service.ticket.events import TicketPriority, TicketStatus
from crm_core.service.ticket.ticket import Ticket

NOW = datetime(2026, 6, 15, 0, 5, tzinfo=UTC)  # five past midnight: nothing of today is told
PASSWORD = "a lighthouse for coffee"

# Ofcom, NANPA, Arcep, Bundesnetzagentur and PTS set these aside for films and books.
FICTION = re.compile(
    r"\+442079460\d{3}|\+121255501\d\d|\+3319900\d{4}|\+493023125\d{3}|\+468465004\d\d"
)


@dataclass(frozen=True)
class Told:
    crm: Crm
    company: DemoCompany
    events: list[RecordedEvent]

    def records(self) -> dict[UUID, Aggregate]:
        streams: dict[UUID, list[Any]] = {}
        for event in self.events:
            streams.setdefault(event.record_id, []).append(event.data)
        records = {record_id: fold(stream) for record_id, stream in streams.items()}
        return {record_id: record for record_id, record in records.items() if record is not None}


@pytest.fixture(scope="module", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Argon2 with hardly any rounds: what is tested here is not how hard a hash is to make."""
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "_HASHER", cheap)
        yield


@pytest.fixture(scope="module")
async def told(cheap_passwords: None) -> Told:
    crm = empty_crm()
    company = await make_demo(crm, now=NOW, password=PASSWORD)
    return Told(crm, company, await all_of(crm))


def empty_crm() -> Crm:
    return Crm.in_memory(clock=ManualClock(NOW))


async def all_of(crm: Crm) -> list[RecordedEvent]:
    return [event async for page in crm.events() for event in page]


def facts(event: RecordedEvent) -> tuple[Any, ...]:
    """All of an event that the ledger does not give; hashes of passwords are salted."""
    data = {name: value for name, value in vars(event.data).items() if name != "password_hash"}
    stored = event.stored
    return (
        event.type,
        event.record_id,
        event.version,
        event.happened_at,
        event.actor,
        stored.command_id,
        stored.reason,
        data,
    )


# --- the story ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(1, 6))
async def test_no_rule_refuses_any_of_it_whatever_the_seed(seed: int) -> None:
    crm = empty_crm()
    await make_demo(crm, seed=seed, now=NOW, password=PASSWORD)
    assert 1_800 <= await crm.position() <= 2_500


async def test_it_is_as_large_as_a_small_company(told: Told) -> None:
    records = Counter(record.TOPIC for record in told.records().values())
    assert records["identity.user"] == 8
    assert records["sales.product"] == 12
    assert records["sales.pipeline"] == 1
    assert records["engagement.task"] == 20
    assert 80 <= records["customers.customer"] <= 90
    assert 85 <= records["sales.opportunity"] <= 95
    assert 75 <= records["service.ticket"] <= 85
    assert 120 <= records["engagement.interaction"] <= 170


async def test_opportunities_and_tickets_stand_in_every_state(told: Told) -> None:
    records = told.records().values()
    opportunities = {record.status for record in records if isinstance(record, Opportunity)}
    tickets = {record.status for record in records if isinstance(record, Ticket)}
    assert opportunities == set(OpportunityStatus)
    assert tickets == set(TicketStatus)


async def test_it_happened_in_working_hours_before_today_and_is_recorded_now(told: Told) -> None:
    for event in told.events:
        happened_at = event.happened_at
        assert happened_at.weekday() < 5
        assert 8 <= happened_at.hour < 17
        assert happened_at.date() < NOW.date()
        assert event.recorded_at >= NOW
    days = told.events[-1].happened_at - told.events[0].happened_at
    assert timedelta(days=250) < days < timedelta(days=290)


async def test_what_happened_first_is_recorded_first(told: Told) -> None:
    moments = [event.happened_at for event in told.events]
    assert moments == sorted(moments)


async def test_colleagues_act_themselves_and_not_after_they_have_left(told: Told) -> None:
    by_users = [event for event in told.events if event.actor.kind is ActorKind.USER]
    assert len(by_users) > 0.7 * len(told.events)
    (left,) = [event for event in told.events if event.type == "identity.user.deactivated"]
    own = [event.position for event in by_users if event.actor.id == str(left.record_id)]
    assert own
    assert max(own) < left.position
    orphans = [
        record
        for record in told.records().values()
        if isinstance(record, Opportunity)
        and record.status in (OpportunityStatus.OPEN, OpportunityStatus.ON_HOLD)
        and record.owner_id == left.record_id
    ]
    assert orphans == []


async def test_nobody_in_it_can_be_written_to_or_called(told: Told) -> None:
    points = [event.data for event in told.events if isinstance(event.data, ContactPointAdded)]
    emails = [p.value for p in points if p.type is ContactPointType.EMAIL]
    phones = [p.value for p in points if p.type is ContactPointType.PHONE]
    assert len(set(emails)) == len(emails) > 50
    assert all(re.fullmatch(r".+@example\.(com|net|org)", str(email)) for email in emails)
    assert len(set(phones)) == len(phones) > 20
    assert all(FICTION.fullmatch(str(number)) for number in phones)


@pytest.mark.parametrize("days", range(7))
def test_it_ends_on_the_last_working_day_before_today(days: int) -> None:
    today = NOW + timedelta(days=days)
    story = Story(UUID(int=1), 1, first_day_before(today))
    assert story.date(0).weekday() < 5
    last = story.date(189)
    assert last < today.date() <= story.date(190)


def test_a_story_that_begins_on_a_thursday_goes_on_after_the_weekend() -> None:
    story = Story(UUID(int=1), 1, date(2026, 1, 1))
    assert [story.date(day).day for day in (0, 1, 2, 6, 7)] == [1, 2, 5, 9, 12]
    assert story.at(1.5) == datetime(2026, 1, 2, 12, 30, tzinfo=UTC)


# --- what is worth showing ------------------------------------------------------------------------


async def test_the_named_colleagues_sign_in_with_the_password(told: Told) -> None:
    for email, role in (
        (told.company.admin_email, "admin"),
        (told.company.sales_email, "sales"),
        (told.company.auditor_email, "auditor"),
    ):
        user = await told.crm.authenticate(email, PASSWORD)
        assert user is not None
        assert user.roles == {role}
        assert await told.crm.authenticate(email, "another password") is None


async def test_the_named_records_are_what_they_are_said_to_be(told: Told) -> None:
    crm, company = told.crm, told.company
    merged = await crm.get(Customer, company.merged_customer_id)
    ticket = await crm.get(Ticket, company.escalated_ticket_id)
    assert len(await crm.history(company.customer_id)) > 12
    assert merged.status is CustomerStatus.MERGED
    assert ticket.status is TicketStatus.OPEN
    assert ticket.priority is TicketPriority.URGENT
    assert ticket.cycle.escalation_level == 2


async def test_the_named_opportunity_can_take_the_named_step(told: Told) -> None:
    seller = await told.crm.authenticate(told.company.sales_email, PASSWORD)
    assert seller is not None
    step = MoveStage(
        opportunity_id=told.company.open_opportunity_id, stage_id=told.company.next_stage_id
    )
    (event,) = await told.crm.rehearse(step, actor=Actor.user(seller.id))
    assert isinstance(event, StageChanged)


# --- telling it twice -----------------------------------------------------------------------------


async def test_the_same_seed_tells_the_same_story(told: Told) -> None:
    crm = empty_crm()
    company = await make_demo(crm, now=NOW + timedelta(hours=23), password=PASSWORD)
    assert company == told.company
    assert [facts(event) for event in await all_of(crm)] == [facts(event) for event in told.events]


async def test_another_seed_tells_another_story_in_another_tenant_only(told: Told) -> None:
    crm = empty_crm()
    await make_demo(crm, seed=2, now=NOW, password=PASSWORD)
    kinds = Counter(event.type for event in await all_of(crm))
    assert kinds != Counter(event.type for event in told.events)
    with pytest.raises(Rejected, match=r"claim\.taken"):
        await make_demo(crm, seed=3, now=NOW, password=PASSWORD)


async def test_a_story_that_was_told_is_left_alone(told: Told) -> None:
    next_month = NOW + timedelta(days=30)
    again = await make_demo(told.crm, now=next_month, password="forgotten in between")
    assert again == told.company
    assert await told.crm.position() == len(told.events)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.85])  # the last one after Davide has left
async def test_a_story_that_was_broken_off_is_told_to_its_end(told: Told, share: float) -> None:
    crm = empty_crm()
    await break_off(crm, share)
    assert 0 < await crm.position() < len(told.events)

    next_week = NOW + timedelta(days=8)
    company = await make_demo(crm, now=next_week, password=PASSWORD)
    assert company == told.company
    assert [facts(event) for event in await all_of(crm)] == [facts(event) for event in told.events]


async def test_postgres_tells_the_same_story(told: Told, crm: Crm) -> None:
    await break_off(crm, 0.5)
    company = await make_demo(crm, now=NOW, password=PASSWORD)
    assert company == told.company
    assert [facts(event) for event in await all_of(crm)] == [facts(event) for event in told.events]


async def test_progress_is_told_to_the_last_command() -> None:
    seen: list[tuple[int, int]] = []
    await make_demo(
        empty_crm(),
        now=NOW,
        password=PASSWORD,
        progress=lambda done, in_all: seen.append((done, in_all)),
    )
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] > 1_500


async def test_a_refusal_is_raised() -> None:
    too_short = "short"
    with pytest.raises(CrmError, match=r"command\.invalid"):
        await make_demo(empty_crm(), now=NOW, password=too_short)


async def break_off(crm: Crm, share: float) -> None:
    """Kills the telling once that share of the commands is stored."""

    def kill(done: int, in_all: int) -> None:
        if done >= share * in_all:
            running.cancel()

    running = asyncio.create_task(make_demo(crm, now=NOW, password=PASSWORD, progress=kill))
    with pytest.raises(asyncio.CancelledError):
        await running
