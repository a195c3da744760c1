"""Loading a record of so many events: folded whole, and by a snapshot with so many events after it.

Tickets with comments of 300 characters, sealed, through the public API on PostgreSQL. There is no
peer in this run: the anchor is our own fold of all events. Medians.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from uuid import UUID

from crm_core import SYSTEM, Crm, Request, new_id
from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.migrate import migrate
from crm_core.service.ticket.commands import CommentOnTicket, OpenTicket
from crm_core.service.ticket.events import CommentAuthorKind, CommentVisibility, TicketChannel
from crm_core.service.ticket.ticket import Ticket

LENGTHS = (10, 30, 50, 100, 300, 1_000, 5_000)
LATER = (0, 50, 99)
TIMES = 40
ROOT_KEY = bytes(range(32))


def comment(ticket_id: UUID) -> CommentOnTicket:
    return CommentOnTicket(
        ticket_id=ticket_id,
        visibility=CommentVisibility.INTERNAL,
        author_kind=CommentAuthorKind.AGENT,
        body="x" * 300,
    )


async def ticket_of(crm: Crm, events: int) -> UUID:
    ticket_id = new_id()
    opening = OpenTicket(ticket_id=ticket_id, subject="Help", channel=TicketChannel.WEB)
    commands = [opening, *(comment(ticket_id) for _ in range(events - 1))]
    for start in range(0, events, 1_000):
        batch = [Request(command=c, actor=SYSTEM) for c in commands[start : start + 1_000]]
        await crm.execute_many(batch)
    return ticket_id


async def milliseconds(*acts: Callable[[], Awaitable[object]]) -> list[float]:
    """The median of each act; they take turns, so that whatever else goes on hits all alike."""
    taken: list[list[float]] = [[] for _ in acts]
    for _ in range(TIMES):
        for act, times in zip(acts, taken, strict=True):
            started = time.perf_counter()
            await act()
            times.append(time.perf_counter() - started)
    return [statistics.median(times) * 1000 for times in taken]


async def loading(folding: Crm, shortened: Crm) -> None:
    header = " | ".join(f"snapshot, {later} later, ms" for later in LATER)
    print(f"| events | folded, ms | {header} |")
    print("|---|" + "---|" * (1 + len(LATER)))
    for length in LENGTHS:
        ticket_id = await ticket_of(folding, length)
        cells = await milliseconds(partial(folding.get, Ticket, ticket_id))
        for later in LATER:
            if later < length:
                await take(shortened, ticket_id, length - later)
                cells += await milliseconds(partial(shortened.get, Ticket, ticket_id))
        shown = [f"{cell:.2f}" for cell in cells] + ["–"] * (1 + len(LATER) - len(cells))
        print(f"| {length:,} | " + " | ".join(shown) + " |")


async def take(crm: Crm, ticket_id: UUID, version: int) -> None:
    await crm.aggregates.drop_snapshots(crm.tenant_id)
    await crm.aggregates.take_snapshot(crm.tenant_id, ticket_id, version)


async def commanding(folding: Crm, shortened: Crm) -> None:
    """A command on a short record pays nothing for snapshots; on a long one it gains."""
    print("\n| a comment on a ticket of | without snapshots, ms | with, ms |")
    print("|---|---|---|")
    for length in (5, 1_000, 5_000):
        acts = []
        for crm in (folding, shortened):
            ticket_id = await ticket_of(crm, length)
            acts.append(partial(crm.execute, comment(ticket_id), actor=SYSTEM))
        without, with_them = await milliseconds(*acts)
        print(f"| {length:,} events | {without:.2f} | {with_them:.2f} |")


async def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres.start(folder / "data") as server:
            await migrate(server.url())
            async with (
                await Crm.open(server.url(), root_key=ROOT_KEY, snapshot_every=0) as folding,
                await Crm.open(server.url(), root_key=ROOT_KEY) as shortened,
            ):
                await loading(folding, shortened)
                await commanding(folding, shortened)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    asyncio.run(main())
