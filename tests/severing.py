"""A server between a client and PostgreSQL that breaks off at a chosen message.

It reads the client's side of the protocol (PostgreSQL manual, 54.7) and counts the messages that
make something happen: queries, executions, syncs, ends of copies. At the chosen one it cuts every
connection, and takes no new ones: either before the server has seen the message, or after the
server has answered it and before the client has seen the answer. To the client that is the end of
its process; to the server, the end of its client.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

__all__ = ["Severing", "Side", "severing"]

_COUNTED = frozenset(b"QESc")
_NEVER = 10**9


class Side(Enum):
    BEFORE = "before the server has seen it"
    AFTER = "after the server has answered it"


class Severing:
    """`seen` counts the messages since `arm`; `severed` is set once it has broken off."""

    def __init__(self, target: Path, url: str) -> None:
        self.url = url
        self.severed = asyncio.Event()
        self.seen = 0
        self._target = target
        self._at, self._side = _NEVER, Side.BEFORE
        self._writers: set[asyncio.StreamWriter] = set()

    def arm(self, at: int = _NEVER, side: Side = Side.BEFORE) -> None:
        """Breaks off at the message of this number from now on, the first being 1."""
        self.seen, self._at, self._side = 0, at, side
        self.severed.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.severed.is_set():
            writer.close()
            return
        from_server, to_server = await asyncio.open_unix_connection(str(self._target))
        ends = {writer, to_server}
        self._writers |= ends
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, to_server))
                both.create_task(self._answer(from_server, writer))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for end in ends:
                end.close()
            self._writers -= ends

    async def _forward(self, reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        length = await reader.readexactly(4)  # the first message has no type
        to.write(length + await reader.readexactly(int.from_bytes(length) - 4))
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
            if head[0] in _COUNTED:
                self.seen += 1
                if self.seen == self._at and self._side is Side.BEFORE:
                    self._sever()
            to.write(head + body)
            await to.drain()

    async def _answer(self, reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.seen >= self._at:
                self._sever()
            to.write(data)
            await to.drain()
        raise ConnectionResetError

    def _sever(self) -> None:
        self.severed.set()
        for writer in self._writers:
            writer.transport.abort()
        raise ConnectionResetError


@asynccontextmanager
async def severing(url: str) -> AsyncIterator[Severing]:
    """Stands before the server that the URL names; `Severing.url` leads through it."""
    to = conninfo_to_dict(url)
    socket = f".s.PGSQL.{to['port']}"
    folder = Path(tempfile.mkdtemp(prefix="crm-sever-"))
    made = Severing(Path(str(to["host"])) / socket, make_conninfo(url, host=str(folder)))
    server = await asyncio.start_unix_server(made.serve, str(folder / socket))
    try:
        yield made
    finally:
        server.close()
        for writer in list(made._writers):
            writer.transport.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await server.wait_closed()
        shutil.rmtree(folder)
