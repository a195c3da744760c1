"""A few wires for questions, shared by all who ask; where one is lost, it is asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
from psycopg.pq.abc import PGresult

from crm_core.ledger.postgres.connections import Pool, connect_beside
from crm_core.ledger.postgres.failures import is_lost
from crm_core.ledger.postgres.wire import WIRE_SETTINGS, Statement, Wire
from crm_core.ledger.signal import Closed

__all__ = ["Wires"]


class Wires:
    """For statements that change nothing: one whose answer was lost is sent again, once."""

    def __init__(self, pool: Pool, *, size: int) -> None:
        self._pool = pool
        self._size = size
        self._wires: list[Wire] = []
        self._connecting = asyncio.Lock()
        self._is_closed = False

    async def run(self, statement: Statement, parameters: Sequence[bytes]) -> PGresult:
        """The statement's rows, in binary format. Raises the driver's exceptions, and Closed."""
        try:
            return await (await self._least_busy()).run(statement, parameters)
        except (OSError, psycopg.OperationalError) as error:
            if self._is_closed:
                raise Closed from None
            if not is_lost(error):
                raise
        return await (await self._least_busy()).run(statement, parameters)

    async def close(self) -> None:
        self._is_closed = True
        for wire in self._wires:
            await wire.close()

    async def _least_busy(self) -> Wire:
        """An idle wire, a new one where all are busy, or the one with the fewest before us."""
        while True:
            if self._is_closed:
                raise Closed
            self._wires = [wire for wire in self._wires if wire.usable]
            best = min(self._wires, key=lambda wire: wire.waiting, default=None)
            if best is not None and (best.waiting == 0 or len(self._wires) >= self._size):
                return best
            if best is not None and self._connecting.locked():
                return best
            async with self._connecting:
                if len(self._wires) < self._size:
                    wire = Wire(await connect_beside(self._pool, WIRE_SETTINGS))
                    self._wires.append(wire)
                    return wire
