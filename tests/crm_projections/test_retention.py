"""What nobody has touched for long is archived or erased, by a policy that says so (R56)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from crm_core import SYSTEM, Actor, Crm, Denied, Lagging
from crm_core.customers import Customer, CustomerStatus, MergeCustomers, RegisterPerson
from crm_core.customers.customer import commands
from crm_core.ledger.postgres.connections import Pool
from crm_core.privacy import (
    LiftRetention,
    RecordRetentionApplied,
    RetentionAction,
    SetRetention,
)
from crm_core.service import OpenTicket, TicketChannel
from crm_projections import idle
from crm_projections.retention import Retaining
from crm_projections.runner import ProjectionRunner

OLD, QUIET, FRESH, POLICY = (UUID(int=n) for n in range(1, 5))
LONG_AGO = datetime.now(UTC) - timedelta(days=1_000)


@pytest.fixture
async def peopled(crm: Crm, runner: ProjectionRunner, projector: Pool) -> Retaining:
    """Two who were registered long ago, of whom one has had a ticket since, and a new one."""
    for who in (OLD, QUIET):
        await crm.execute(RegisterPerson(customer_id=who, name="P"), SYSTEM, effective_at=LONG_AGO)
    await crm.execute(RegisterPerson(customer_id=FRESH, name="P"), SYSTEM)
    ticket = OpenTicket(customer_id=OLD, subject="Hello", channel=TicketChannel.EMAIL)
    await crm.execute(ticket, SYSTEM)
    await runner.catch_up(crm.tenant_id)
    return Retaining(crm, projector)


async def set_policy(crm: Crm, runner: ProjectionRunner, action: RetentionAction) -> None:
    policy = SetRetention(retention_id=POLICY, idle_days=730, action=action)
    await crm.execute(policy, SYSTEM)
    await runner.catch_up(crm.tenant_id)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (RetentionAction.ERASE, CustomerStatus.ERASED),
        (RetentionAction.ARCHIVE, CustomerStatus.ARCHIVED),
    ],
)
async def test_only_who_is_quiet_for_long_is_due(
    crm: Crm, runner: ProjectionRunner, peopled: Retaining,
    action: RetentionAction, status: CustomerStatus,
) -> None:  # fmt: skip
    assert await peopled.due() == []
    await set_policy(crm, runner, action)
    (due,) = await peopled.due()
    assert due.record_ids == (QUIET,)
    assert (await crm.get(Customer, QUIET)).status is CustomerStatus.ACTIVE  # a dry run

    await peopled.apply()
    assert (await crm.get(Customer, QUIET)).status is status
    for other in (OLD, FRESH):
        assert (await crm.get(Customer, other)).status is CustomerStatus.ACTIVE
    last = (await crm.history(QUIET))[-1].stored
    decided = (await crm.history(POLICY))[-1]
    assert (last.reason, last.causation_id) == (f"retention:{POLICY}", decided.event_id)
    await runner.catch_up(crm.tenant_id)
    assert await peopled.due() == []


async def test_who_is_merged_with_somebody_busy_is_not_due(
    crm: Crm, runner: ProjectionRunner, peopled: Retaining
) -> None:
    merge = MergeCustomers(customer_id=QUIET, loser_ids=(OLD,))
    await crm.execute(merge, SYSTEM, effective_at=LONG_AGO)
    await runner.catch_up(crm.tenant_id)
    await set_policy(crm, runner, RetentionAction.ERASE)
    assert await peopled.due() == []


async def test_those_who_only_look_quiet_do_not_stand_before_who_is(
    crm: Crm, runner: ProjectionRunner, projector: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than are looked at in one go, and all quiet for longer."""
    monkeypatch.setattr(idle, "IDLE_MAX", 2)
    await merged_with_busy_ones(crm, 5)
    for n, who in enumerate((QUIET, OLD, FRESH)):
        registers = RegisterPerson(customer_id=who, name="P")
        await crm.execute(registers, SYSTEM, effective_at=LONG_AGO + timedelta(days=9 + n))
    await set_policy(crm, runner, RetentionAction.ERASE)
    (due,) = await Retaining(crm, projector).due()
    assert due.record_ids == (QUIET, OLD)


async def test_more_merged_than_a_command_takes_do_not_keep_the_others_from_being_due(
    crm: Crm, runner: ProjectionRunner, peopled: Retaining, monkeypatch: pytest.MonkeyPatch
) -> None:
    await merged_with_busy_ones(crm, 1)
    monkeypatch.setattr(commands, "MERGED_MAX", 1)
    await set_policy(crm, runner, RetentionAction.ERASE)
    (due,) = await peopled.due()
    assert due.record_ids == (QUIET,)


async def merged_with_busy_ones(crm: Crm, count: int) -> None:
    for n in range(count):
        survivor_id, busy_id = UUID(int=100 + n), UUID(int=200 + n)
        for who in (survivor_id, busy_id):
            registers = RegisterPerson(customer_id=who, name="P")
            await crm.execute(registers, SYSTEM, effective_at=LONG_AGO)
        ticket = OpenTicket(customer_id=busy_id, subject="Hello", channel=TicketChannel.EMAIL)
        await crm.execute(ticket, SYSTEM)
        merge = MergeCustomers(customer_id=survivor_id, loser_ids=(busy_id,))
        await crm.execute(merge, SYSTEM, effective_at=LONG_AGO)


async def test_a_policy_that_was_lifted_does_nothing(
    crm: Crm, runner: ProjectionRunner, peopled: Retaining
) -> None:
    await set_policy(crm, runner, RetentionAction.ERASE)
    await crm.execute(LiftRetention(retention_id=POLICY), SYSTEM)
    await runner.catch_up(crm.tenant_id)
    assert await peopled.due() == []


async def test_nobody_is_erased_by_read_models_that_lag(
    crm: Crm, runner: ProjectionRunner, peopled: Retaining, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What made QUIET busy is recorded, and not shown yet."""
    monkeypatch.setattr("crm_projections.shown._SHOWN_SECONDS", 0.1)
    await set_policy(crm, runner, RetentionAction.ERASE)
    ticket = OpenTicket(customer_id=QUIET, subject="Hello", channel=TicketChannel.EMAIL)
    await crm.execute(ticket, SYSTEM)
    with pytest.raises(Lagging):
        await peopled.apply()
    assert (await crm.get(Customer, QUIET)).status is CustomerStatus.ACTIVE
    await runner.catch_up(crm.tenant_id)
    assert await peopled.due() == []


async def test_nobody_but_the_program_says_that_a_policy_was_applied(
    crm: Crm, runner: ProjectionRunner
) -> None:
    await set_policy(crm, runner, RetentionAction.ERASE)
    with pytest.raises(Denied):
        await crm.execute(
            RecordRetentionApplied(retention_id=POLICY, record_ids=(OLD,)), Actor.user(FRESH)
        )
