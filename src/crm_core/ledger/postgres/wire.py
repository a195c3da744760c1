"""A connection for few statements that run very often: prepared once, parameters already binary.

It drives libpq's pipeline mode through psycopg's `pq` layer and leaves out what the driver does for
each execution (adapting values, building queries, cursors). Connecting stays with the driver, so
that every form of connection string, TLS and authentication works the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import psycopg
from psycopg import errors
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from crm_core.ledger.postgres.connections import Connection

__all__ = ["WIRE_SETTINGS", "Statement", "Wire"]

WIRE_SETTINGS = (
    # One plan for the life of the connection, so it must not be the one that suits an empty table.
    "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
)
_BINARY = 1
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE)


class Statement:
    """A text with `$1`… and the types of its parameters, by OID; one object a text."""

    __slots__ = ("oids", "text")

    def __init__(self, text: str, oids: Sequence[int]) -> None:
        self.text = text.encode()
        self.oids = oids


class Wire:
    """Statements go out as they come and are answered in order; each commits by itself."""

    def __init__(self, connection: Connection) -> None:
        """Takes over a connection that nobody else uses, in a running loop."""
        self._connection = connection
        self._pg: PGconn = connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._socket = self._pg.socket
        self._names: dict[Statement, bytes] = {}
        self._waiting: deque[asyncio.Future[PGresult]] = deque()
        self._answer: PGresult | None = None  # of the first one that waits
        self._pg.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._read)
        self.usable = True

    @property
    def waiting(self) -> int:
        """Statements that are not answered yet."""
        return len(self._waiting)

    async def run(self, statement: Statement, parameters: Sequence[bytes]) -> PGresult:
        """The statement's rows, in binary format. Raises the driver's exceptions.

        One that is cancelled after it was sent is carried out all the same.
        """
        if not self.usable:
            raise psycopg.OperationalError("the connection is lost")
        waits: asyncio.Future[PGresult] = self._loop.create_future()
        self._waiting.append(waits)
        try:
            self._send(statement, parameters)
        except psycopg.OperationalError as error:
            self._lose(error)
        return await waits

    async def close(self) -> None:
        if self.usable:
            self._lose(psycopg.OperationalError("the connection is closed"))
        await self._connection.close()

    def _send(self, statement: Statement, parameters: Sequence[bytes]) -> None:
        name = self._names.get(statement)
        if name is None:
            name = self._names[statement] = f"wire{len(self._names)}".encode()
            self._pg.send_prepare(name, statement.text, statement.oids)
        self._pg.send_query_prepared(name, parameters, [_BINARY] * len(parameters), _BINARY)
        self._pg.pipeline_sync()  # what fails takes nothing with it that comes after
        if self._pg.flush():
            self._loop.add_writer(self._socket, self._flush)

    def _flush(self) -> None:
        try:
            if not self._pg.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.OperationalError as error:
            self._lose(error)

    def _read(self) -> None:
        try:
            self._pg.consume_input()
            while self._waiting and not self._pg.is_busy():
                self._take(self._pg.get_result())
        except psycopg.OperationalError as error:
            self._lose(error)
        if self.usable and self._pg.status == ConnStatus.BAD:
            self._lose(psycopg.OperationalError("the server closed the connection"))

    def _take(self, result: PGresult | None) -> None:
        """Results come as: one of each message, nothing to part them, a sync at the end."""
        if result is None:
            return
        if result.status != ExecStatus.PIPELINE_SYNC:
            if self._answer is None or self._answer.status not in _FAILED:
                self._answer = result  # the first failure, or else the last success
            return
        answer, self._answer = self._answer, None
        waits = self._waiting.popleft()
        assert answer is not None, "every statement is answered before its sync"
        if waits.done():
            return
        if answer.status in _FAILED:
            waits.set_exception(errors.error_from_result(answer))
        else:
            waits.set_result(answer)

    def _lose(self, error: Exception) -> None:
        self.usable = False
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        for waits in self._waiting:
            if not waits.done():
                waits.set_exception(error)
        self._waiting.clear()
