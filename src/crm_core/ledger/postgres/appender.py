"""What a process writes to its ledger: plain appends by one statement, all others with every check.

It finds out what became of appends whose answer was lost. A connection that breaks after the
statement was sent leaves it open whether that was stored; the ids of its events tell, once the
database answers again. So a restart of the database delays appends and doubles none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias
from uuid import UUID

import psycopg
from psycopg import errors

from crm_core.kernel.clock import Clock
from crm_core.kernel.errors import CrmError, Unavailable
from crm_core.ledger.postgres.arrays import UNENCODABLE
from crm_core.ledger.postgres.careful import open_admissions, select_appended, store
from crm_core.ledger.postgres.connections import Connection, Pool, connect_beside
from crm_core.ledger.postgres.failures import as_refusal, is_lost
from crm_core.ledger.postgres.group_commit import Outcomes, Ticket
from crm_core.ledger.postgres.optimistic import PlainAppends, store_plain
from crm_core.ledger.postgres.wire import WIRE_SETTINGS, Wire
from crm_core.ledger.records import Append, Appended

__all__ = ["Appender"]

Settled: TypeAlias = dict[Ticket, Outcomes | Exception]

_PAUSE_SECONDS_MIN = 0.02
_PAUSE_SECONDS_MAX = 0.5


class Appender:
    """`reached` is told how far each tenant's ledger goes, after the commit."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        reached: Callable[[UUID, int], None],
        *,
        recovery_seconds: float,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._reached = reached
        self._recovery_seconds = recovery_seconds
        self._connecting = asyncio.Lock()
        self._wire: Wire | None = None
        self._judging = asyncio.Lock()
        self._careful: Connection | None = None
        self._known: set[UUID] = set()  # tenants that have a head: it is never removed

    async def write(self, group: Sequence[Ticket]) -> list[Outcomes | Exception]:
        """What became of each caller's appends; an exception for what nobody foresaw."""
        settled: Settled = {}
        for store_some in (self._store_plain, self._store_carefully):
            waiting = [ticket for ticket in group if ticket not in settled]
            try:
                settled |= await store_some(waiting)
            except Exception as error:  # noqa: BLE001 - belongs to those who wait
                settled |= await self._store_each(waiting, error)
        return [settled[ticket] for ticket in group]

    async def close(self) -> None:
        if self._wire is not None:
            await self._wire.close()
        if self._careful is not None:
            await self._careful.close()

    # --- the two ways -------------------------------------------------------------------------

    async def _store_plain(self, group: Sequence[Ticket]) -> Settled:
        """Stores those that are plain and fit together; says nothing of the others."""
        fitting = self._fitting(group)
        if not fitting:
            return {}
        wire = await self._usable_wire()
        try:
            stored = await store_plain(
                wire, self._clock.now(), [(made, ticket.appends) for ticket, made in fitting]
            )
        except (errors.UniqueViolation, errors.TransactionRollback):
            return {}  # one of them cannot be: each is judged by itself
        settled: Settled = {}
        for (ticket, _), outcomes in zip(fitting, stored, strict=True):
            if outcomes is not None:
                settled[ticket] = [*outcomes]
                self._reached(ticket.tenant_id, outcomes[-1].last_position)
        return settled

    def _fitting(self, group: Sequence[Ticket]) -> list[tuple[Ticket, PlainAppends]]:
        """The plain ones of tenants that have a head, without those that surely conflict."""
        versions: dict[tuple[UUID, UUID], int] = {}
        fitting = []
        for ticket in group:
            made, tenant = ticket.plain, ticket.tenant_id
            if made is None or tenant not in self._known:
                continue
            if any(versions.get((tenant, s), v) != v for s, v in made.begins.items()):
                continue
            for stream_id, version in made.ends.items():
                versions[tenant, stream_id] = version
            fitting.append((ticket, made))
        return fitting

    async def _store_carefully(self, group: Sequence[Ticket]) -> Settled:
        """Judges each append under the heads of their tenants, and stores what is let in."""
        wanted: dict[UUID, list[Append]] = {}
        for ticket in group:
            wanted.setdefault(ticket.tenant_id, []).extend(ticket.appends)
        if not wanted:
            return {}
        async with self._connection() as connection:
            admissions = await open_admissions(connection, self._clock.now(), wanted)
            settled: Settled = {
                ticket: [admissions[ticket.tenant_id].admit(append) for append in ticket.appends]
                for ticket in group
            }
            await store(connection, admissions.values())
        for tenant_id, admission in admissions.items():
            self._known.add(tenant_id)
            self._reached(tenant_id, admission.head.position)
        return settled

    async def _usable_wire(self) -> Wire:
        async with self._connecting:
            if self._wire is None or not self._wire.usable:
                if self._wire is not None:
                    await self._wire.close()
                self._wire = Wire(await connect_beside(self._pool, WIRE_SETTINGS))
            return self._wire

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """The connection for all that is not plain; one group at a time."""
        async with self._judging:
            if self._careful is None or self._careful.closed:
                self._careful = await connect_beside(self._pool)
            try:
                yield self._careful
            except BaseException:
                await self._careful.close()  # perhaps within a transaction: it ends with this
                raise

    # --- when something went wrong ------------------------------------------------------------

    async def _store_each(self, group: Sequence[Ticket], error: Exception) -> Settled:
        """Each append by itself, so that what the database refuses in one harms no other."""
        until = asyncio.get_running_loop().time() + self._recovery_seconds
        settled: Settled = {}
        for ticket in group:
            try:
                settled[ticket] = [
                    await self._store_one(ticket.tenant_id, append, is_lost(error), until)
                    for append in ticket.appends
                ]
            except Exception as unforeseen:  # noqa: BLE001 - belongs to the one who waits
                settled[ticket] = unforeseen
        return settled

    async def _store_one(
        self, tenant_id: UUID, append: Append, lost: bool, until: float
    ) -> Appended | CrmError:
        """Where the connection was lost, this tries until it is back or the time is over."""
        loop = asyncio.get_running_loop()
        pause = _PAUSE_SECONDS_MIN
        while not lost or loop.time() < until:
            try:
                before = await self._stored(tenant_id, append) if lost else None
                outcome = before or await self._judged(tenant_id, append)
                if lost and isinstance(outcome, CrmError):
                    # It may have been on its way all the time, and stands in its own way now.
                    outcome = await self._stored(tenant_id, append) or outcome
            except (OSError, psycopg.OperationalError) as failure:
                if not is_lost(failure):
                    raise
                lost = True
                await asyncio.sleep(pause)
                pause = min(pause * 2, _PAUSE_SECONDS_MAX)
            else:
                return outcome
        return Unavailable("database.gone", may_be_stored=True)

    async def _judged(self, tenant_id: UUID, append: Append) -> Appended | CrmError:
        ticket = Ticket(tenant_id, [append], None, asyncio.get_running_loop().create_future())
        try:
            settled = (await self._store_carefully([ticket]))[ticket]
        except (psycopg.Error, *UNENCODABLE) as failure:
            refusal = None if is_lost(failure) else as_refusal(failure)
            if refusal is None:
                raise
            return refusal
        assert not isinstance(settled, Exception)
        return settled[0]

    async def _stored(self, tenant_id: UUID, append: Append) -> Appended | None:
        """What became of an append whose answer was lost; None if it was not stored."""
        async with self._connection() as connection:
            return await select_appended(connection, tenant_id, append)
