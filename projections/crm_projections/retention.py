"""What the retention policies find due, and doing it.

A customer is due once nothing has happened, on the effective clock, about it or any that is merged
with it for the policy's days. Events say when things happened, so a policy also reaches what was
recorded before it was set.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from crm_core import SYSTEM, Command, Crm, CrmError, Lagging, Selection
from crm_core.customers import ArchiveCustomer, Customer, EraseCustomer, merged_with
from crm_core.ledger.postgres.connections import Pool
from crm_core.privacy import RecordRetentionApplied, Retention, RetentionAction
from crm_projections.checkpoints import reached

__all__ = ["Due", "Retaining"]

log = structlog.get_logger()

_LOOK_SECONDS = 3_600.0
_DUE_MAX = 1_000  # at a time; the rest is found at the next look
_SHOWN_SECONDS = 5.0  # for the read models to show what there is when it is asked
_LAGGING_SECONDS = 60.0  # until the next look, where they did not
_ASKED = ("customer_directory", "timeline")

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
    """The retention of one tenant. `pool` may read the read models."""

    def __init__(self, crm: Crm, pool: Pool) -> None:
        self._crm = crm
        self._pool = pool

    async def due(self) -> list[Due]:
        """What would be done now, policy by policy, a thousand each at most; nothing is done.

        Raises Lagging where the read models do not show all that is recorded: who is busy would
        look idle, and would be erased for ever.
        """
        await self._require_shown(await self._crm.position())
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
        """Looks every hour, until it is cancelled; sooner where the read models lagged."""
        while True:
            try:
                applied = await self.apply()
            except Lagging as lagging:
                log.info("retention.waits", projection=lagging.parameters["projection"])
                await asyncio.sleep(_LAGGING_SECONDS)
                continue
            for due in applied:
                log.info(
                    "retention.applied",
                    policy=str(due.policy.id),
                    action=due.policy.action,
                    records=len(due.customer_ids),
                )
            await asyncio.sleep(_LOOK_SECONDS)

    async def _require_shown(self, position: int) -> None:
        until = time.monotonic() + _SHOWN_SECONDS
        while (behind := await self._behind(position)) is not None:
            if time.monotonic() > until:
                raise behind
            await asyncio.sleep(0.05)

    async def _behind(self, position: int) -> Lagging | None:
        tenant_id = self._crm.tenant_id
        async with self._pool.connection() as connection:
            found = (await reached(connection, [tenant_id], _ASKED))[tenant_id]
        for name in _ASKED:
            shown = found[name].position if name in found else 0
            if shown < position:
                return Lagging(name, position, shown)
        return None

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
