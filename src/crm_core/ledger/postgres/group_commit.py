"""Concurrent appends of one process share a transaction: what queued during one commit is the next.

There is no timer: a lone append is written at once. Where many wait, they are written as two groups
that take turns: while the server stores one, this process encodes and answers the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from crm_core.kernel.errors import CrmError
from crm_core.ledger.postgres.optimistic import PlainAppends, plain
from crm_core.ledger.records import Append, Appended

__all__ = ["GroupCommit", "Outcomes", "Ticket"]

Outcomes = list[Appended | CrmError]

_QUEUED_MAX = 10_000  # callers beyond this wait before they may queue
_GROUP_EVENTS_MAX = 5_000
_GROUP_BYTES_MAX = 16 * 2**20
_HALVED_MIN = 4  # callers that are worth two groups


@dataclass(slots=True, eq=False)
class Ticket:
    """A caller's appends, encoded while others are being written, and the future he waits for."""

    tenant_id: UUID
    appends: Sequence[Append]
    plain: PlainAppends | None
    outcomes: asyncio.Future[Outcomes]
    events: int = field(init=False)
    bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.events = sum([append.size for append in self.appends])
        self.bytes = sum([append.bytes for append in self.appends])

    def settle(self, outcomes: Outcomes | Exception) -> None:
        if self.outcomes.done():
            return  # he was cancelled meanwhile
        if isinstance(outcomes, Exception):
            self.outcomes.set_exception(outcomes)
        else:
            self.outcomes.set_result(outcomes)


Write = Callable[[Sequence[Ticket]], Awaitable[Sequence[Outcomes | Exception]]]


class GroupCommit:
    """Hands groups of tickets to `write`, which says of each caller what became of his appends."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._queue: asyncio.Queue[Ticket] = asyncio.Queue(_QUEUED_MAX)
        self._writers: list[asyncio.Task[None]] = []
        self._writing = 0  # groups

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> Outcomes:
        """The outcomes, in order. A caller that is cancelled before its turn leaves no trace; after
        it, what was stored stays stored.
        """
        if not self._writers:
            self._writers = [
                asyncio.create_task(self._write_groups(), name=f"ledger writer {n}") for n in (1, 2)
            ]
        outcomes: asyncio.Future[Outcomes] = asyncio.get_running_loop().create_future()
        await self._queue.put(Ticket(tenant_id, appends, plain(tenant_id, appends), outcomes))
        return await outcomes

    async def close(self) -> None:
        """Ends the writers; callers that still wait are cancelled."""
        for writer in self._writers:
            writer.cancel()
        await asyncio.gather(*self._writers, return_exceptions=True)
        while not self._queue.empty():
            self._queue.get_nowait().outcomes.cancel()

    async def _write_groups(self) -> None:
        while True:
            group = await self._next_group()
            self._writing += 1
            try:
                for ticket, outcomes in zip(group, await self._write(group), strict=True):
                    ticket.settle(outcomes)
            except BaseException:  # the writer itself ends; nobody may wait for it in vain
                for ticket in group:
                    ticket.outcomes.cancel()
                raise
            finally:
                self._writing -= 1

    async def _next_group(self) -> list[Ticket]:
        group = [await self._queue.get()]
        waiting = self._queue.qsize()
        many = (waiting + 1) // 2 if self._writing == 0 and waiting >= _HALVED_MIN else waiting + 1
        events, size = group[0].events, group[0].bytes
        while len(group) < many and events < _GROUP_EVENTS_MAX and size < _GROUP_BYTES_MAX:
            ticket = self._queue.get_nowait()
            group.append(ticket)
            events += ticket.events
            size += ticket.bytes
        return [ticket for ticket in group if not ticket.outcomes.done()]
