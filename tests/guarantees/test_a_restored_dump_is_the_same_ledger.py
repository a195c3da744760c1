"""G16: a dump, restored into a fresh cluster or a newer one, is the same ledger and goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from crm_core import SYSTEM, Crm, Rejected
from crm_core.customers import Customer, RegisterPerson, TagCustomer
from crm_core.kernel.ids import new_id
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.migrate import migrate, pending
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner

from .history import faults_of_log
from .server import Server, running_server
from .writing import whole_log

ROOT_KEY = bytes(range(32))
ADA = RegisterPerson(name="Ada", email="ada@example.com")
COMMAND_ID = new_id()
TAGS = 50


@asynccontextmanager
async def projected(crm: Crm, url: str) -> AsyncIterator[ProjectionRunner]:
    pool = await open_pool(url, "crm_projector")
    runner = ProjectionRunner(crm.store, pool, PROJECTIONS)
    await runner.prepare()
    yield runner
    await pool.close()


def restore(old: Server, new: Server, *options: str) -> None:
    """With the newer server's programs, as its documentation asks: roles first, then a database."""
    new.run("psql", "--quiet", new.url(), stdin=new.run("pg_dumpall", "--roles-only",
            f"--dbname={old.url()}"))  # fmt: skip
    dump = new.folder / "dump"
    new.run("pg_dump", "--format=custom", f"--file={dump}", *options, old.url())
    new.run("pg_restore", "--exit-on-error", f"--dbname={new.url()}", str(dump))


async def faults_after(old: Server, new: Server) -> list[str]:
    """How the restored ledger differs from the one that was dumped, and whether it goes on."""
    faults = []
    async with (
        await Crm.open(old.url(), root_key=ROOT_KEY) as before,
        await Crm.open(new.url(), root_key=ROOT_KEY) as after,
    ):
        tenant, ledger = before.tenant_id, after.store.ledger
        log = await whole_log(ledger, tenant)
        if log != await whole_log(before.store.ledger, tenant):
            faults.append("the events differ")
        head = await ledger.head(tenant)
        if head != await before.store.ledger.head(tenant):
            faults.append("the heads differ")
        if (await after.get(Customer, ADA.customer_id)).name != "Ada":
            faults.append("what is personal does not open")
        if not (await after.execute(ADA, SYSTEM, command_id=COMMAND_ID)).replayed:
            faults.append("a command that was executed is executed again")
        try:
            await after.execute(RegisterPerson(name="Eve", email="ada@example.com"), SYSTEM)
            faults.append("a unique key is taken twice")
        except Rejected:
            pass
        async with projected(before, old.url()) as one, projected(after, new.url()) as other:
            if [at.position for at in await other.status()] != [head.position] * len(PROJECTIONS):
                faults.append("the read models begin again")
            if await one.digests(tenant) != await other.digests(tenant):
                faults.append("the read models differ")
            await after.execute(TagCustomer(customer_id=ADA.customer_id, tag="later"), SYSTEM)
            await other.catch_up(tenant)
        seen = [event.position for event in await ledger.page(tenant, after=head.position, limit=9)]
        if seen != [head.position + 1]:
            faults.append("a reader does not go on where it was")
        faults += faults_of_log(await whole_log(ledger, tenant))
    return faults


async def fill(server: Server) -> UUID:
    await migrate(server.url())
    async with await Crm.open(server.url(), root_key=ROOT_KEY) as crm:
        await crm.execute(ADA, SYSTEM, command_id=COMMAND_ID)
        for n in range(TAGS):
            await crm.execute(TagCustomer(customer_id=ADA.customer_id, tag=f"t{n}"), SYSTEM)
        async with projected(crm, server.url()) as runner:
            await runner.catch_up(crm.tenant_id)
        return crm.tenant_id


@pytest.mark.parametrize("old_major", [15, 17, 18])
async def test_a_dump_is_restored_into_a_fresh_or_newer_cluster(old_major: int) -> None:
    with running_server(old_major) as old, running_server(18) as new:
        await fill(old)
        restore(old, new)
        assert await pending(new.url()) == []
        assert await faults_after(old, new) == []


# --- planted bugs: a backup that leaves something out


@pytest.mark.parametrize(
    ("left_out", "fault"),
    [
        ("ledger.claim", "a unique key is taken twice"),
        ("ledger.command", "a command that was executed is executed again"),
    ],
)
async def test_a_dump_that_leaves_something_out_is_caught(left_out: str, fault: str) -> None:
    with running_server(18) as old, running_server(18) as new:
        await fill(old)
        restore(old, new, f"--exclude-table-data={left_out}")
        try:
            faults: Sequence[str] = await faults_after(old, new)
        except Rejected as refusal:  # the keys of the table were still in the way
            faults = [f"{fault}: {refusal.code}"]
        assert any(found.startswith(fault) for found in faults)
