"""Worker processes share the work, and any of them may be killed at any moment."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from crm_core import Crm
from crm_projections.runner import ProjectionRunner
from projecting import folded, somebody, tell

WORKER = Path(__file__).with_name("worker_process.py")
ROOT_KEY = bytes(range(32))  # that of the fixtures

Start = Callable[[], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def start(database_url: str) -> AsyncIterator[Start]:
    """Starts a worker; all end with the test."""
    begun = []

    async def started() -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(WORKER),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        begun.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{database_url}\n{ROOT_KEY.hex()}\n".encode())
        assert await process.stdout.readline() == b"ready\n"
        return process

    yield started
    for process in begun:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_killed_workers_leave_nothing_out_and_nothing_twice(
    crm: Crm, runner: ProjectionRunner, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = [await start(), await start()]
    tenants = [crm, *(Crm(crm.store.ledger, crm.store.keyring, tenant=f"t{n}") for n in range(4))]
    for number in range(3):
        for tenant in tenants:
            await tell(tenant, *somebody(f"{tenant.tenant}{number}"))
        workers[0].kill()  # whatever it is at
        await workers.pop(0).wait()
        for tenant in tenants:
            await tell(tenant, *somebody(f"{tenant.tenant}{number}b"))
        workers.append(await start())
    for tenant in tenants:
        await runner.wait_for(tenant.tenant_id, await tenant.position(), seconds=60)
        assert await runner.digests(tenant.tenant_id) == await folded(tenant)


async def test_two_processes_share_what_there_is_to_do(
    crm: Crm, runner: ProjectionRunner, start: Start
) -> None:
    for number in range(20):
        await tell(crm, *somebody(f"p{number}"))
    owners: set[str] = set()
    await asyncio.gather(start(), start())
    while len(owners) < 2:
        await tell(crm, *somebody(f"q{len(owners)}"[:2] + str(await crm.position())))
        async with runner.storage.pool.connection() as connection:
            found = await connection.execute(
                "select owner from read_model.checkpoint where owner is not null"
            )
            owners |= {owner.partition("-")[0] for (owner,) in await found.fetchall()}
    await runner.wait_for(crm.tenant_id, await crm.position(), seconds=60)
    assert await runner.digests(crm.tenant_id) == await folded(crm)
