"""Statements asked side by side on a few connections, none of them waiting for another's answer.

libpq's pipeline mode: a statement is sent while earlier ones are still being worked on, and answers
come in the order of the questions. Each is a transaction of its own, so that an error stays with
the one that made it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
import structlog
from cachetools import LRUCache
from psycopg import pq

from crm_core.kernel.telemetry import span
from crm_core.ledger.postgres.connections import Connection, Pool, connect_beside

__all__ = ["Binary", "NotAnswered", "Pipelines"]

log = structlog.get_logger()

LINES = 4
STATEMENT_SECONDS_MAX = 2  # those behind it on the same connection wait as long
RECONNECT_SECONDS = 1.0
_PREPARED_MAX = 200  # on one connection
_SETTINGS = f"-c statement_timeout={STATEMENT_SECONDS_MAX}s"


class NotAnswered(Exception):
    """The statement failed or took too long (see `sqlstate`), or its connection was lost."""

    def __init__(self, sqlstate: str | None = None) -> None:
        super().__init__(sqlstate or "the connection was lost")
        self.sqlstate = sqlstate


class Binary(bytes):
    """A parameter in PostgreSQL's binary format; the others are text."""


class Pipelines:
    """Connections like those of a pool, each shared by many askers; opened when first needed."""

    def __init__(self, pool: Pool, lines: int = LINES) -> None:
        self._pool = pool
        self._lines: list[_Line | None] = [None] * lines
        self._opening: dict[int, asyncio.Task[_Line]] = {}
        self._closed = False

    async def ask(self, statement: str, parameters: Sequence[bytes | None]) -> bytes:
        """The one text value that the statement gives; its placeholders are `$1`, `$2`, …

        Raises NotAnswered. Whoever stops waiting costs the others nothing: the answer is dropped.
        """
        with span("sql"):
            return await (await self._line()).ask(statement, parameters)

    async def close(self) -> None:
        self._closed = True
        for opening in self._opening.values():
            opening.cancel()
        for line in self._lines:
            if line is not None:
                line.lose(NotAnswered())

    async def _line(self) -> _Line:
        """The connection with the fewest questions; one that is not there is opened."""
        open_lines = [line for line in self._lines if line is not None and line.is_open]
        least = min(open_lines, key=lambda line: line.waiting, default=None)
        if least is not None and (least.waiting == 0 or len(open_lines) == len(self._lines)):
            return least
        index = next(
            index for index, line in enumerate(self._lines) if line is None or not line.is_open
        )
        opening = self._opening.get(index)
        if opening is None:
            if self._closed:
                raise NotAnswered
            opening = self._opening[index] = asyncio.create_task(self._open(index))
            opening.add_done_callback(_heard)
        # While there is another one, it serves: a database that does not let us in stops nobody.
        return least if least is not None else await asyncio.shield(opening)

    async def _open(self, index: int) -> _Line:
        try:
            line = _Line(await connect_beside(self._pool, _SETTINGS))
        except (psycopg.Error, OSError) as error:
            log.warning("pipeline.not_opened", error=type(error).__name__)
            asyncio.get_running_loop().call_later(RECONNECT_SECONDS, self._opening.pop, index, None)
            raise NotAnswered from None
        self._lines[index] = line
        del self._opening[index]
        return line


def _formats_of(parameters: Sequence[bytes | None]) -> list[int]:
    """Of each parameter, as libpq takes it."""
    return [int(isinstance(value, Binary)) for value in parameters]


def _heard(opening: asyncio.Task[_Line]) -> None:
    """Nobody may be waiting any more; then the failure is no news."""
    if not opening.cancelled():
        opening.exception()


@dataclass(slots=True)
class _Asked:
    answer: asyncio.Future[bytes]
    statement: str
    preparing: bool
    value: bytes | None = None
    sqlstate: str | None = None
    failed: bool = False


class _Line:
    """One connection in pipeline mode."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._conn = connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._asked: deque[_Asked] = deque()
        self._names: LRUCache[str, bytes] = LRUCache(_PREPARED_MAX)
        self._made = 0
        self._writing = False
        self.is_open = True
        self._conn.nonblocking = 1
        self._conn.enter_pipeline_mode()
        self._socket = self._conn.socket  # libpq forgets it once the connection is lost
        self._loop.add_reader(self._socket, self._read)

    @property
    def waiting(self) -> int:
        return len(self._asked)

    def ask(self, statement: str, parameters: Sequence[bytes | None]) -> asyncio.Future[bytes]:
        answer = self._loop.create_future()
        try:
            name = self._names.get(statement)
            preparing = name is None
            if name is None:
                name = self._prepare(statement)
            self._conn.send_query_prepared(name, parameters, _formats_of(parameters))
            self._conn.pipeline_sync()
            self._asked.append(_Asked(answer, statement, preparing))
            self._write()
        except psycopg.Error:
            self.lose(NotAnswered())
            if not answer.done():
                answer.set_exception(NotAnswered())
        return answer

    def lose(self, error: NotAnswered) -> None:
        """Ends the connection; whoever waits hears it."""
        if not self.is_open:
            return
        self.is_open = False
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._conn.finish()
        while self._asked:
            answer = self._asked.popleft().answer
            if not answer.done():
                answer.set_exception(error)

    def _prepare(self, statement: str) -> bytes:
        if len(self._names) == _PREPARED_MAX:
            _, oldest = self._names.popitem()
            self._conn.send_query_params(b"deallocate " + oldest, None)
        self._made += 1
        name = self._names[statement] = b"s%d" % self._made
        self._conn.send_prepare(name, statement.encode())
        return name

    def _write(self) -> None:
        try:
            is_left = self._conn.flush() == 1
        except psycopg.Error:
            self.lose(NotAnswered())
            return
        if is_left and not self._writing:
            self._loop.add_writer(self._socket, self._write)
        elif self._writing and not is_left:
            self._loop.remove_writer(self._socket)
        self._writing = is_left

    def _read(self) -> None:
        try:
            self._conn.consume_input()
            while self._asked and not self._conn.is_busy():
                result = self._conn.get_result()
                if result is not None:
                    self._take(self._asked[0], result)
        except psycopg.Error:
            self.lose(NotAnswered())
            return
        if self._writing:
            self._write()  # the server reads on once its answers are read

    def _take(self, asked: _Asked, result: pq.abc.PGresult) -> None:
        match result.status:
            case pq.ExecStatus.PIPELINE_SYNC:
                self._asked.popleft()
                self._settle(asked)
            case pq.ExecStatus.TUPLES_OK:
                asked.value = result.get_value(0, 0)
            case pq.ExecStatus.FATAL_ERROR:
                asked.failed = True
                state = result.error_field(pq.DiagnosticField.SQLSTATE)
                asked.sqlstate = state.decode() if state else None
            case _:
                pass  # prepared, deallocated, or not reached because of an error before it

    def _settle(self, asked: _Asked) -> None:
        if asked.failed and asked.preparing:
            self._names.pop(asked.statement, None)
        if asked.answer.done():
            return  # whoever asked has gone
        if asked.failed or asked.value is None:
            asked.answer.set_exception(NotAnswered(asked.sqlstate))
        else:
            asked.answer.set_result(asked.value)
