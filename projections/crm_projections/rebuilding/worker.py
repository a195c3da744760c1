"""A process that fills parts of a rebuild: `python -m crm_projections.rebuilding.worker`.

It is told by JSON on its standard input what to work on, so that no secret is in its arguments, and
says by JSON on its standard output how it ended.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys

import msgspec

from crm_core import Crm, CrmError, SetupError
from crm_core.kernel.collecting import collector_relaxed
from crm_core.ledger.postgres.connections import open_pool
from crm_projections.generations import State, generations_of_rebuild
from crm_projections.rebuilding.loading import Loader
from crm_projections.rebuilding.processes import Task, WorkerEnd
from crm_projections.registry import all_projections
from crm_projections.runner import ProjectionRunner

__all__ = ["main"]


async def work(task: Task) -> None:
    """Fills parts until there are none left, then what goes batch by batch."""
    async with await Crm.open(task.url, root_key=task.root_key, every_tenant=True) as crm:
        pool = await open_pool(task.url, "crm_projector", size=4)
        try:
            async with pool.connection() as connection:
                generations = await generations_of_rebuild(connection, task.rebuild_id)
            by_name = {projection.name: projection for projection in all_projections()}
            for name in generations:
                if name not in by_name:
                    raise SetupError(
                        "projection.unknown",
                        "declare it by an entry point, or rebuild it in one process",
                        projection=name,
                    )
            loading = {
                by_name[g.projection]: g for g in generations.values() if g.state is State.LOADING
            }
            owner = f"{task.rebuild_id}-{os.getpid()}"
            if loading:
                await Loader(crm.store, pool, loading, task.rebuild_id, owner).run()
            filling = {g.projection: g.number for g in generations.values()
                       if g.state is State.FILLING}  # fmt: skip
            if filling:
                kept = [by_name[name] for name in filling]
                await ProjectionRunner(crm.store, pool, kept, only=filling).catch_up_all()
        finally:
            await pool.close()


def main() -> None:
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    collector_relaxed()
    code, remedy, parameters = None, "", {}
    try:
        asyncio.run(work(task))
    except CrmError as error:
        code, parameters = error.code, error.parameters
        remedy = error.remedy if isinstance(error, SetupError) else ""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    end = WorkerEnd(peak_bytes=peak, code=code, remedy=remedy, parameters=parameters)
    sys.stdout.buffer.write(msgspec.json.encode(end))


if __name__ == "__main__":
    main()
