"""Appends a second: our ledger beside pgbench's bare INSERT, on the same server, in one run.

One 400-byte event an append to an existing stream, by 1, 8 and 32 concurrent writers, all of one
tenant. pgbench inserts into a table of the same columns and indexes, with prepared statements and
without any of the ledger's checks: it is the physical anchor, not a rival. Durable settings.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from crm_core.embedded import EmbeddedPostgres, server_binaries
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import SYSTEM
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.postgres.migrate import migrate
from crm_core.ledger.records import Append, Appended, Expected, NewEvent, StreamAppend

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
WRITERS = (1, 8, 32)
DATA = b'{"text":"' + b"x" * 389 + b'"}'
TENANT = uuid4()

_ANCHOR = """
create table anchor (like ledger.event including defaults including indexes);
create sequence anchor_position;
"""
_INSERT = f"""
insert into anchor (tenant_id, position, event_id, stream_type, stream_id, version, type,
    schema_version, recorded_at, actor_kind, actor_id, command_id, correlation_id, data)
values ('{TENANT}', nextval('anchor_position'), gen_random_uuid(), 'bench.thing',
    gen_random_uuid(), 1, 'bench.thing.happened', 1, now(), 'SYSTEM', 'crm', gen_random_uuid(),
    gen_random_uuid(), decode('{DATA.hex()}', 'hex'));
"""


async def ours(url: str, writers: int) -> tuple[float, float]:
    """Appends a second, and the median of one in milliseconds."""
    ledger = PostgresLedger(await open_pool(url, "crm_app", size=8))
    streams = [uuid4() for _ in range(writers)]
    taken: list[float] = []
    for stream in streams:
        await append(ledger, stream, Expected.NONE)
    stop = time.perf_counter() + SECONDS

    async def write(stream: UUID) -> None:
        version = 1
        while (started := time.perf_counter()) < stop:
            await append(ledger, stream, version)
            version += 1
            taken.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(write(stream) for stream in streams))
    seconds = time.perf_counter() - started
    await ledger.close()
    return len(taken) / seconds, statistics.median(taken) * 1000


async def append(ledger: PostgresLedger, stream: UUID, expected: int | Expected) -> None:
    event = NewEvent(event_id=new_id(), type="bench.thing.happened", schema_version=1, data=DATA)
    command_id = new_id()
    (outcome,) = await ledger.append(
        TENANT,
        [
            Append(
                command_id=command_id,
                actor=SYSTEM,
                correlation_id=command_id,
                streams=(StreamAppend("bench.thing", stream, expected, (event,)),),
            )
        ],
    )
    assert isinstance(outcome, Appended), outcome


def anchor(url: str, writers: int, folder: Path) -> tuple[float, float]:
    script = folder / "insert.sql"
    script.write_text(_INSERT)
    pgbench = str(server_binaries() / "pgbench")
    command = [pgbench, "-n", "-M", "prepared", "-c", str(writers), "-j", "1", "-T",
               str(int(SECONDS)), "-f", str(script), url]  # fmt: skip
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    tps = next(line for line in said.splitlines() if line.startswith("tps"))
    rate = float(tps.split()[2])
    return rate, writers / rate * 1000


async def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres.start(folder / "data") as server:
            url = server.url()
            await migrate(url)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(_ANCHOR)
            print(
                "| writers | ours, appends/s | pgbench, inserts/s | ratio"
                " | ours, ms | pgbench, ms |"
            )
            print("|---|---|---|---|---|---|")
            for writers in WRITERS:
                theirs, their_ms = anchor(url, writers, folder)
                rate, ms = await ours(url, writers)
                print(
                    f"| {writers} | {rate:,.0f} | {theirs:,.0f} | {rate / theirs:.2f}"
                    f" | {ms:.2f} (median) | {their_ms:.2f} (mean) |",
                    flush=True,
                )
    finally:
        shutil.rmtree(folder)


asyncio.run(main())
