"""Worker processes of a rebuild, which start, are looked after, and end with it."""

from __future__ import annotations

import asyncio
import sys
from uuid import UUID

import msgspec
import structlog

from crm_core import SetupError
from crm_core.ledger.postgres.connections import Pool
from crm_projections.rebuilding.parts import free_parts

__all__ = ["Processes", "Task", "WorkerEnd"]

log = structlog.get_logger()

_DEATHS_MAX = 10


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told."""

    url: str
    root_key: bytes
    rebuild_id: UUID


class WorkerEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker ended. `code` and what follows are those of the error, if there was one."""

    peak_bytes: int
    code: str | None = None
    remedy: str = ""
    parameters: dict[str, str | int] = {}


class Processes:
    """`load` of a `Rebuild`, by so many processes. `url` and `root_key` are those of `Crm.open`.

    A worker that is killed is replaced; what it had not finished is done again. `peaks_bytes` are
    the largest memory that each of the workers needed.
    """

    def __init__(self, url: str, root_key: bytes, pool: Pool, workers: int) -> None:
        self._url = url
        self._root_key = root_key
        self._pool = pool
        self._workers = workers
        self._deaths = 0
        self.peaks_bytes: list[int] = []

    async def load(self, rebuild_id: UUID) -> None:
        """Raises what a worker raised, and SetupError `projection.workers_died`."""
        running = [asyncio.create_task(self._keep_one(rebuild_id)) for _ in range(self._workers)]
        try:
            await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _keep_one(self, rebuild_id: UUID) -> None:
        """A worker, and another one where it died, until one has ended by itself."""
        task = Task(url=self._url, root_key=self._root_key, rebuild_id=rebuild_id)
        while True:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "crm_projections.rebuilding.worker",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                said, _ = await process.communicate(msgspec.json.encode(task))
            except asyncio.CancelledError:
                process.kill()
                await process.wait()
                raise
            if process.returncode == 0:
                self._ended(msgspec.json.decode(said, type=WorkerEnd))
                return
            await self._died(rebuild_id, process)

    def _ended(self, end: WorkerEnd) -> None:
        self.peaks_bytes.append(end.peak_bytes)
        if end.code is not None:
            raise SetupError(end.code, end.remedy, **end.parameters)

    async def _died(self, rebuild_id: UUID, process: asyncio.subprocess.Process) -> None:
        log.warning("projection.worker_died", exit=process.returncode)
        self._deaths += 1
        if self._deaths > _DEATHS_MAX:
            raise SetupError(
                "projection.workers_died",
                "see above why the worker processes end; they may lack memory",
                deaths=self._deaths,
            )
        async with self._pool.connection() as connection:
            await free_parts(connection, rebuild_id, f"{rebuild_id}-{process.pid}")
