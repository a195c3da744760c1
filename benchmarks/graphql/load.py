"""Closed loops of requests to a contender's server, and the client that makes them."""

from __future__ import annotations

import asyncio
import time
from typing import cast

import msgspec
from contenders import Contender

__all__ = ["WARM_UP_SECONDS", "connected", "request", "turn"]

WARM_UP_SECONDS = 0.5


async def turn(contender: Contender, load: str, connections: int, seconds: float) -> list[float]:
    clients = [await connected(contender) for _ in range(connections)]
    begin = time.perf_counter() + WARM_UP_SECONDS
    end = begin + seconds
    samples: list[float] = []

    async def loop(index: int, client: _Client) -> None:
        number = index
        while (sent := time.perf_counter()) < end:
            answer = await client.ask(request(contender, load, number))
            done = time.perf_counter()
            assert b'"errors":' not in answer, answer[:300]
            if begin < done < end:
                samples.append(done - sent)
            number += connections

    await asyncio.gather(*(loop(*pair) for pair in enumerate(clients)))
    for client in clients:
        client.close()
    return samples


class _Client(asyncio.Protocol):
    """One connection, one request at a time; the answer's body, by its content-length or chunks."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lowered = head.lower()
        assert b" 200 " in head[:20], self._buffer[:500]
        _, found, rest = lowered.partition(b"content-length:")
        if found:
            length = int(rest.split(b"\r\n", 1)[0])
            if len(body) < length:
                return
        elif not body.endswith(b"0\r\n\r\n"):
            return
        self._buffer = b""
        assert self._answer is not None
        self._answer.set_result(body)


async def connected(contender: Contender) -> _Client:
    port = int(contender.command[3])
    _, client = await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", port)
    return client


def request(contender: Contender, load: str, number: int) -> bytes:
    body = msgspec.json.encode(contender.ask[load](number))
    token = contender.tokens[number % len(contender.tokens)]
    head = (
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"accept: application/json\r\nauthorization: Bearer {token}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
