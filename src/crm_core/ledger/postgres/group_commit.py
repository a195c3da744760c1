"""Concurrent appends of one process share a transaction: what queued during one commit is the next.

There is no timer: a lone append is written at once. One writer at a time keeps the order in which
appends were asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from crm_core.kernel.errors import CrmError
from crm_core.ledger.records import Append, Appended

__all__ = ["GroupCommit", "Ticket"]

Outcomes = list[Appended | CrmError]

_QUEUED_MAX = 10_000  # callers beyond this wait before they may queue
_GROUP_EVENTS_MAX = 5_000


@dataclass(slots=True, eq=False)
class Ticket:
    """A caller's appends, and the future that it waits for."""

    tenant_id: UUID
    appends: Sequence[Append]
    outcomes: asyncio.Future[Outcomes]

    @property
    def events(self) -> int:
        return sum(append.size for append in self.appends)


Write = Callable[[Sequence[Ticket]], Awaitable[list[Outcomes]]]


class GroupCommit:
    """Hands groups of tickets to `write`, which stores each group in one transaction."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._queue: asyncio.Queue[Ticket] = asyncio.Queue(_QUEUED_MAX)
        self._writer: asyncio.Task[None] | None = None

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> Outcomes:
        """The outcomes, in order. A caller that is cancelled before its turn leaves no trace; after
        it, what was stored stays stored.
        """
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_groups(), name="ledger writer")
        ticket = Ticket(tenant_id, appends, asyncio.get_running_loop().create_future())
        await self._queue.put(ticket)
        return await ticket.outcomes

    async def close(self) -> None:
        """Ends the writer; callers that still wait are cancelled."""
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        while not self._queue.empty():
            self._queue.get_nowait().outcomes.cancel()

    async def _write_groups(self) -> None:
        while True:
            group = await self._next_group()
            if group:
                await self._settle(group)

    async def _next_group(self) -> list[Ticket]:
        first = await self._queue.get()
        group, events = [first], first.events
        while events < _GROUP_EVENTS_MAX and not self._queue.empty():
            ticket = self._queue.get_nowait()
            group.append(ticket)
            events += ticket.events
        return [ticket for ticket in group if not ticket.outcomes.done()]

    async def _settle(self, group: list[Ticket]) -> None:
        try:
            written = await self._write(group)
        except (psycopg.DataError, psycopg.IntegrityError):
            await self._settle_alone(group)
        except Exception as error:  # noqa: BLE001 - belongs to those who wait, not to the writer
            for ticket in group:
                _fail(ticket, error)
        except BaseException:
            for ticket in group:
                ticket.outcomes.cancel()
            raise
        else:
            for ticket, outcomes in zip(group, written, strict=True):
                if not ticket.outcomes.done():
                    ticket.outcomes.set_result(outcomes)

    async def _settle_alone(self, group: list[Ticket]) -> None:
        """The database refused the group for something in one of them: each fails or not by itself.

        An id that was given twice, say, or a text with a zero byte.
        """
        for ticket in group:
            try:
                (outcomes,) = await self._write([ticket])
            except Exception as error:  # noqa: BLE001 - see above
                _fail(ticket, error)
            else:
                if not ticket.outcomes.done():
                    ticket.outcomes.set_result(outcomes)


def _fail(ticket: Ticket, error: Exception) -> None:
    if not ticket.outcomes.done():
        ticket.outcomes.set_exception(error)
