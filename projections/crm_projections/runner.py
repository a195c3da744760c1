"""Keeps the read models up to date: events in, rows out, batch by batch."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

import psycopg
import structlog

from crm_core.kernel.together import Together
from crm_core.ledger.event_store import EventStore
from crm_core.ledger.postgres.connections import Pool
from crm_projections import checkpoints, generations
from crm_projections.applying import Applier
from crm_projections.checkpoints import Lag, Reached, Slot
from crm_projections.generations import Connection, Generation, State
from crm_projections.projection import Projection
from crm_projections.status import Skip, Status, statuses
from crm_projections.storage import Storage
from crm_projections.takeover import GAP_EVENTS_MAX, take_over
from crm_projections.visibility import Visibility

__all__ = ["Progress", "ProjectionRunner"]

log = structlog.get_logger()

_TURN_SECONDS = 1.0  # then leases are given back, and what is left is shared out anew
_BACKLOG_EVENTS = 5_000  # a slot that is further behind is work to share out
_POLL_SECONDS = 0.25
_BUSY_SECONDS = 0.05  # while other workers have all there is to do
_RETRY_SECONDS = 1.0

Progress = Callable[[int, int], None]  # positions done, positions in all


class ProjectionRunner:
    """Runs every projection for every tenant of a database.

    Several share the work, in one process or in many: each takes leases on what lags, and the fence
    of each checkpoint lets one of them through. A poison event stops its projection, in its tenant;
    the others go on. `only` names the generations to keep, where it is not the ones that serve.
    """

    def __init__(
        self,
        store: EventStore,
        pool: Pool,
        projections: Sequence[Projection],
        *,
        only: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.owner = f"{os.getpid()}-{secrets.token_hex(6)}"
        self.projections = {projection.name: projection for projection in projections}
        self.storage = Storage(pool)
        self._store = store
        self._pool = pool
        self._only = only
        self._applier = Applier(store, self.storage, self.projections, self._moved)
        self._visibility = Visibility(self._look)
        self._looking = Together(self._look_for_all)
        self._filling: set[str] = set()
        self._latest: tuple[UUID, int] | None = None  # whose ledger moved last, and how far

    async def prepare(self) -> None:
        """Makes the tables that are missing."""
        async with self._pool.connection() as connection:
            await generations.prepare(connection, self.projections.values())
        own = await self._own()
        self._filling = {name for name, of in own.items() if of.state is State.FILLING}
        for name in self.projections.keys() - own.keys():
            log.warning("projection.not_kept", projection=name)

    # --- catching up --------------------------------------------------------------------------

    async def run(self) -> None:
        """Keeps up until it is cancelled, for all tenants."""
        while True:
            try:
                lags = await self._turn()
                filling = [lag for lag in lags if lag.projection in self._filling]
                if all(lag.events <= GAP_EVENTS_MAX for lag in filling):
                    await self._take_over()  # where much is written, something always lags
                if not lags:
                    await self._wait()
                elif not any(lag.is_free for lag in lags):
                    await asyncio.sleep(_BUSY_SECONDS)
            except (OSError, psycopg.OperationalError) as error:
                log.warning("projection.database_away", error=type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)

    async def catch_up(self, tenant_id: UUID, progress: Progress | None = None) -> int:
        """Applies all that the tenant's ledger holds; the position that was reached by all.

        A projection that is stopped is not waited for.
        """
        head = (await self._store.ledger.head(tenant_id)).position
        while True:
            lags = [lag for lag in await self._turn(tenant_id) if lag.position < head]
            if progress is not None:
                progress(min((lag.position for lag in lags), default=head), head)
            if not lags:
                await self._take_over()
                return head
            if not any(lag.is_free for lag in lags):
                await asyncio.sleep(_BUSY_SECONDS)

    async def catch_up_all(self) -> None:
        """The same for every tenant."""
        for tenant_id in await self._store.ledger.heads():
            await self.catch_up(tenant_id)

    async def _turn(self, tenant_id: UUID | None = None) -> list[Lag]:
        """Takes a fair share of what lags and works on it for about a second; what lagged."""
        async with self._pool.connection() as connection:
            lags = await checkpoints.lagging(
                connection,
                self.projections.values(),
                tenant_id=tenant_id,
                generations=self._only,
            )
            if not lags:
                return []
            share = await self._share(connection, lags)
            slots = await checkpoints.claim(connection, self.owner, share) if share else []
        try:
            await self._advance(slots)
        finally:
            with contextlib.suppress(OSError, psycopg.OperationalError):  # leases end by themselves
                async with self._pool.connection() as connection:
                    await checkpoints.release(connection, slots)
        return lags

    async def _share(self, connection: Connection, lags: Sequence[Lag]) -> list[Lag]:
        """What is little is taken by whoever sees it first; what is much is shared out."""
        much = [lag for lag in lags if lag.events > _BACKLOG_EVENTS]
        if not much:
            return [lag for lag in lags if lag.is_free]
        workers = await checkpoints.beat(connection, self.owner)
        fair = [lag for lag in much if lag.is_free][: math.ceil(len(much) / workers)]
        return fair + [lag for lag in lags if lag.is_free and lag.events <= _BACKLOG_EVENTS]

    async def _advance(self, slots: Sequence[Slot]) -> None:
        """Tenant by tenant; each has a moment, however long the first ones took."""
        by_tenant: dict[UUID, list[Slot]] = {}
        for slot in slots:
            by_tenant.setdefault(slot.tenant_id, []).append(slot)
        for of_tenant in by_tenant.values():
            await self._applier.advance(of_tenant, seconds=_TURN_SECONDS / len(by_tenant))

    def _moved(self, slot: Slot) -> None:
        self._visibility.moved()
        self._latest = (slot.tenant_id, slot.position)

    async def _wait(self) -> None:
        """Until something is appended in this process, where it was last, or for a moment."""
        if self._latest is None:
            heads = await self._store.ledger.heads()
            self._latest = next(iter(heads.items()), None)
        if self._latest is None:
            await asyncio.sleep(_POLL_SECONDS)
            return
        tenant_id, position = self._latest
        reached = await self._store.ledger.wait(tenant_id, after=position, seconds=_POLL_SECONDS)
        self._latest = (tenant_id, max(position, reached))

    async def _take_over(self) -> None:
        """Puts newer versions that have caught up in the place of those that serve."""
        if not self._filling:
            return
        own = await self._own()
        for name in list(self._filling):
            generation = own.get(name)
            if generation is None or generation.state is not State.FILLING:
                self._filling.discard(name)
            elif await take_over(self._store, self.storage, self.projections[name], generation):
                log.info("projection.took_over", projection=name, version=generation.version)
                self._filling.discard(name)

    # --- asking -------------------------------------------------------------------------------

    async def status(self) -> list[Status]:
        """How far the tables that serve are, in each tenant that has events."""
        kept = [(name, projection.version) for name, projection in self.projections.items()]
        async with self._pool.connection() as connection:
            return await statuses(connection, kept)

    async def shown(self, tenant_id: UUID, name: str) -> Reached:
        """How far readers see the tenant's ledger in what this projection keeps."""
        return (await self._looking.ask(tenant_id)).get(name, Reached(0, False))

    async def wait_for(
        self,
        tenant_id: UUID,
        position: int,
        *,
        seconds: float,
        names: Collection[str] | None = None,
    ) -> None:
        """Waits until every projection, or each of those named, shows the position.

        Raises Lagging after that time, and at once where one of them has stopped before it.
        """
        asked = self.projections if names is None else names
        await self._visibility.wait(tenant_id, position, asked, seconds=seconds)

    async def take_skips(self, tenant_id: UUID, skips: Mapping[str, Sequence[Skip]]) -> None:
        """Honours decisions that were taken for another copy of the ledger, by projection."""
        async with self._pool.connection() as connection:
            for name, decisions in skips.items():
                await checkpoints.take_skips(connection, tenant_id, name, decisions)

    async def digests(self, tenant_id: UUID) -> dict[str, str]:
        """The digest of the tables that each projection keeps."""
        own = await self._own()
        return {
            name: (await self.storage.digest(tenant_id, self.projections[name], of))[0]
            for name, of in own.items()
        }

    async def _own(self) -> dict[str, Generation]:
        async with self._pool.connection() as connection:
            known = await generations.generations_of(connection, self.projections)
        return generations.own_generations(self.projections.values(), known)

    async def _look_for_all(self, asked: Sequence[UUID]) -> list[dict[str, Reached]]:
        found = await self._look(set(asked))
        return [found[tenant_id] for tenant_id in asked]

    async def _look(self, tenants: Collection[UUID]) -> dict[UUID, dict[str, Reached]]:
        async with self._pool.connection() as connection:
            return await checkpoints.reached(connection, tenants, self.projections)
