"""What users own is the same by read models as by the ledger, and is handed over once."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from crm_core import SYSTEM, Command, Crm, CrmError, Lagging, Request, Selection, new_id
from crm_core.access.records import OPEN_STATUSES
from crm_core.access.rights import EVERYTHING, Reach
from crm_core.catalog import ERASING
from crm_core.customers import (
    ArchiveCustomer,
    AssignCustomerOwner,
    Customer,
    MergeCustomers,
    RegisterPerson,
)
from crm_core.engagement import AssignTask, CancelTask, CreateTask, DeferTask, StartTask, Task
from crm_core.identity import ActivateUser, DeactivateUser, InviteUser, User
from crm_core.ledger.postgres.connections import Pool
from crm_core.owned import LedgerOwned
from crm_core.sales import (
    AssignOpportunityOwner,
    DefinePipeline,
    HoldOpportunity,
    LoseOpportunity,
    OpenOpportunity,
)
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.service import (
    AssignTicket,
    HoldTicket,
    OpenTicket,
    QueueTicket,
    RejectTicket,
    ResolveTicket,
    TicketChannel,
)
from crm_projections.owned import OWNED, ReadModelOwned
from crm_projections.runner import ProjectionRunner
from projecting import tell

PROCESS = Path(__file__).with_name("handing_over_process.py")
ROOT_KEY = bytes(range(32))  # that of the fixtures
ROSA, SAM, TOM, BOB = (UUID(int=n) for n in range(1, 5))
PIPELINE = DefinePipeline(name="Standard", stages=STANDARD_STAGES)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

Start = Callable[[], Awaitable[asyncio.subprocess.Process]]


def a_life(rnd: random.Random) -> list[Command]:
    """A record of some kind, whose it is and what became of it."""
    owner, other, of = rnd.choice((ROSA, SAM)), rnd.choice((ROSA, SAM, TOM)), new_id()
    begun, steps = rnd.choice(
        [
            (
                [
                    RegisterPerson(customer_id=of, name="P"),
                    AssignCustomerOwner(customer_id=of, owner_id=owner),
                ],
                [
                    AssignCustomerOwner(customer_id=of, owner_id=other),
                    ArchiveCustomer(customer_id=of),
                    MergeCustomers(customer_id=BOB, loser_ids=(of,)),
                    ERASING["customer"](customer_id=of),
                ],
            ),
            (
                [
                    OpenOpportunity(
                        opportunity_id=of, name="$", pipeline_id=PIPELINE.pipeline_id,
                        owner_id=owner, currency="EUR",
                    )
                ],
                [
                    AssignOpportunityOwner(opportunity_id=of, owner_id=other),
                    HoldOpportunity(opportunity_id=of),
                    LoseOpportunity(opportunity_id=of, reason_code="price"),
                ],
            ),
            (
                [
                    OpenTicket(ticket_id=of, subject="?", channel=TicketChannel.EMAIL),
                    AssignTicket(ticket_id=of, assignee_id=owner),
                ],
                [
                    AssignTicket(ticket_id=of, assignee_id=other),
                    QueueTicket(ticket_id=of, queue="second-line"),
                    HoldTicket(ticket_id=of, reason="spare part"),
                    ResolveTicket(ticket_id=of, code="fixed"),
                    RejectTicket(ticket_id=of, reason="spam"),
                ],
            ),
            (
                [CreateTask(task_id=of, title="!", due_at=NOON, assignee_id=owner)],
                [
                    AssignTask(task_id=of, assignee_id=other),
                    StartTask(task_id=of),
                    DeferTask(task_id=of, until=NOON),
                    CancelTask(task_id=of, reason="no more"),
                ],
            ),
        ]
    )  # fmt: skip
    return [*begun, *rnd.sample(steps, rnd.randrange(3))]


async def users(crm: Crm) -> None:
    for user_id in (ROSA, SAM, TOM):
        await tell(crm, InviteUser(user_id=user_id, name="U"), ActivateUser(user_id=user_id))


@pytest.mark.parametrize("seed", range(4))
async def test_read_models_and_ledger_agree_about_what_is_whose(
    crm: Crm, runner: ProjectionRunner, projector: Pool, seed: int
) -> None:
    rnd = random.Random(seed)
    await users(crm)
    await tell(crm, PIPELINE, RegisterPerson(customer_id=BOB, name="Bob"))
    lives = [command for _ in range(120) for command in a_life(rnd)]
    await crm.execute_many([Request(command=command, actor=SYSTEM) for command in lives])
    await runner.catch_up(crm.tenant_id)
    ledger = LedgerOwned(crm.aggregates, crm.tenant_id)
    models = ReadModelOwned(crm, projector)

    whole = await ledger.page({ROSA, SAM}, after=None, limit=1_000)
    assert {record.kind for record in whole} == set(OPEN_STATUSES) == set(OWNED)
    assert await models.page({ROSA, SAM}, after=None, limit=1_000) == whole
    for limit in (1, 7, 50):
        pages, after = [], None
        while page := await models.page({ROSA, SAM}, after=after, limit=limit):
            assert len(page) <= limit
            pages += page
            after = page[-1].kind, page[-1].record_id
        assert pages == whole

    some = frozenset(record.record_id for record in rnd.sample(whole, 30))
    for reach in (EVERYTHING, Reach(owners=frozenset({ROSA})), Reach(records=some), Reach()):
        within = {"customer": reach, "task": reach, "ticket": EVERYTHING}
        for owner_id in (ROSA, SAM):
            counts = await ledger.count(owner_id, within, some)
            assert await models.count(owner_id, within, some) == counts
            assert await models.count(owner_id, within) == await ledger.count(owner_id, within)


async def test_who_seems_to_own_nothing_because_read_models_lag_does_not_leave(
    crm: Crm, runner: ProjectionRunner, projector: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_projections.shown._SHOWN_SECONDS", 0.1)
    crm.owned = ReadModelOwned(crm, projector)
    await users(crm)
    await runner.catch_up(crm.tenant_id)
    await tell(crm, CreateTask(title="!", due_at=NOON, assignee_id=ROSA))
    with pytest.raises(Lagging):
        await crm.execute(DeactivateUser(user_id=ROSA), SYSTEM)
    await runner.catch_up(crm.tenant_id)
    with pytest.raises(CrmError, match=r"user\.owns_records"):
        await crm.execute(DeactivateUser(user_id=ROSA), SYSTEM)


# --- killed in the middle -------------------------------------------------------------------------


@pytest.fixture
async def start(database_url: str) -> AsyncIterator[Start]:
    """Starts a process that hands over; all end with the test."""
    begun = []

    async def started() -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROCESS),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        begun.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{database_url}\n{ROOT_KEY.hex()}\n".encode())
        assert await process.stdout.readline() == b"ready\n"
        return process

    yield started
    for process in begun:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def owners(crm: Crm, ids: list[UUID]) -> Counter[UUID]:
    found = await crm.owners(ids)
    return Counter(owner for owner in found.values() if owner is not None)


async def test_a_hand_over_that_is_killed_half_way_goes_on_and_does_nothing_twice(
    crm: Crm, runner: ProjectionRunner, start: Start
) -> None:
    await users(crm)
    people, tasks = [new_id() for _ in range(300)], [new_id() for _ in range(300)]
    for person in people:
        await tell(
            crm,
            RegisterPerson(customer_id=person, name="P"),
            AssignCustomerOwner(customer_id=person, owner_id=ROSA),
        )
    await tell(
        crm, *(CreateTask(task_id=t, title="!", due_at=NOON, assignee_id=ROSA) for t in tasks)
    )
    await runner.catch_up(crm.tenant_id)
    begun = await crm.execute(DeactivateUser(user_id=ROSA, successor_id=SAM), SYSTEM)
    given_to_tom = people[-1]

    process = await start()
    async with asyncio.timeout(60):
        while (await owners(crm, people))[SAM] < 20:  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.005)
    process.kill()
    await process.wait()
    half_way = await owners(crm, [*people, *tasks])
    assert half_way[SAM] >= 20
    assert half_way[ROSA] > 0, "it was over before it was killed"
    by_hand = Request(
        command=AssignCustomerOwner(customer_id=given_to_tom, owner_id=TOM), actor=SYSTEM
    )
    await crm.execute_many([by_hand])
    assert (await crm.get(User, ROSA)).is_handing_over

    await asyncio.gather(start(), start())  # two servers at once
    async with asyncio.timeout(60):
        while (await crm.get(User, ROSA)).is_handing_over:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    expected = Counter({SAM: 599, TOM: 1})
    assert await owners(crm, [*people, *tasks]) == expected
    caused = [
        event.record_id
        async for page in crm.events(Selection(categories=[Customer.TOPIC, Task.TOPIC]))
        for event in page
        if event.stored.causation_id == begun.event_ids[-1]
    ]
    assert len(caused) == len(set(caused))
    assert set(caused) | {given_to_tom} == {*people, *tasks}
