"""How documents reach a server: HTTP, or an ASGI application in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, Self

import httpx2
import msgspec

from crm_client.errors import ApiError, Unreachable

__all__ = ["Http", "InProcess", "Transport"]

_SECONDS_MAX = 60.0  # for an answer; the server gives up earlier
_SILENCE_SECONDS_MAX = 45.0  # of a stream, whose server gives a sign of life every 15


class Transport(Protocol):
    async def ask(self, document: str, variables: dict[str, Any]) -> bytes:
        """The JSON body of the answer, errors and all. Raises Unreachable."""

    def follow(self, document: str, variables: dict[str, Any]) -> AsyncIterator[bytes]:
        """The JSON bodies of a subscription until it is complete. Raises Unreachable, ApiError."""

    async def close(self) -> None: ...


class Http:
    """GraphQL over HTTP; subscriptions by graphql-sse on the same address."""

    def __init__(self, http: httpx2.AsyncClient, token: str) -> None:
        self._http = http
        self._headers = {
            "authorization": f"Bearer {token}",
            "content-type": "application/json",
        }

    @classmethod
    def to(cls, address: str, token: str) -> Self:
        """`address` is that of the server, such as `https://crm.example.com`."""
        return cls(httpx2.AsyncClient(base_url=address, timeout=_SECONDS_MAX), token)

    @classmethod
    def within(cls, app: InProcess, token: str) -> Self:
        return cls(httpx2.AsyncClient(transport=app, base_url="http://crm"), token)

    async def ask(self, document: str, variables: dict[str, Any]) -> bytes:
        headers = self._headers | {"accept": "application/json"}
        body = _body(document, variables)
        try:
            response = await self._http.post("/graphql", content=body, headers=headers)
        except httpx2.TransportError as error:
            raise Unreachable(type(error).__name__) from error
        return response.content

    async def follow(self, document: str, variables: dict[str, Any]) -> AsyncIterator[bytes]:
        headers = self._headers | {"accept": "text/event-stream"}
        asked = self._http.stream(
            "POST", "/graphql", content=_body(document, variables), headers=headers,
            timeout=httpx2.Timeout(_SECONDS_MAX, read=_SILENCE_SECONDS_MAX),
        )  # fmt: skip
        try:
            async with asked as response:
                if not response.headers["content-type"].startswith("text/event-stream"):
                    raise ApiError(msgspec.json.decode(await response.aread())["errors"])
                async for event, said in _events(response.aiter_lines()):
                    if event == "complete":
                        return
                    yield said.encode()
        except httpx2.TransportError as error:
            raise Unreachable(type(error).__name__) from error
        raise Unreachable("the stream ended without being complete")

    async def close(self) -> None:
        await self._http.aclose()


def _body(document: str, variables: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"query": document, "variables": variables})


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, str]]:
    """Server-sent events (the HTML standard, 9.2), as far as graphql-sse uses them."""
    event, said = "", ""
    async for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            said = value
        elif not line and event:
            yield event, said
            event, said = "", ""


class InProcess(httpx2.AsyncBaseTransport):
    """Requests to an ASGI application, with answers that may go on for ever."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        exchange = _Exchange(await request.aread())
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
            "method": request.method, "scheme": "http", "path": request.url.path,
            "raw_path": request.url.raw_path, "query_string": request.url.query,
            "root_path": "", "headers": [(k.lower(), v) for k, v in request.headers.raw],
            "server": ("crm", 80), "client": ("127.0.0.1", 0), "state": {},
        }  # fmt: skip
        exchange.run(self._app(scope, exchange.receive, exchange.send))
        start = await exchange.next()
        return httpx2.Response(start["status"], headers=start["headers"], stream=exchange)


class _Exchange(httpx2.AsyncByteStream):
    """One request and its answer. The application waits where nobody reads."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=1)
        self._gone = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def run(self, application: Any) -> None:
        self._running = asyncio.ensure_future(application)

    async def receive(self) -> dict[str, Any]:
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        await self._sent.put(message)

    async def next(self) -> dict[str, Any]:
        """What the application sends next. Raises what it raised, or that it sent too little."""
        assert self._running is not None, "it is run before"
        sent = asyncio.ensure_future(self._sent.get())
        await asyncio.wait([sent, self._running], return_when=asyncio.FIRST_COMPLETED)
        if not sent.done() and self._sent.empty():
            sent.cancel()
            self._running.result()
            raise httpx2.RemoteProtocolError("the application ended before its answer did")
        return await sent

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self.next()
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def aclose(self) -> None:
        self._gone.set()
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
