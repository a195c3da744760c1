"""The audit's speed: hashing, the tree, proofs at ten million leaves, export, verifier, replay.

No peer in this run: what matters is that none of it is slower than the ledger. Events are made up,
400 bytes of data each, except for the proofs, whose leaves are made up.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import psycopg

from crm_core.audit.crm_verify import Folder, verify_export, verify_inclusion
from crm_core.audit.export import Export, export
from crm_core.audit.log import AuditLog, Signer
from crm_core.audit.record import leaf_of
from crm_core.audit.signing import AuditKeys, Memory, new_key_line
from crm_core.audit.store import AuditStore
from crm_core.audit.tree import Edge, Tiles, inclusion_ranges, tiles_of
from crm_core.embedded import EmbeddedPostgres
from crm_core.kernel.messages import Actor, ActorKind
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.postgres.migrate import migrate
from crm_core.ledger.records import StoredEvent

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
LEAVES = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
TENANT = UUID(int=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
DATA = b'{"text":"' + b"x" * 389 + b'"}'


def made(position: int) -> StoredEvent:
    return StoredEvent(
        tenant_id=TENANT,
        position=position,
        event_id=UUID(int=position),
        stream_type="sales.opportunity",
        stream_id=UUID(int=position % 1000 + 1),
        version=position // 1000 + 1,
        type="sales.opportunity.stage_changed",
        schema_version=1,
        recorded_at=START + timedelta(microseconds=position),
        effective_at=None,
        actor=Actor(ActorKind.USER, str(UUID(int=7))),
        command_id=UUID(int=position),
        correlation_id=UUID(int=position),
        causation_id=None,
        reason=None,
        subject_ids=(UUID(int=position % 1000 + 1),),
        tags=(),
        data=DATA,
    )


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    print(f"| {what} | {count:,} | {seconds:.1f} | {count / seconds:,.0f} |", flush=True)


def hashing(events: list[StoredEvent]) -> None:
    with timed("records encoded and hashed", len(events)):
        leaves = [leaf_of(event) for event in events]
    edge = Edge()
    with timed("leaves appended to the tree, in memory", len(leaves)):
        for at in range(0, len(leaves), 2_000):
            edge.extend(leaves[at : at + 2_000])


async def proofs(pool: Pool) -> None:
    """Inclusion proofs out of the database, each one checked."""
    store, edge = AuditStore(pool), Edge()
    tenant = UUID(int=2)
    with timed("leaves appended to the tree, and tiles stored", LEAVES):
        for at in range(0, LEAVES, 100_000):
            count = min(100_000, LEAVES - at)
            leaves = [sha256(b"%d" % index).digest() for index in range(at, at + count)]
            changed = edge.extend(leaves)
            async with store.growing(tenant) as growing:
                assert growing is not None
                await growing.grow(edge.size, changed)
    root, dice, taken = edge.root(), random.Random(1), []
    for _ in range(500):
        index = dice.randrange(LEAVES)
        started = time.perf_counter()
        ranges = inclusion_ranges(index, LEAVES)
        tiles = Tiles(await store.tiles(tenant, tiles_of(ranges)))
        hashes = tiles.proof(ranges)
        taken.append((time.perf_counter() - started) * 1000)
        leaf = sha256(b"%d" % index).digest()
        assert verify_inclusion(leaf, index, LEAVES, hashes, root)
    p95 = statistics.quantiles(taken, n=20)[-1]
    print(f"\nInclusion proof at {LEAVES:,} leaves: median {statistics.median(taken):.2f} ms, "
          f"p95 {p95:.2f} ms.\n", flush=True)  # fmt: skip


async def files(url: str, pool: Pool, events: list[StoredEvent], folder: Path) -> None:
    ledger = PostgresLedger(pool)
    for at in range(0, len(events), 5_000):
        await ledger.restore(TENANT, events[at : at + 5_000])
    signer = Signer(AuditKeys.parse(new_key_line()), Memory(folder / "signed"))
    audit = AuditLog(ledger, AuditStore(pool), signer)
    with timed("ledger integrated into the tree", len(events)):
        await audit.integrate(TENANT)
    await audit.sign(TENANT)
    keys = [str(key) for key in audit.verifiers(TENANT)]
    with timed("exported", len(events)):
        await export(audit, TENANT, folder / "export")
    for jobs in (1, 2):
        with timed(f"verified, {jobs} process(es)", len(events)):
            verify_export(Folder(folder / "export"), keys, jobs=jobs)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("set session_replication_role = replica")
        await connection.execute("truncate ledger.event, ledger.head")
    with timed("replayed into an empty ledger", len(events)):
        async for page in Export(folder / "export").pages(len(events)):
            await ledger.restore(TENANT, page)


async def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres.start(folder / "data") as server:
            await migrate(server.url())
            pool = await open_pool(server.url(), "crm_app")
            print("| what | number | seconds | a second |\n|---|---|---|---|")
            events = [made(position) for position in range(1, EVENTS + 1)]
            hashing(events)
            await files(server.url(), pool, events, folder)
            await proofs(pool)
            await pool.close()
    finally:
        shutil.rmtree(folder)


asyncio.run(main())
