"""Keeps the read models up to date: events in, rows out, batch by batch."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
import structlog

from crm_core import Lagging, RecordedEvent, SetupError
from crm_core.ledger.event_store import EventStore
from crm_core.ledger.postgres.connections import Pool
from crm_projections.projection import Projection
from crm_projections.storage import NEXT, Checkpoint, Generation, StaleWorker, Storage

__all__ = ["ProjectionRunner", "Status"]

log = structlog.get_logger()

_BATCH_EVENTS = 2_000
_POLL_SECONDS = 0.25
_RETRY_SECONDS = 1.0
_LOOK_SECONDS_MIN = (
    0.005  # of one who waits for a position: soon at first, then less and less often
)
_LOOK_SECONDS_MAX = 0.1

# What says nothing about the event: another worker was quicker, or the database is away.
_PASSING = (StaleWorker, OSError, psycopg.OperationalError)

Progress = Callable[[int, int], None]  # positions done, positions in all


@dataclass(frozen=True, slots=True)
class Status:
    """How far a projection is behind its tenant's ledger, in events."""

    tenant_id: UUID
    projection: str
    version: int
    position: int
    head: int
    stopped_at: int | None
    stopped_by: str | None

    @property
    def lag_events(self) -> int:
        return max(0, self.head - self.position)


