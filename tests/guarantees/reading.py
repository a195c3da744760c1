"""Readers who tail a ledger and write down what they saw."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

import psycopg

from crm_core import Unavailable
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.records import StoredEvent
from crm_core.ledger.selection import EVERYTHING, Selection

from .history import Reading

__all__ = ["by_position", "patiently", "tail"]

_PAGE_EVENTS = 1_000

T = TypeVar("T")


async def tail(
    ledger: Ledger,
    tenant_id: UUID,
    reading: Reading,
    is_over: Callable[[], bool],
    selection: Selection = EVERYTHING,
) -> None:
    """Reads page after page and waits at the end, until it has all and nothing more will come."""
    while True:
        over = is_over()  # asked before the page: what is written until then is in it
        page = await patiently(
            lambda: ledger.page(
                tenant_id, after=reading.last, limit=_PAGE_EVENTS, selection=selection
            )
        )
        reading.take((event.position, event.event_id) for event in page)
        if not page and over:
            return
        if not page:
            await patiently(lambda: ledger.wait(tenant_id, after=reading.last, seconds=0.1))


def by_position(log: Sequence[StoredEvent]) -> dict[int, UUID]:
    """What a reader of the whole log ought to have seen."""
    return {event.position: event.event_id for event in log}


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await ask()
        except (psycopg.OperationalError, Unavailable):
            await asyncio.sleep(0.005)
