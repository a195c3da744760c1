"""What is due, of whatever kind, is what one finds by going through all events (R56)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT_KEY
from crm_core import SYSTEM, Command, Crm, RecordedEvent, Rejected, Request, new_id
from crm_core.access.records import kind_of
from crm_core.catalog import AGGREGATES, ERASING
from crm_core.customers import ArchiveCustomer, RegisterPerson, TagCustomer
from crm_core.engagement import CancelTask, CompleteTask, CreateTask, DeferTask, StartTask
from crm_core.identity import ActivateUser, DeactivateUser, GrantRole, InviteUser, SuspendUser
from crm_core.ledger.postgres.connections import open_pool
from crm_core.privacy import RetentionAction, RetentionKind, SetRetention
from crm_core.privacy.erasure.events import SubjectErasureRequested
from crm_core.sales import (
    ArchiveOpportunity,
    DefinePipeline,
    HoldOpportunity,
    LoseOpportunity,
    OpenOpportunity,
    ReopenOpportunity,
    SetNextStep,
)
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.service import (
    AssignTicket,
    CloseTicket,
    HoldTicket,
    OpenTicket,
    RejectTicket,
    ReopenTicket,
    ResolveTicket,
    TicketChannel,
)
from crm_projections import idle
from crm_projections.registry import PROJECTIONS
from crm_projections.retention import Retaining
from crm_projections.runner import ProjectionRunner

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
OWNER, ADA = UUID(int=8), UUID(int=9)
PIPELINE = DefinePipeline(name="Standard", stages=STANDARD_STAGES)

Begin = Callable[[UUID, UUID | None], Command]
Step = Callable[[UUID], Command]

# By kind, how a record begins, of a customer or of nobody, and what can happen to it then.
LIVES: Mapping[str, tuple[Begin, Sequence[Step]]] = {
    "customer": (
        lambda of, _: RegisterPerson(customer_id=of, name="P"),
        (
            lambda of: TagCustomer(customer_id=of, tag="vip"),
            lambda of: ArchiveCustomer(customer_id=of),
            lambda of: OpenTicket(subject="?", channel=TicketChannel.EMAIL, customer_id=of),
        ),
    ),
    "ticket": (
        lambda of, customer: OpenTicket(
            ticket_id=of, subject="?", channel=TicketChannel.EMAIL, customer_id=customer
        ),
        (
            lambda of: AssignTicket(ticket_id=of, assignee_id=OWNER),
            lambda of: HoldTicket(ticket_id=of, reason="spare part"),
            lambda of: ResolveTicket(ticket_id=of, code="fixed"),
            lambda of: CloseTicket(ticket_id=of),
            lambda of: ReopenTicket(ticket_id=of, reason="again"),
            lambda of: RejectTicket(ticket_id=of, reason="spam"),
        ),
    ),
    "task": (
        lambda of, customer: CreateTask(
            task_id=of, title="!", due_at=NOON, assignee_id=OWNER, customer_id=customer
        ),
        (
            lambda of: StartTask(task_id=of),
            lambda of: DeferTask(task_id=of, until=NOON),
            lambda of: CompleteTask(task_id=of, outcome="done"),
            lambda of: CancelTask(task_id=of, reason="no more"),
        ),
    ),
    "opportunity": (
        lambda of, customer: OpenOpportunity(
            opportunity_id=of, name="$", pipeline_id=PIPELINE.pipeline_id, owner_id=OWNER,
            currency="EUR", customer_id=customer,
        ),
        (
            lambda of: SetNextStep(opportunity_id=of, text="Call"),
            lambda of: HoldOpportunity(opportunity_id=of),
            lambda of: LoseOpportunity(opportunity_id=of, reason_code="price"),
            lambda of: ReopenOpportunity(opportunity_id=of, reason="again"),
            lambda of: ArchiveOpportunity(opportunity_id=of, reason="twice"),
        ),
    ),
    "user": (
        lambda of, _: InviteUser(user_id=of, name="U"),
        (
            lambda of: ActivateUser(user_id=of),
            lambda of: SuspendUser(user_id=of, reason="away"),
            lambda of: GrantRole(user_id=of, role="sales"),
            lambda of: DeactivateUser(user_id=of),
        ),
    ),
}  # fmt: skip
OVER = {
    "ticket": {"RESOLVED", "CLOSED", "REJECTED", "MERGED"},
    "task": {"DONE", "CANCELLED"},
    "opportunity": {"WON", "LOST", "ARCHIVED"},
    "user": {"DEACTIVATED"},
}


class Life(NamedTuple):
    """A record's: what happens to it, each with the days since, and whether it is erased then."""

    kind: str
    is_adas: bool
    began_days_ago: int
    steps: list[tuple[int, int]]
    erased: bool

    def requests(self) -> list[Request]:
        begin, steps = LIVES[self.kind]
        record_id = new_id()
        told = [(begin(record_id, ADA if self.is_adas else None), self.began_days_ago)]
        told += [(steps[step % len(steps)](record_id), days) for step, days in self.steps]
        if self.erased:
            erases = ERASING[self.kind]
            told.append((erases(**{erases.TARGET: record_id}), 0))
        now = datetime.now(UTC)
        return [
            Request(command=command, actor=SYSTEM, effective_at=now - timedelta(days=days))
            for command, days in told
        ]


