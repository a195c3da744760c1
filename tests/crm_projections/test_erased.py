"""Whoever was erased is erased in every read model, whoever applies what when (R56, G10)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT_KEY
from crm_core import SYSTEM, Command, Crm, Lagging, RecordedEvent, Request
from crm_core.customers import Customer, EraseCustomer, RegisterPerson
from crm_core.engagement import CreateTask, EraseTask
from crm_core.ledger.event_store import EventStore
from crm_core.ledger.postgres.connections import Pool
from crm_core.ledger.records import StoredEvent
from crm_core.privacy import keys
from crm_core.sales import (
    DefinePipeline,
    EraseOpportunity,
    OpenOpportunity,
    SetNextStep,
    SetOpportunityCustomer,
)
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.service import (
    CommentAuthorKind,
    CommentOnTicket,
    CommentVisibility,
    EraseTicket,
    OpenTicket,
    TicketChannel,
)
from crm_projections.digest import digest_of
from crm_projections.forgetting import ReadModels
from crm_projections.projection import Projection, project
from crm_projections.registry import PROJECTIONS
from crm_projections.rows import Rows
from crm_projections.runner import ProjectionRunner
from crm_projections.ticket_queue.projection import TICKETS, TicketQueue
from crm_projections.timeline.projection import TIMELINE, Timeline
from golden.corpus import lived
from golden.stories import ADA
from projecting import folded, tell
from strategies import PEOPLE, customer_commands

CANARY = "Canary"
TICKET, EVE = UUID(int=901), UUID(int=902)


async def events_of(crm: Crm, after: int = 0) -> list[RecordedEvent]:
    return [event async for page in crm.events(after=after) for event in page]


async def erase(crm: Crm, *stores: Any, customer_id: UUID = ADA) -> None:
    command = EraseCustomer(customer_id=customer_id)
    await crm.execute(command, SYSTEM)
    await crm.erasing.finish(command.erasure_id, stores)


async def texts(url: str) -> str:
    """All that the read models hold, as text."""
    found = []
    async with await psycopg.AsyncConnection.connect(url) as connection:
        names = await connection.execute(
            "select tablename from pg_tables where schemaname = 'read_model'"
        )
        for (name,) in await names.fetchall():
            rows = await connection.execute(f"select t::text from read_model.{name} as t")
            found += [row for (row,) in await rows.fetchall()]
    return "\n".join(found)


# --- blanked rows are those that a rebuild makes --------------------------------------------------


async def blanked_and_rebuilt(
    crm: Crm, projections: Sequence[Projection], customer_id: UUID
) -> list[tuple[str, str, str]]:
    """By projection, the digest of rows that were there when the key went, and of later ones."""
    before = await events_of(crm)
    live = {projection: project(projection, before) for projection in projections}
    await erase(crm, customer_id=customer_id)
    after = await events_of(crm, before[-1].position)
    everything_again = await events_of(crm)
    return [
        (
            projection.name,
            digest_of(projection, project(projection, after, rows)),
            digest_of(projection, project(projection, everything_again)),
        )
        for projection, rows in live.items()
    ]


async def test_blanked_rows_are_those_that_a_rebuild_makes() -> None:
    async with await lived() as crm:
        for name, blanked, rebuilt in await blanked_and_rebuilt(crm, PROJECTIONS, ADA):
            assert blanked == rebuilt, name


async def tell_all(crm: Crm, commands: Sequence[Command]) -> None:
    for command in commands:
        await crm.execute(command, SYSTEM)


@given(st.lists(customer_commands(), max_size=25), st.sampled_from(PEOPLE))
@settings(max_examples=60)
def test_they_are_whatever_happened_to_the_customer(commands: list[Command], who: UUID) -> None:
    async def check() -> None:
        crm = Crm.in_memory()
        people = [RegisterPerson(customer_id=who, name=CANARY)]
        await crm.execute_many([Request(command=c, actor=SYSTEM) for c in (*people, *commands)])
        for name, blanked, rebuilt in await blanked_and_rebuilt(crm, PROJECTIONS, who):
            assert blanked == rebuilt, name

    asyncio.run(check())


async def test_a_projection_that_does_not_blank_is_found() -> None:
    """The planted bug: a text column, and nobody said whom it is about."""
    forgetful = replace(TIMELINE, about=())

    class Forgetful(Timeline):
        tables = (forgetful,)

    async with await lived() as crm:
        ((_, blanked, rebuilt),) = await blanked_and_rebuilt(crm, [Forgetful()], ADA)
        assert blanked != rebuilt


NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
DEAL, TASK = UUID(int=71), UUID(int=72)
PIPELINE = DefinePipeline(name="Standard", stages=STANDARD_STAGES)
OF_NOBODY: dict[str, tuple[list[Command], Command]] = {
    "task": (
        [CreateTask(task_id=TASK, title=CANARY, due_at=NOON, assignee_id=UUID(int=73))],
        EraseTask(task_id=TASK),
    ),
    "opportunity": (
        [
            PIPELINE,
            OpenOpportunity(
                opportunity_id=DEAL, name=CANARY, pipeline_id=PIPELINE.pipeline_id,
                owner_id=UUID(int=73), currency="EUR",
            ),
            SetNextStep(opportunity_id=DEAL, text=CANARY),
        ],
        EraseOpportunity(opportunity_id=DEAL),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", OF_NOBODY)
async def test_what_is_about_nobody_is_blanked_as_a_rebuild_makes_it(kind: str) -> None:
    told, erasing = OF_NOBODY[kind]
    async with Crm.in_memory() as crm:
        await tell_all(crm, told)
        before = await events_of(crm)
        live = {projection: project(projection, before) for projection in PROJECTIONS}
        assert CANARY in as_text(live)
        await crm.execute(erasing, SYSTEM)
        for projection, rows in live.items():
            project(projection, await events_of(crm, before[-1].position), rows)
            rebuilt = project(projection, await events_of(crm))
            assert digest_of(projection, rows) == digest_of(projection, rebuilt), projection.name
        assert CANARY not in as_text(live)


def as_text(live: dict[Projection, Rows]) -> str:
    return repr([rows.all(table) for of, rows in live.items() for table in of.tables])


@pytest.mark.parametrize("about", ["nobody", "nobody, and nothing is blanked"])
async def test_a_ticket_of_nobody_is_blanked_as_a_rebuild_makes_it(about: str) -> None:
    """With the planted bug: rows that are said to be about customers alone."""
    of_customers = replace(TICKETS, about=("customer_id",))

    class OfCustomers(TicketQueue):
        tables = (of_customers, *TicketQueue.tables[1:])

    is_planted = about != "nobody"
    projection = OfCustomers() if is_planted else TicketQueue()
    async with Crm.in_memory() as crm:
        opened = OpenTicket(ticket_id=TICKET, subject=CANARY, channel=TicketChannel.EMAIL)
        await crm.execute(opened, SYSTEM)
        rows = project(projection, await events_of(crm))
        seen = await crm.position()
        await crm.execute(EraseTicket(ticket_id=TICKET), SYSTEM)
        blanked = digest_of(projection, project(projection, await events_of(crm, seen), rows))
        rebuilt = digest_of(projection, project(projection, await events_of(crm)))
        assert (blanked != rebuilt) is is_planted


# --- what was written while it was nobody's ------------------------------------------------------


async def test_a_deal_that_was_nobodys_is_erased_with_who_it_was_given_to(
    scenario_of_deals: Callable[[Crm], Awaitable[UUID]],
) -> None:
    async with Crm.in_memory() as crm:
        deal = await scenario_of_deals(crm)
        results = await blanked_and_rebuilt(crm, PROJECTIONS, EVE)
        assert all(blanked == rebuilt for _, blanked, rebuilt in results)
        assert CANARY not in repr([event.data for event in await crm.history(deal)])


@pytest.fixture
def scenario_of_deals() -> Callable[[Crm], Awaitable[UUID]]:
    async def told(crm: Crm) -> UUID:
        pipeline = DefinePipeline(name="Standard", stages=STANDARD_STAGES)
        deal = OpenOpportunity(
            name=f"{CANARY}'s first order",
            pipeline_id=pipeline.pipeline_id,
            owner_id=UUID(int=5),
            currency="EUR",
        )
        await tell_all(
            crm,
            [
                pipeline,
                RegisterPerson(customer_id=EVE, name=CANARY),
                deal,
                SetOpportunityCustomer(opportunity_id=deal.opportunity_id, customer_id=EVE),
            ],
        )
        return deal.opportunity_id

    return told


# --- whoever applies what, when -------------------------------------------------------------------


async def with_eve(crm: Crm) -> None:
    await tell(
        crm,
        RegisterPerson(customer_id=EVE, name=CANARY, email=f"{CANARY}@example.com"),
        OpenTicket(
            ticket_id=TICKET,
            customer_id=EVE,
            subject=f"{CANARY} writes",
            channel=TicketChannel.EMAIL,
        ),
    )


async def test_read_models_blank_their_rows_and_say_so(
    crm: Crm, runner: ProjectionRunner, projector: Pool, database_url: str
) -> None:
    await with_eve(crm)
    await runner.catch_up(crm.tenant_id)
    assert CANARY in await texts(database_url)

    command = EraseCustomer(customer_id=EVE)
    await crm.execute(command, SYSTEM)
    stores = [ReadModels(projector, PROJECTIONS)]
    with pytest.raises(Lagging):
        await crm.erasing.finish(command.erasure_id, stores)
    await runner.catch_up(crm.tenant_id)
    erasure = await crm.erasing.finish(command.erasure_id, stores)
    await runner.catch_up(crm.tenant_id)

    counts = {receipt.store: receipt.count for receipt in erasure.receipts}
    assert counts["read model customer_directory"] == 1
    assert counts["read model ticket_queue"] == 1
    assert counts["read model timeline"] == 4
    assert CANARY.lower() not in (await texts(database_url)).lower()
    assert await runner.digests(crm.tenant_id) == await folded(crm)


class Interrupted(EventStore):
    """Something happens after events were decoded, and before they are applied."""

    between: Callable[[], Awaitable[None]] | None = None

    async def decode_to_keep(self, stored: Sequence[StoredEvent]) -> list[RecordedEvent]:
        events = await super().decode_to_keep(stored)
        between, self.between = self.between, None
        if between is not None:
            await between()
        return events


async def test_what_was_decoded_before_the_key_went_is_blanked_after_it_is_written(
    crm: Crm, projector: Pool, database_url: str
) -> None:
    await with_eve(crm)
    store = Interrupted(crm.store.ledger, crm.store.keyring)
    runner = ProjectionRunner(store, projector, PROJECTIONS)
    await runner.prepare()

    async def erased_meanwhile() -> None:
        await crm.execute(EraseCustomer(customer_id=EVE), SYSTEM)

    store.between = erased_meanwhile
    await runner.catch_up(crm.tenant_id)
    await runner.catch_up(crm.tenant_id)  # the first one goes to where the head was
    assert CANARY not in await texts(database_url)
    assert await runner.digests(crm.tenant_id) == await folded(crm)


async def late_comment(crm: Crm, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Crm:
    """Another process, which still has the key, writes about somebody who was erased."""
    monkeypatch.setattr(keys, "_LOOK_SECONDS", 3600.0)
    await with_eve(crm)
    other = await Crm.open(database_url, root_key=ROOT_KEY)
    assert (await other.get(Customer, EVE)).name == CANARY
    await crm.execute(EraseCustomer(customer_id=EVE), SYSTEM)
    comment = CommentOnTicket(
        ticket_id=TICKET,
        visibility=CommentVisibility.PUBLIC,
        author_kind=CommentAuthorKind.AGENT,
        body=f"Dear {CANARY}",
    )
    await other.execute(comment, SYSTEM)
    return other


async def test_a_process_that_still_has_the_key_brings_nothing_back(
    crm: Crm, projector: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await late_comment(crm, database_url, monkeypatch) as other:
        runner = ProjectionRunner(other.store, projector, PROJECTIONS)
        await runner.prepare()
        await runner.catch_up(other.tenant_id)
    assert CANARY not in await texts(database_url)


async def test_a_runner_that_trusts_the_keys_it_holds_is_found(
    crm: Crm, projector: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: what is kept is decoded by whatever key the process remembers."""
    async with await late_comment(crm, database_url, monkeypatch) as other:
        monkeypatch.setattr(EventStore, "decode_to_keep", EventStore.decode)
        runner = ProjectionRunner(other.store, projector, PROJECTIONS)
        await runner.prepare()
        await runner.catch_up(other.tenant_id)
    assert CANARY in await texts(database_url)
