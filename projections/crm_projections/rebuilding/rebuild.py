"""Fills read models again from position 1 beside those that serve, compares them, and switches."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID, uuid4

import psycopg
import structlog

from crm_core import SetupError
from crm_core.kernel.ending import end
from crm_core.ledger.event_store import EventStore
from crm_core.ledger.postgres.connections import Pool
from crm_projections.generations import Generation, State, finish_loading, generations_of, prepare
from crm_projections.projection import Projection
from crm_projections.rebuilding.comparing import Comparison, compare
from crm_projections.rebuilding.loading import Loader
from crm_projections.rebuilding.parts import begin_rebuild, end_rebuild, loaded_events, tend
from crm_projections.runner import Progress, ProjectionRunner
from crm_projections.storage import Storage
from crm_projections.takeover import take_over

__all__ = ["Load", "Rebuild", "Rebuilt"]

log = structlog.get_logger()

Load: TypeAlias = Callable[[UUID], Awaitable[None]]
"""Fills the parts of a rebuild, in this process or in others."""

_TEND_SECONDS = 1.0
_PROGRESS_SECONDS = 0.25
_LIVE_LAG_MAX = 20_000  # events; what serves and is further behind is not compared
_SWITCH_SECONDS = 0.1
_SWITCH_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A read model that was filled again. `comparison` is with the rows that served; None where
    those are of another version.
    """

    projection: str
    version: int
    comparison: Comparison | None


class Rebuild:
    """Fills some projections again, of all tenants. `load` does the work in processes of its own;
    without it, it is done here.

    Readers see the old rows until the new ones take their place in one transaction. Nothing but
    rows comes of it: a projection has no effects on the outside.
    """

    def __init__(
        self,
        store: EventStore,
        pool: Pool,
        projections: Sequence[Projection],
        *,
        load: Load | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._store = store
        self._pool = pool
        self._storage = Storage(pool)
        self._projections = projections
        self._id = uuid4()
        self._load = load
        self._progress = progress

    async def run(self) -> list[Rebuilt]:
        """Fills, compares, and lets the new rows serve; the old ones are kept.

        Raises Rejected `projection.rebuild_running`, and SetupError `projection.poisoned` and
        `projection.no_switch`.
        """
        outcomes = []
        async with self._filled() as generations:
            for projection in self._projections:
                generation = generations[projection.name]
                comparison = await compare(self._store, self._storage, projection, generation)
                if comparison is not None and comparison.differing:
                    log.warning(
                        "projection.differed",
                        projection=projection.name,
                        rows=comparison.rows,
                        differing=comparison.differing,
                    )
                await self._switch(projection, generation)
                outcomes.append(Rebuilt(projection.name, projection.version, comparison))
        return outcomes

    async def verify(self, tenant_id: UUID) -> list[Rebuilt]:
        """Fills and compares only, with the digests of a tenant; what serves goes on serving."""
        async with self._filled() as generations:
            return [
                Rebuilt(
                    projection.name,
                    projection.version,
                    await compare(
                        self._store,
                        self._storage,
                        projection,
                        generations[projection.name],
                        digests_of=tenant_id,
                    ),
                )
                for projection in self._projections
            ]

    # --- filling ------------------------------------------------------------------------------

    @asynccontextmanager
    async def _filled(self) -> AsyncIterator[Mapping[str, Generation]]:
        """The new generations, as far as the ledger goes; those that do not serve then, go."""
        async with self._pool.connection() as connection:
            await prepare(connection, self._projections)
            generations = await begin_rebuild(connection, self._id, self._projections)
        tending = asyncio.create_task(self._tend())
        try:
            await self._fill(generations)
            yield generations
        finally:
            await end(tending)
            await self._end(generations)

    async def _fill(self, generations: Mapping[str, Generation]) -> None:
        of = {projection: generations[projection.name] for projection in self._projections}
        loading = {projection: g for projection, g in of.items() if projection.by_stream}
        if self._load is not None:
            await self._load(self._id)
        elif loading:
            await Loader(self._store, self._pool, loading, self._id, "here").run()
        await self._report()
        await asyncio.gather(*(self._finish(g, p) for p, g in loading.items()))
        numbers = {name: generation.number for name, generation in generations.items()}
        runner = ProjectionRunner(self._store, self._pool, self._projections, only=numbers)
        await runner.catch_up_all()
        serving = ProjectionRunner(self._store, self._pool, self._projections)
        if max((at.lag_events for at in await serving.status()), default=0) < _LIVE_LAG_MAX:
            await serving.catch_up_all()  # a server may not be running, and the two are compared

    async def _finish(self, generation: Generation, projection: Projection) -> None:
        async with self._pool.connection() as connection:
            await finish_loading(connection, generation, projection)

    async def _tend(self) -> None:
        pause = _PROGRESS_SECONDS if self._progress else _TEND_SECONDS
        while True:
            with contextlib.suppress(OSError, psycopg.OperationalError):
                async with self._pool.connection() as connection:
                    await tend(connection, self._id)
                await self._report()
            await asyncio.sleep(pause)

    async def _report(self) -> None:
        if self._progress is not None:
            async with self._pool.connection() as connection:
                self._progress(*await loaded_events(connection, self._id))

    async def _end(self, generations: Mapping[str, Generation]) -> None:
        async with self._pool.connection() as connection:
            known = await generations_of(connection, generations)
            made = {(g.projection, g.number) for g in generations.values()}
            unserved = [
                g
                for g in known
                if (g.projection, g.number) in made and g.state in (State.LOADING, State.FILLING)
            ]
            await end_rebuild(connection, self._id, unserved)

    async def _switch(self, projection: Projection, generation: Generation) -> None:
        number = {generation.projection: generation.number}
        runner = ProjectionRunner(self._store, self._pool, [projection], only=number)
        for _ in range(_SWITCH_ATTEMPTS):
            await runner.catch_up_all()
            if await take_over(self._store, self._storage, projection, generation):
                return
            await asyncio.sleep(_SWITCH_SECONDS)
        raise SetupError(
            "projection.no_switch",
            "let long queries on its tables end, or see in `crm projections status` what stopped"
            " it, and rebuild it again; the tables that serve are as they were",
            projection=projection.name,
        )