days = st.sampled_from([30, 29, 28, 27, 26, 21, 16, 11, 6, 1])  # most of them long ago
lives = st.builds(
    Life,
    st.sampled_from(sorted(LIVES)),
    st.booleans(),
    days,
    st.lists(st.tuples(st.integers(0, 11), days), max_size=4),
    st.sampled_from([False] * 5 + [True]),
)


async def due_by_brute_force(crm: Crm, idle_days: int) -> dict[str, set[UUID]]:
    """By kind, the records that no event within these days is of, or is about."""
    events = [event async for page in crm.events() for event in page]
    since = datetime.now(UTC) - timedelta(days=idle_days)
    erased = {
        subject_id
        for event in events
        if isinstance(event.data, SubjectErasureRequested)
        for subject_id in event.data.subject_ids
    }
    of: defaultdict[tuple[str, UUID], list[RecordedEvent]] = defaultdict(list)
    for event in events:
        of[event.record_type, event.record_id].append(event)
    found: dict[str, set[UUID]] = defaultdict(set)
    for record_type, record_id in of:
        kind = kind_of(record_type)
        if kind not in LIVES or record_id in erased:
            continue
        record: Any = await crm.get(AGGREGATES[record_type], record_id)
        about = [event for event in events if record_id in event.stored.subject_ids]
        if (
            record.subject_id == record_id
            and (kind not in OVER or record.status.value in OVER[kind])
            and all(event.happened_at < since for event in [*of[record_type, record_id], *about])
        ):
            found[kind].add(record_id)
    return found


async def check(url: str, told: Sequence[Life], idle_days: int) -> None:
    projector = await open_pool(url, "crm_projector", size=4)
    try:
        async with await Crm.open(url, root_key=ROOT_KEY, tenant=uuid4().hex) as crm:
            runner = ProjectionRunner(crm.store, projector, PROJECTIONS)
            await runner.prepare()
            await crm.execute_many(
                [
                    Request(command=PIPELINE, actor=SYSTEM),
                    Request(command=RegisterPerson(customer_id=ADA, name="A"), actor=SYSTEM),
                    *(request for life in told for request in life.requests()),
                ]
            )
            expected = await due_by_brute_force(crm, idle_days)
            for kind in RetentionKind:
                policy = SetRetention(kind=kind, idle_days=idle_days, action=RetentionAction.ERASE)
                await crm.execute(policy, SYSTEM)
            await runner.catch_up(crm.tenant_id)

            retaining = Retaining(crm, projector)
            found = await retaining.due()
            assert {due.policy.kind.value.lower(): set(due.record_ids) for due in found} == expected
            before = await crm.position()
            await retaining.apply()
            gone = {
                event.data.subject_ids[0]
                async for page in crm.events(after=before)
                for event in page
                if isinstance(event.data, SubjectErasureRequested)
            }
            assert gone == {record_id for ids in expected.values() for record_id in ids}
            await runner.catch_up(crm.tenant_id)
            assert await retaining.due() == []
    finally:
        await projector.close()


@given(st.lists(lives, min_size=20, max_size=30), st.sampled_from([3, 8, 14, 19, 25]))
@settings(max_examples=15)
def test_what_is_due_is_what_nothing_has_happened_to(
    shared_database_url: str, told: list[Life], idle_days: int
) -> None:
    asyncio.run(check(shared_database_url, told, idle_days))


HELD = Life("ticket", False, 30, [(0, 29), (1, 28)], False)
ENTERED_LATE = Life("task", False, 2, [(3, 30)], False)


@pytest.mark.parametrize(
    ("life", "planted"),
    [
        (HELD, ("_OF_NOBODY", lambda of: {
            kind: one._replace(over=(*one.over, "ON_HOLD")) for kind, one in of.items()
        })),
        (ENTERED_LATE, ("_IDLE_OF_NOBODY", lambda text: text.replace(
            "a.happened_at >= %(since)s", "false"
        ))),
    ],
    ids=["what is on hold", "what happened last but was not entered last"],
)  # fmt: skip
def test_a_policy_that_takes_too_much_is_found(
    shared_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    life: Life,
    planted: tuple[str, Callable[[Any], Any]],
) -> None:
    name, change = planted
    asyncio.run(check(shared_database_url, [life], 10))
    monkeypatch.setattr(idle, name, change(getattr(idle, name)))
    with pytest.raises(AssertionError):
        asyncio.run(check(shared_database_url, [life], 10))


async def test_only_customers_are_archived_by_a_policy() -> None:
    async with Crm.in_memory() as crm:
        for kind in set(RetentionKind) - {RetentionKind.CUSTOMER}:
            policy = SetRetention(kind=kind, idle_days=9, action=RetentionAction.ARCHIVE)
            with pytest.raises(Rejected, match=r"retention\.only_erases"):
                await crm.execute(policy, SYSTEM)
