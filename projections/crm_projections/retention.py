"""What the retention policies find due, and doing it.

A record is due once nothing has happened to it, on the effective clock, for the policy's days;
`idle` says what that is, kind by kind. Events say when things happened, so a policy also reaches
what was recorded before it was set.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from crm_core import SYSTEM, Command, Crm, CrmError, Lagging, Selection
from crm_core.catalog import ERASING
from crm_core.customers import ArchiveCustomer
from crm_core.ledger.postgres.connections import Pool
from crm_core.privacy import RecordRetentionApplied, Retention, RetentionAction
from crm_projections.idle import ASKED, idle
from crm_projections.shown import require_shown

__all__ = ["Due", "Retaining"]

log = structlog.get_logger()

_LOOK_SECONDS = 3_600.0
_LAGGING_SECONDS = 60.0  # until the next look, where they did not


@dataclass(frozen=True, slots=True)
class Due:
    """The records for which a policy holds now."""

    policy: Retention
    record_ids: tuple[UUID, ...]


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
        position = await self._crm.position()
        policies = await self._policies()
        asked = sorted({name for policy in policies for name in ASKED[policy.kind]})
        await require_shown(self._pool, self._crm.tenant_id, position, asked)
        now = self._crm.store.ledger.clock.now()
        found = []
        for policy in policies:
            since = now - timedelta(days=policy.idle_days)
            record_ids = await idle(self._crm, self._pool, policy.kind, policy.action, since)
            if record_ids:
                found.append(Due(policy, tuple(record_ids)))
        return found

    async def apply(self) -> list[Due]:
        """Does it: the decision is recorded first, and each command names the policy as reason."""
        found = await self.due()
        for due in found:
            decided = await self._crm.execute(
                RecordRetentionApplied(retention_id=due.policy.id, record_ids=due.record_ids),
                SYSTEM,
            )
            for record_id in due.record_ids:
                try:
                    await self._crm.execute(
                        _command(due.policy, record_id),
                        SYSTEM,
                        correlation_id=decided.command_id,
                        causation_id=decided.event_ids[0],
                        reason=f"retention:{due.policy.id}",
                    )
                except CrmError as refusal:  # it was changed meanwhile, or by an earlier policy
                    log.info("retention.refused", id=str(record_id), error=refusal.code)
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
                    records=len(due.record_ids),
                )
            await asyncio.sleep(_LOOK_SECONDS)

    async def _policies(self) -> list[Retention]:
        ids: dict[UUID, None] = {}
        async for page in self._crm.events(Selection(categories=[Retention.TOPIC])):
            ids |= dict.fromkeys(event.record_id for event in page)
        policies = [await self._crm.get(Retention, policy_id) for policy_id in ids]
        return [policy for policy in policies if not policy.is_lifted]


def _command(policy: Retention, record_id: UUID) -> Command:
    match policy.action:
        case RetentionAction.ARCHIVE:
            return ArchiveCustomer(customer_id=record_id)
        case RetentionAction.ERASE:
            erases = ERASING[policy.kind.value.lower()]
            return erases(**{erases.TARGET: record_id})
