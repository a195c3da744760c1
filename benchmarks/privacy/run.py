"""What the sealing of personal fields costs an append: the same events sealed and in plain.

Comments of 300 characters, appended one by one by 32 writers, each encoded and sealed as a command
does it, on PostgreSQL. The two take turns; the plain ones are of a class without the mark of a
personal field. There is no peer in this run: the anchor is our own append without sealing.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from crm_core import SYSTEM, Crm, new_id
from crm_core.embedded import EmbeddedPostgres
from crm_core.kernel.events import Event, PersonalText
from crm_core.ledger.postgres.migrate import migrate
from crm_core.ledger.records import Append, Expected, StreamAppend

WRITERS = 32
EVENTS_A_ROUND = 3_200
ROUNDS = 25
SUBJECTS = 500
ROOT_KEY = bytes(range(32))


class Sealed(Event):
    TOPIC = "benchmark.privacy.sealed"
    body: PersonalText


class Plain(Event):
    TOPIC = "benchmark.privacy.plain"
    body: str


async def appended(crm: Crm, kind: type[Event], subjects: list[UUID], events: int) -> None:
    """One writer's share of a round."""
    for number in range(events):
        subject = subjects[number % len(subjects)]
        event = object.__new__(kind)
        event.__dict__.update(
            originator_id=new_id(),
            originator_version=1,
            timestamp=datetime.now(UTC),
            body="x" * 300,
        )
        ciphers = (
            await crm.store.keyring.for_sealing(crm.tenant_id, [subject]) if kind is Sealed else {}
        )
        new = crm.store.encode(crm.tenant_id, subject, [event], [new_id()], None, ciphers)
        command_id = new_id()
        append = Append(
            command_id=command_id,
            actor=SYSTEM,
            correlation_id=command_id,
            streams=(StreamAppend("benchmark.privacy", event.originator_id, Expected.NONE, new),),
        )
        (outcome,) = await crm.store.ledger.append(crm.tenant_id, [append])
        assert not isinstance(outcome, Exception), outcome


async def events_per_second(crm: Crm, kind: type[Event], subjects: list[UUID]) -> float:
    started = time.perf_counter()
    share = EVENTS_A_ROUND // WRITERS
    await asyncio.gather(*(appended(crm, kind, subjects, share) for _ in range(WRITERS)))
    return EVENTS_A_ROUND / (time.perf_counter() - started)


async def compare(crm: Crm) -> None:
    subjects = [new_id() for _ in range(SUBJECTS)]
    await crm.store.keyring.for_sealing(crm.tenant_id, subjects)
    rates: dict[type[Event], list[float]] = {Plain: [], Sealed: []}
    for number in range(ROUNDS + 1):
        for kind, seen in rates.items():
            rate = await events_per_second(crm, kind, subjects)
            if number:  # the first round only warms up
                seen.append(rate)
    plain, sealed = (statistics.median(seen) for seen in rates.values())
    print("| append of a 300-character comment | events/s | rounds from | to |")
    print("|---|---|---|---|")
    for name, rate, seen in (("in plain", plain, rates[Plain]), ("sealed", sealed, rates[Sealed])):
        print(f"| {name} | {rate:,.0f} | {min(seen):,.0f} | {max(seen):,.0f} |")
    print(f"\nSealing costs {1 - sealed / plain:.1%} of the throughput: medians of {ROUNDS} rounds")
    print(f"that took turns. {os.cpu_count()} cores.")


async def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres.start(folder / "data") as server:
            await migrate(server.url())
            async with await Crm.open(server.url(), root_key=ROOT_KEY) as crm:
                await compare(crm)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    asyncio.run(main())
