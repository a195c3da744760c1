"""A proxy between a client and its PostgreSQL that cuts the line at the moment a test chose."""

from __future__ import annotations

import asyncio
from collections import Counter
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Cut", "CuttingProxy"]

_CHUNK_BYTES = 2**16
_QUIET_SECONDS = 0.05


class Cut(Enum):
    """What still reaches its end before the line is cut."""

    NOTHING = "what the client sent never reaches the server"
    HALF = "half of what the client sent reaches the server"
    ALL_BUT_THE_ANSWER = "the server has done it all and the client never hears of it"


class CuttingProxy:
    """Listens on a socket of its own in `folder`; `made` counts the cuts, by kind.

    A cut that leaves no transaction open behind it is counted once more in `settled`: there, what
    the server was asked for is stored, and the answer is lost.
    """

    def __init__(self, server: Path, folder: Path) -> None:
        self._server = server
        self.folder = folder
        self._armed: tuple[Cut, int] | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self.made: Counter[Cut] = Counter()
        self.settled = 0

    def arm(self, cut: Cut, *, after: int) -> None:
        """Cuts the line of whoever sends next, after this many other things were sent."""
        self._armed = (cut, after)

    def disarm(self) -> None:
        self._armed = None

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_unix_server(
            self._connected, self.folder / ".s.PGSQL.5432"
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._listening.close()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.create_task(self._carry(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)

    async def _carry(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(self._server)
        line = _Line()
        ways = [
            asyncio.create_task(self._up(line, client, to_server)),
            asyncio.create_task(self._down(line, server, to_client)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (to_client, to_server):
                end.close()

    async def _up(
        self, line: _Line, client: asyncio.StreamReader, server: asyncio.StreamWriter
    ) -> None:
        while sent := await client.read(_CHUNK_BYTES):
            cut = self._due() if line.is_ready else None
            if cut is Cut.NOTHING:
                return
            if cut is Cut.HALF:
                server.write(sent[: len(sent) // 2])
                await server.drain()
                return
            line.is_mute = line.is_mute or cut is Cut.ALL_BUT_THE_ANSWER
            server.write(sent)
            await server.drain()

    async def _down(
        self, line: _Line, server: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        while True:
            # A server that was asked for no more than its words so far says nothing at their end.
            patience = _QUIET_SECONDS if line.is_mute else None
            async with asyncio.timeout(patience):
                kind = await server.readexactly(1)
                length = await server.readexactly(4)
                rest = await server.readexactly(int.from_bytes(length) - 4)
            if kind == b"Z":  # ready for the next query; `I` outside of a transaction
                line.is_ready = True
                if line.is_mute:
                    self.settled += rest == b"I"
                    return
            if not line.is_mute:
                client.write(kind + length + rest)

    def _due(self) -> Cut | None:
        if self._armed is None:
            return None
        cut, after = self._armed
        self._armed = None if after == 0 else (cut, after - 1)
        if after > 0:
            return None
        self.made[cut] += 1
        return cut


class _Line:
    """One client's connection: past its start or not, and whether it still gets answers."""

    def __init__(self) -> None:
        self.is_ready = False
        self.is_mute = False
