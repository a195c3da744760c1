"""Whose word counts for where a request comes from, and where one request ends."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from crm_api.http.attempts import Attempts
from crm_api.server import LOCAL_PROXY, Server

WRONG = {"email": "somebody@example.com", "password": "not the right one"}
FROM_ONE_ADDRESS = 5


@asynccontextmanager
async def serving(api: Any, proxies: str) -> AsyncIterator[tuple[str, int]]:
    """A real server of its own count of attempts."""
    own = dataclasses.replace(api.services, attempts=Attempts(), closing=asyncio.Event())
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = Server(own, proxies=proxies)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield listening.getsockname()
    server.should_exit = True
    await running


async def last_of_many(at: tuple[str, int], forwarded: str) -> int:
    """The status of one attempt more than one address has; `{n}` in the header counts them."""
    async with httpx.AsyncClient(base_url=f"http://{at[0]}:{at[1]}") as http:
        for n in range(FROM_ONE_ADDRESS + 1):
            headers = {"x-forwarded-for": forwarded.format(n=n)}
            answer = await http.post("/login", json=WRONG, headers=headers)
    return answer.status_code


@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        (LOCAL_PROXY, "192.0.2.{n}", 401),  # six people behind a proxy that is known
        (LOCAL_PROXY, "192.0.2.{n}, 198.51.100.7", 429),  # one who claims to be six
        ("10.0.0.0/8", "192.0.2.{n}", 429),  # one who claims to be a proxy
    ],
)
async def test_an_address_is_believed_of_a_proxy_that_is_known(
    api: Any, proxies: str, forwarded: str, status: int
) -> None:
    async with serving(api, proxies) as at:
        assert await last_of_many(at, forwarded) == status


@pytest.mark.parametrize(
    "ambiguous",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 5",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
    ],
)
async def test_a_request_whose_end_is_doubtful_is_refused(address: str, ambiguous: str) -> None:
    """So that a proxy that thinks otherwise lets nothing slip through behind it."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    smuggled = "0\r\n\r\nGET /health HTTP/1.1\r\nHost: crm\r\n\r\n"
    head = "POST /login HTTP/1.1\r\nHost: crm\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}{ambiguous}\r\n\r\n{smuggled}".encode())
    said = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    assert said.startswith("HTTP/1.1 400 ")
    assert said.count("HTTP/1.1 ") == 1
