"""G13: on a full disk an append fails with a code, and goes on by itself once there is room.

A small disk in memory holds the tables, or the server's write-ahead log. Without room for a table
the server refuses what needs more; without room for its log it goes down.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.crm_core.ledger.contract import command, event, stream

from crm_core import CrmError, Unavailable
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.postgres.migrate import migrate
from crm_core.ledger.records import Append, Appended, Expected

from .server import Server, open_folder
from .writing import Appending, Record, persist

TENANT = uuid4()
_EVENT_BYTES = 100_000


async def test_without_room_for_tables_appends_are_refused_until_there_is_some() -> None:
    with small_disk(megabytes=50) as disk, server_on(tables=disk, log=None) as server:
        await migrate(server.url())
        ledger = PostgresLedger(await open_pool(server.url(), "crm_app"))
        record = Record()
        unstored, outcome = await fill(ledger, record)
        assert outcome.code == "database.full"
        assert await record.faults(ledger) == []  # it is still read

        resize(disk, megabytes=200)
        (stored,) = await ledger.append(TENANT, [unstored])
        assert isinstance(stored, Appended)
        assert not stored.replayed  # nothing of it had been stored
        assert record.tell(TENANT, stored)
        assert await record.faults(ledger) == []
        await ledger.close()


async def test_without_room_for_its_log_the_server_goes_down_and_loses_nothing() -> None:
    with small_disk(megabytes=30) as disk, server_on(tables=None, log=disk) as server:
        await migrate(server.url())
        pool = await open_pool(server.url(), "crm_app")
        ledger = PostgresLedger(pool, recovery_seconds=1)
        record = Record()
        unheard, outcome = await fill(ledger, record)
        assert outcome.code == "database.gone"

        await asyncio.to_thread(server.wait_for_its_end)  # its recovery finds no room either
        resize(disk, megabytes=400)
        server.start()
        assert record.tell(TENANT, await persist(ledger, TENANT, unheard))
        assert await record.faults(ledger) == []
        await ledger.close()


# --- a planted bug: the same disk must show it


class ConfidentLedger:
    """Takes what the database refused for stored."""

    def __init__(self, ledger: PostgresLedger) -> None:
        self._ledger = ledger
        self.was_refused = False

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        (append,) = appends
        (outcome,) = await self._ledger.append(tenant_id, appends)
        if isinstance(outcome, Unavailable):
            self.was_refused = True
            return [Appended(append.command_id, append.event_ids, 0, self._ledger.clock.now())]
        return [outcome]


async def test_a_ledger_that_takes_a_refusal_for_success_is_caught() -> None:
    with small_disk(megabytes=50) as disk, server_on(tables=disk, log=None) as server:
        await migrate(server.url())
        ledger = PostgresLedger(await open_pool(server.url(), "crm_app"))
        record, confident = Record(), ConfidentLedger(ledger)
        while not confident.was_refused:
            append = record.send(TENANT, big())
            assert record.tell(TENANT, await persist(confident, TENANT, append))
        assert any("is lost" in fault for fault in await record.faults(ledger))
        await ledger.close()


# --- the workshop


async def fill(ledger: Appending, record: Record) -> tuple[Append, Unavailable]:
    """Appends until one is not stored; that one, and what its writer was told."""
    while True:
        append = record.send(TENANT, big())
        (outcome,) = await ledger.append(TENANT, [append])
        if isinstance(outcome, Unavailable):
            return append, outcome
        assert record.tell(TENANT, outcome)


def big() -> Append:
    """A command with two events that no compression makes small."""
    events = [event(os.urandom(_EVENT_BYTES)) for _ in range(2)]
    return command(stream(uuid4(), Expected.NONE, *events), fingerprint=b"big")


@contextmanager
def server_on(*, tables: Path | None, log: Path | None) -> Iterator[Server]:
    """A server with its tables or its log in these places, the others beside them."""
    with open_folder() as folder:
        server = Server(18, folder, {"max_wal_size": "32MB" if log is None else "1GB"})
        server.cluster = (tables or folder) / "cluster"
        wal = (log or folder) / "wal"
        wal.mkdir()
        server.own(wal)
        server.initdb(f"--waldir={wal}", "--wal-segsize=1")
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A folder on a disk of its own, in memory. Skips where this process may not mount one."""
    with open_folder() as folder:
        mounted = mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder))
        if mounted.returncode != 0:
            pytest.skip(f"no small disk can be mounted: {mounted.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)


def resize(disk: Path, megabytes: int) -> None:
    assert mount("-o", f"remount,size={megabytes}m", str(disk)).returncode == 0


def mount(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["mount", *arguments], capture_output=True, text=True)
