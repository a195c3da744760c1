"""What the retention policies find due, and doing it.

A customer is due once nothing has happened, on the effective clock, about it or any that is merged
with it for the policy's days. Events say when things happened, so a policy also reaches what was
recorded before it was set.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from crm_core import SYSTEM, Command, Crm, CrmError, Selection
from crm_core.customers import ArchiveCustomer, Customer, EraseCustomer, merged_with
from crm_core.ledger.postgres.connections import Pool
from crm_core.privacy import RecordRetentionApplied, Retention, RetentionAction

__all__ = ["Due", "Retaining"]

log = structlog.get_logger()

_LOOK_SECONDS = 3_600.0
_DUE_MAX = 1_000  # at a time; the rest is found at the next look

# Those that were merged away go with the one they were merged into. Archived ones are only erased.
_IDLE: Final = """
select customer_id from read_model.customer as c
 where tenant_id = %(tenant)s and status = any(%(statuses)s) and updated_at < %(since)s
   and not exists (select from read_model.timeline as t
                    where t.tenant_id = c.tenant_id and t.customer_id = c.customer_id
                      and t.happened_at >= %(since)s)
 order by updated_at, customer_id limit %(limit)s
"""
_ACTIVE_SINCE: Final = """
select exists (select from read_model.timeline
                where tenant_id = %s and customer_id = any(%s) and happened_at >= %s)
"""


@dataclass(frozen=True, slots=True)
class Due:
    """The customers for which a policy holds now."""

    policy: Retention
    customer_ids: tuple[UUID, ...]


class Retaining:
    """The retention of one tenant. `pool` may read the read models, which must be up to date."""

    def __init__(self, crm: Crm, pool: Pool) -> None:
        self._crm = crm
        self._pool = pool

    async def due(self) -> list[Due]:
        """What would be done now, policy by policy, a thousand each at most; nothing is done."""
        now = self._crm.store.ledger.clock.now()
        found = []
        for policy in await self._policies():
            since = now - timedelta(days=policy.idle_days)
            customer_ids = [
                customer_id
                for customer_id in await self._idle(policy, since)
                if not await self._merged_and_active(customer_id, since)
            ]
            if customer_ids:
                found.append(Due(policy, tuple(customer_ids)))
        return found

    async def apply(self) -> list[Due]:
        """Does it: the decision is recorded first, and each command names the policy as reason."""
        found = await self.due()
        for due in found:
            decided = await self._crm.execute(
                RecordRetentionApplied(retention_id=due.policy.id, record_ids=due.customer_ids),
                SYSTEM,
            )
            for customer_id in due.customer_ids:
                try:
                    await self._crm.execute(
                        _command(due.policy.action, customer_id),
                        SYSTEM,
                        correlation_id=decided.command_id,
                        causation_id=decided.event_ids[0],
                        reason=f"retention:{due.policy.id}",
                    )
                except CrmError as refusal:  # it was changed meanwhile, or by an earlier policy
                    log.info("retention.refused", id=str(customer_id), error=refusal.code)
        return found

    async def run(self) -> None:
        """Looks every hour, until it is cancelled."""
        while True:
            for due in await self.apply():
                log.info(
                    "retention.applied",
                    policy=str(due.policy.id),
                    action=due.policy.action,
                    records=len(due.customer_ids),
                )
            await asyncio.sleep(_LOOK_SECONDS)

    async def _policies(self) -> list[Retention]:
        ids: dict[UUID, None] = {}
        async for page in self._crm.events(Selection(categories=[Retention.TOPIC])):
            ids |= dict.fromkeys(event.record_id for event in page)
        policies = [await self._crm.get(Retention, policy_id) for policy_id in ids]
        return [policy for policy in policies if not policy.is_lifted]

    async def _idle(self, policy: Retention, since: datetime) -> list[UUID]:
        erases = policy.action is RetentionAction.ERASE
        async with self._pool.connection() as connection:
            found = await connection.execute(
                _IDLE,
                {
                    "tenant": self._crm.tenant_id,
                    "statuses": ["ACTIVE", "ARCHIVED"] if erases else ["ACTIVE"],
                    "since": since,
                    "limit": _DUE_MAX,
                },
            )
            return [customer_id for (customer_id,) in await found.fetchall()]

    async def _merged_and_active(self, customer_id: UUID, since: datetime) -> bool:
        customer = await self._crm.get(Customer, customer_id)
        members = await merged_with(customer, self._crm.get)
        async with self._pool.connection() as connection:
            found = await connection.execute(
                _ACTIVE_SINCE, [self._crm.tenant_id, [member.id for member in members], since]
            )
            return await found.fetchone() == (True,)


def _command(action: RetentionAction, customer_id: UUID) -> Command:
    match action:
        case RetentionAction.ARCHIVE:
            return ArchiveCustomer(customer_id=customer_id)
        case RetentionAction.ERASE:
            return EraseCustomer(customer_id=customer_id)
