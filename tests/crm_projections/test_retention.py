"""What nobody has touched for long is archived or erased, by a policy that says so (R56)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from crm_core import SYSTEM, Actor, Crm, Denied, Lagging
from crm_core.customers import Customer, CustomerStatus, MergeCustomers, RegisterPerson
from crm_core.ledger.postgres.connections import Pool
from crm_core.privacy import (
    LiftRetention,
    RecordRetentionApplied,
    RetentionAction,
    SetRetention,
)
from crm_core.service import OpenTicket, TicketChannel
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
    monkeypatch.setattr("crm_projections.retention._SHOWN_SECONDS", 0.1)
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