class ProjectionRunner:
    """Runs every projection for every tenant of a database.

    Several may run at once, in one process or in many: the fence of each checkpoint lets one of
    them through. A poison event stops its projection, in its tenant; the others go on.
    """

    def __init__(self, store: EventStore, pool: Pool, projections: Sequence[Projection]) -> None:
        self._store = store
        self.storage = Storage(pool)
        self.projections = {projection.name: projection for projection in projections}

    async def prepare(self) -> None:
        """Makes the tables that are missing."""
        await self.storage.prepare(self.projections.values())

    # --- catching up --------------------------------------------------------------------------

    async def catch_up(self, tenant_id: UUID, progress: Progress | None = None) -> int:
        """Applies all that the tenant's ledger holds; the position that was reached by all."""
        head = (await self._store.ledger.head(tenant_id)).position
        while True:
            reached = await self._step(tenant_id)
            if progress is not None:
                progress(min(reached, head), head)
            if reached >= head:
                return reached

    async def run(self) -> None:
        """Keeps up until it is cancelled, for all tenants."""
        while True:
            try:
                heads = await self._store.ledger.heads()
                for tenant_id in await self._lagging(heads):
                    await self.catch_up(tenant_id)
                await self._wait(heads)
            except StaleWorker:
                continue  # another worker was quicker: look again where things stand
            except SetupError as error:
                log.error("projection.stopped", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
            except (OSError, psycopg.OperationalError) as error:
                log.warning("projection.database_away", error=type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _lagging(self, heads: dict[UUID, int]) -> list[UUID]:
        """The tenants in which a projection that is not stopped has events to apply."""
        done = {
            (at.tenant_id, at.projection)
            for at in await self.storage.checkpoints()
            if at.stopped_at is not None or at.position >= heads.get(at.tenant_id, 0)
        }
        return [
            tenant_id
            for tenant_id in heads
            if any((tenant_id, name) not in done for name in self.projections)
        ]

    async def _wait(self, heads: dict[UUID, int]) -> None:
        if not heads:
            await asyncio.sleep(_POLL_SECONDS)
            return
        waits = [
            asyncio.ensure_future(
                self._store.ledger.wait(tenant_id, after=position, seconds=_POLL_SECONDS)
            )
            for tenant_id, position in heads.items()
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _step(self, tenant_id: UUID) -> int:
        """One batch for the projections that are furthest behind; the lowest position then."""
        known = {at.projection: at for at in await self.storage.checkpoints(tenant_id)}
        checkpoints = [
            known.get(name) or await self.storage.checkpoint(tenant_id, projection)
            for name, projection in self.projections.items()
        ]
        running = [at for at in checkpoints if at.stopped_at is None]
        if not running:
            return (await self._store.ledger.head(tenant_id)).position
        behind = min(at.position for at in running)
        stored = await self._store.ledger.page(tenant_id, after=behind, limit=_BATCH_EVENTS)
        if not stored:
            return behind
        events = await self._store.decode(stored)
        scanned_to = stored[-1].position
        for at in running:
            if at.position == behind:
                await self._apply(at, events, scanned_to)
        return min(scanned_to if at.position == behind else at.position for at in running)

    async def _apply(self, at: Checkpoint, events: list[RecordedEvent], scanned_to: int) -> None:
        projection = self.projections[at.projection]
        try:
            await self.storage.apply(projection, at, events, scanned_to)
        except _PASSING:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a projection raises stops it, by name
            await self._isolate(projection, at, events, error)

    async def _isolate(
        self,
        projection: Projection,
        at: Checkpoint,
        events: list[RecordedEvent],
        error: Exception,
    ) -> None:
        """Goes event by event to the one that cannot be applied, and stops the projection there."""
        for event in events:
            try:
                await self.storage.apply(projection, at, [event], event.position)
            except _PASSING:
                raise
            except Exception as cause:  # noqa: BLE001 - see _apply
                # The type of the error only: its text could hold personal data of the event.
                name = type(cause).__name__
                log.error(
                    "projection.poisoned",
                    projection=projection.name,
                    position=event.position,
                    event_type=event.type,
                    error=name,
                )
                await self.storage.stop(at, event.position, name)
                return
            at = await self.storage.checkpoint(at.tenant_id, projection)
        log.warning("projection.recovered", projection=projection.name, error=type(error).__name__)

    # --- asking -------------------------------------------------------------------------------

    async def status(self) -> list[Status]:
        """How far each projection is in each tenant that has events."""
        heads = await self._store.ledger.heads()
        known = {(at.tenant_id, at.projection): at for at in await self.storage.checkpoints()}
        found = []
        for tenant_id, head in heads.items():
            for projection in self.projections.values():
                at = known.get((tenant_id, projection.name))
                found.append(
                    Status(
                        tenant_id,
                        projection.name,
                        projection.version,
                        at.position if at else 0,
                        head,
                        at.stopped_at if at else None,
                        at.stopped_by if at else None,
                    )
                )
        return found

    async def wait_for(self, tenant_id: UUID, position: int, *, seconds: float) -> None:
        """Waits until every projection has seen the position. Raises Lagging after that time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        pause = _LOOK_SECONDS_MIN
        while True:
            known = {at.projection: at for at in await self.storage.checkpoints(tenant_id)}
            reached = {
                name: known[name].position if name in known else 0 for name in self.projections
            }
            behind = min(reached, key=lambda name: reached[name])
            if reached[behind] >= position:
                return
            left = deadline - loop.time()
            if left <= 0:
                raise Lagging(behind, position, reached[behind])
            await asyncio.sleep(min(left, pause))
            pause = min(pause * 2, _LOOK_SECONDS_MAX)

    async def digests(self, tenant_id: UUID) -> dict[str, str]:
        """The digest of each projection's live tables."""
        return {
            name: (await self.storage.digest(tenant_id, projection))[0]
            for name, projection in self.projections.items()
        }

    # --- rebuilding ---------------------------------------------------------------------------

    async def rebuild(self, name: str, progress: Progress | None = None) -> None:
        """Fills the projection's tables again from position 1, beside the live ones, and switches.

        Readers see the old rows until the new ones take their place in one transaction.
        """
        projection = self.projections[name]
        await self.storage.start_rebuild(projection)
        for tenant_id in await self._store.ledger.heads():
            await self._fill(projection, tenant_id, NEXT, progress)
        await self.storage.finish_rebuild(projection)
        for tenant_id in await self._store.ledger.heads():
            with contextlib.suppress(StaleWorker):
                await self.catch_up(tenant_id)

    async def _fill(
        self,
        projection: Projection,
        tenant_id: UUID,
        generation: Generation,
        progress: Progress | None,
    ) -> None:
        while True:
            at = await self.storage.checkpoint(tenant_id, projection, generation)
            stored = await self._store.ledger.page(
                tenant_id, after=at.position, limit=_BATCH_EVENTS
            )
            if not stored:
                return
            events = await self._store.decode(stored)
            await self.storage.apply(projection, at, events, stored[-1].position, generation)
            if progress is not None:
                head = (await self._store.ledger.head(tenant_id)).position
                progress(stored[-1].position, head)
