"""The ledger in PostgreSQL: appends in groups, under the heads of their tenants."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from crm_core.kernel.clock import Clock, SystemClock
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.ledger.conflicts import name_the_intervening
from crm_core.ledger.postgres.appender import Appender
from crm_core.ledger.postgres.careful import open_admissions, store
from crm_core.ledger.postgres.connections import Pool
from crm_core.ledger.postgres.group_commit import GroupCommit
from crm_core.ledger.postgres.reading import PostgresReader
from crm_core.ledger.records import Append, Appended, Claim, Head, StoredEvent
from crm_core.ledger.watch import Pauses, Relay

__all__ = ["PostgresLedger"]


class PostgresLedger(PostgresReader):
    def __init__(
        self,
        pool: Pool,
        clock: Clock | None = None,
        *,
        relay: Relay | None = None,
        pauses: Pauses | None = None,
        recovery_seconds: float = 10.0,
        beside: PostgresReader | None = None,
    ) -> None:
        """`recovery_seconds`: how long an append waits for a database that went away, before it
        fails with Unavailable `database.gone`.
        """
        super().__init__(pool, relay=relay, pauses=pauses or Pauses(), beside=beside)
        self.clock: Clock = clock or SystemClock()
        self._appender = Appender(
            pool, self.clock, self._signal.raise_to, recovery_seconds=recovery_seconds
        )
        self._commits = GroupCommit(self._appender.write)

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        outcomes = await self._commits.append(tenant_id, appends)
        await name_the_intervening(self, tenant_id, outcomes)
        return outcomes

    async def restore(
        self, tenant_id: UUID, events: Sequence[StoredEvent], claims: Sequence[Claim] = ()
    ) -> None:
        async with self._pool.connection() as connection:
            now = self.clock.now()
            admission = (await open_admissions(connection, now, {tenant_id: []}))[tenant_id]
            for offset, event in enumerate(events, start=1):
                position = admission.head.position
                if event.position != position + offset:
                    await connection.execute("rollback")
                    raise Rejected("ledger.gap", head=position, position=event.position)
            if events:
                admission.head = Head(events[-1].position, events[-1].recorded_at)
            admission.events = list(events)
            admission.taken = {(claim.kind, claim.key): claim for claim in claims}
            await store(connection, [admission])
        self._signal.raise_to(tenant_id, admission.head.position)

    async def close(self) -> None:
        await self._commits.close()
        await self._appender.close()
        await super().close()
