"""The server process's end: nobody new, what was begun is finished, then all is closed.

Whoever has a connection gets `Connection: close` with the next answer. Websockets are closed with
1012 (service restart), event streams end without being complete: clients go on after their last
position, with another process or with this one's successor.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from time import monotonic

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from crm_api.app import create_app
from crm_api.services import Services

__all__ = ["LOCAL_PROXY", "SHUTDOWN_SECONDS", "Server"]

SHUTDOWN_SECONDS = 10
LOCAL_PROXY = "127.0.0.1"
_IDLE_SECONDS_MAX = 1.0  # for a client that keeps its connection to hear that it is closed
_LOOKS_APART_SECONDS = 0.02


class Server(uvicorn.Server):
    """Over open services; `seconds` is what requests have to finish in once it is told to end.

    `proxies`: addresses and networks, with commas between, that are believed whom they speak for.
    """

    def __init__(
        self, services: Services, seconds: int = SHUTDOWN_SECONDS, proxies: str = LOCAL_PROXY
    ) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(services),
                log_level="warning",
                access_log=False,
                ws="websockets-sansio",
                timeout_graceful_shutdown=seconds,
                forwarded_allow_ips=proxies,
            )
        )
        self._closing = services.closing
        self._seconds = seconds

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, but it does not raise them again: the services are to be closed."""
        loop = asyncio.get_running_loop()
        told = (signal.SIGTERM, signal.SIGINT)
        for number in told:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in told:
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        self._closing.set()
        until = monotonic() + min(_IDLE_SECONDS_MAX, self._seconds)
        while self.server_state.connections and monotonic() < until:
            for connection in list(self.server_state.connections):
                if isinstance(connection, WebSocketsSansIOProtocol):
                    connection.shutdown()
            await asyncio.sleep(_LOOKS_APART_SECONDS)
        await super().shutdown(sockets)
