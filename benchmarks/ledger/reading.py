"""What is read back, and how our ledger and event store read it: a walk in pages, from the start.

The events are of the product: stage changes of opportunities, in which nothing is personal here,
and comments on tickets, whose text is sealed. Each walk begins without any unwrapped key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import TypeAlias
from uuid import UUID, uuid4

from measuring import Reading

from crm_core.kernel.events import Event
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import SYSTEM
from crm_core.ledger.codec import form_of
from crm_core.ledger.event_store import EventStore
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.keys import PostgresKeyStore
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.records import Append, Expected, StreamAppend
from crm_core.privacy.keys import Keyring
from crm_core.sales.opportunity.events import StageChanged
from crm_core.sales.pipeline.events import ForecastCategory
from crm_core.service.ticket.events import CommentAdded, CommentAuthorKind, CommentVisibility

__all__ = ["DECODED", "EVENTS", "PAGE_EVENTS", "RAW", "STREAM_EVENTS", "UNSEALED", "NewLoop",
           "Streams", "ledger_readings", "stage_change_text", "stage_changes"]  # fmt: skip

RAW = "raw"
DECODED = "decoded"
UNSEALED = "decoded, a text unsealed in each"

EVENTS = 50_000
PAGE_EVENTS = 2_000
STREAM_EVENTS = 10

NewLoop: TypeAlias = Callable[[], asyncio.AbstractEventLoop]
Streams: TypeAlias = Iterator[tuple[UUID, list[Event]]]

_AT_ONCE_STREAMS = 100
_NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_PIPELINE = uuid4()
_TEXT = "The invoice of last month has the old address on it. Could you send it again, please? " * 2


def stage_changes() -> Streams:
    """EVENTS stage changes, ten to an opportunity."""
    for _ in range(EVENTS // STREAM_EVENTS):
        opportunity = new_id()
        yield opportunity, [_stage_change(opportunity, n) for n in range(1, STREAM_EVENTS + 1)]


def stage_change_text() -> str:
    """One of them as it is stored."""
    event = _stage_change(new_id(), 1)
    return form_of(StageChanged).encode(event, new_id(), new_id(), None).decode()


def comments() -> Streams:
    """EVENTS comments, ten to a ticket."""
    for _ in range(EVENTS // STREAM_EVENTS):
        ticket = new_id()
        yield ticket, [_comment(ticket, n) for n in range(1, STREAM_EVENTS + 1)]


def _stage_change(opportunity: UUID, version: int) -> StageChanged:
    return StageChanged(
        originator_id=opportunity,
        originator_version=version,
        timestamp=_NOW,
        from_stage="qualified",
        to_stage="proposal_sent",
        pipeline_id=_PIPELINE,
        pipeline_version=3,
        probability=Decimal(40),
        forecast_category=ForecastCategory.PIPELINE,
        reason=None,
    )


def _comment(ticket: UUID, version: int) -> CommentAdded:
    return CommentAdded(
        originator_id=ticket,
        originator_version=version,
        timestamp=_NOW,
        visibility=CommentVisibility.PUBLIC,
        author_kind=CommentAuthorKind.AGENT,
        body=_TEXT,
        is_first_public_reply=version == 1,
        cycle=1,
        cycle_started_at=_NOW,
    )


# --- our ledger and event store -------------------------------------------------------------------


def ledger_readings(url: str, new_loop: NewLoop) -> Mapping[str, Reading]:
    changes, texts = uuid4(), uuid4()  # tenants
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_fill(url, changes, stage_changes()))
        runner.run(_fill(url, texts, comments()))

    def reading(walk: Callable[[EventStore, UUID], AsyncIterator[int]], tenant: UUID) -> Reading:
        async def timed() -> float:
            async with _store(url) as store:
                started = time.perf_counter()
                events = sum([read async for read in walk(store, tenant)])
                seconds = time.perf_counter() - started
            assert events == EVENTS, events
            return events / seconds

        def run() -> float:
            with asyncio.Runner(loop_factory=new_loop) as runner:
                return runner.run(timed())

        return run

    return {
        RAW: reading(_raw, changes),
        DECODED: reading(_decoded, changes),
        UNSEALED: reading(_decoded, texts),
    }


async def _raw(store: EventStore, tenant: UUID) -> AsyncIterator[int]:
    after = 0
    while page := await store.ledger.page(tenant, after=after, limit=PAGE_EVENTS):
        after = page[-1].position
        yield len(page)


async def _decoded(store: EventStore, tenant: UUID) -> AsyncIterator[int]:
    async for page in store.pages(tenant, page_events=PAGE_EVENTS):
        yield len(page)


async def _fill(url: str, tenant: UUID, streams: Streams) -> None:
    async with _store(url) as store:
        while some := list(islice(streams, _AT_ONCE_STREAMS)):
            await _append(store, tenant, some)


async def _append(
    store: EventStore, tenant: UUID, streams: Sequence[tuple[UUID, list[Event]]]
) -> None:
    ciphers = await store.keyring.for_sealing(tenant, [stream for stream, _ in streams])
    appends = []
    for stream, events in streams:
        ids = [new_id() for _ in events]
        new = store.encode(tenant, stream, events, ids, None, ciphers)
        appends.append(
            Append(
                command_id=new_id(),
                actor=SYSTEM,
                correlation_id=new_id(),
                streams=(StreamAppend("bench.read", stream, Expected.NONE, new),),
            )
        )
    await store.ledger.append(tenant, appends)


@asynccontextmanager
async def _store(url: str) -> AsyncIterator[EventStore]:
    pool = await open_pool(url, "crm_app")
    store = EventStore(PostgresLedger(pool), Keyring(bytes(32), PostgresKeyStore(pool)))
    try:
        yield store
    finally:
        await store.ledger.close()
