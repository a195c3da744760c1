"""Answers that go on: graphql-sse (distinct connections) and multipart subscriptions."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.http.streaming import (
    HTTPStreamTransport,
    MultipartSubscriptionTransport,
    SSETransport,
)
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, MULTIPART_SUBSCRIPTION_PROTOCOL

__all__ = ["EVENT_STREAM", "TRANSPORTS", "until_closing"]

EVENT_STREAM = SSETransport.protocol
_EVENTS = "text/event-stream"


class _EventStream(SSETransport):
    """As urql and others expect it: only where it is asked for before all else, lines end in LF."""

    def accepts(self, accept: str) -> bool:
        first = accept.partition(",")[0]
        return first.partition(";")[0].strip().lower() == _EVENTS

    def encode_event(self, event: str, data: str | None = None) -> str:
        return super().encode_event(event, data).replace("\r\n", "\n")

    def encode_comment(self, comment: str) -> str:
        return super().encode_comment(comment).replace("\r\n", "\n")


async def until_closing(
    closing: asyncio.Event, response: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Sends the response; once the server closes it ends without being complete, so that a client
    knows to go on elsewhere.
    """
    sending = asyncio.ensure_future(response(scope, receive, send))
    told = asyncio.ensure_future(closing.wait())
    try:
        await asyncio.wait([sending, told], return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
            return
    finally:
        told.cancel()
        sending.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sending
    await send({"type": "http.response.body", "body": b"", "more_body": False})


TRANSPORTS: dict[str, type[HTTPStreamTransport]] = {
    GRAPHQL_SSE_PROTOCOL: _EventStream,
    MULTIPART_SUBSCRIPTION_PROTOCOL: MultipartSubscriptionTransport,
}
