"""Every request is traced, counted, timed, and told in one line of the log.

Of what was asked, the log has the operation's name and the hash of its document: neither variables
nor anything else that a person may have typed.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from functools import lru_cache
from time import perf_counter
from typing import Any, NamedTuple
from uuid import uuid4

import structlog
from graphql import get_operation_ast
from opentelemetry.context import Context as TraceContext
from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind
from prometheus_client import Gauge, Histogram
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.http import GraphQLRequestData

from crm_api.graphql.context import Context
from crm_api.graphql.documents import valid_document
from crm_api.schema import schema
from crm_api.tracing import answering
from crm_core.kernel.telemetry import is_traced, span

__all__ = ["Telemetry"]

log = structlog.get_logger()

_SECONDS = Histogram(
    "crm_request_seconds",
    "How long requests took, by what they were and what became of them.",
    ["kind", "outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_IN_FLIGHT = Gauge("crm_requests_in_flight", "Requests that are being answered.")

_SHOWN = {
    "graphql", "graphiql", "login", "session", "account", "health", "metrics", "audit", "files",
}  # fmt: skip
_POLLED = {"health", "metrics"}  # every few seconds, by machines: no news
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
_LENGTH_MAX = 20_000


class _Operation(NamedTuple):
    """`kind`: query, mutation or subscription; `graphql` where the document is none."""

    kind: str
    name: str | None
    hash: str


class Telemetry:
    """The outermost middleware. Honours `traceparent` (W3C) and `X-Request-Id`, answers with the
    latter; ids that are not of the usual form are replaced. Once the server is closing, says so.
    """

    def __init__(self, app: ASGIApp, closing: asyncio.Event) -> None:
        self._app = app
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        with span("request", parent=_parent(headers), kind=SpanKind.SERVER) as tracing:
            told = _Told(scope, headers, tracing)
            with answering(told.trace_id), _IN_FLIGHT.track_inprogress():
                try:
                    await self._app(scope, receive, told.watching(send, self._closing))
                finally:
                    told.tell()


class _Told:
    """What is known of one request, in the end."""

    def __init__(self, scope: Scope, headers: Headers, tracing: span) -> None:
        self._scope = scope
        self._tracing = tracing
        self._began = perf_counter()
        self._status = 0
        found = _TRACE_PARENT.fullmatch(headers.get("traceparent", ""))
        self.trace_id = tracing.trace_id or (found[1] if found else uuid4().hex)
        given = headers.get("x-request-id", "")
        self._request_id = given if _REQUEST_ID.fullmatch(given) else self.trace_id

    def watching(self, send: Send, closing: asyncio.Event) -> Send:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]
                said = [(b"x-request-id", self._request_id.encode())]
                if closing.is_set():
                    said.append((b"connection", b"close"))
                message["headers"] = [*message["headers"], *said]
            elif message["type"] == "websocket.close":
                self._status = message.get("code", 1000)
            await send(message)

        return watched

    def tell(self) -> None:
        seconds = perf_counter() - self._began
        state: dict[str, Any] = self._scope.get("state", {})
        place = self._place()
        asked: GraphQLRequestData | None = state.get("asked")
        operation = None if asked is None else _operation(asked.query, asked.operation_name)
        kind = place if operation is None else operation.kind
        outcome = state.get("outcome") or ("ok" if self._status < 400 else str(self._status))
        _SECONDS.labels(kind, outcome).observe(seconds)
        line = {
            "trace_id": self.trace_id,
            "request_id": self._request_id,
            "kind": kind,
            "status": self._status,
            "outcome": outcome,
            "ms": round(seconds * 1000, 2),
        }
        if operation is not None:
            line |= {"operation": operation.name, "document": operation.hash}
        context: Context | None = state.get("context")
        if context is not None:
            line["principal"] = None if context.session is None else context.session.actor.id
            line["cost"] = None if context.charge is None else context.charge.actual
        if place in _POLLED:
            log.debug("request", **line)
        else:
            log.info("request", **line)
        self._trace(operation, kind, outcome)

    def _place(self) -> str:
        """The first part of the path, where it is one of ours: others may be anything."""
        if self._scope["type"] == "websocket":
            return "websocket"
        first = self._scope["path"].split("/", 2)[1]
        return first if first in _SHOWN else "other"

    def _trace(self, operation: _Operation | None, kind: str, outcome: str) -> None:
        tracing = self._tracing
        if tracing.trace_id is None:
            return
        tracing.rename(kind if operation is None else f"{kind} {operation.name or '(unnamed)'}")
        tracing.note("crm.outcome", outcome)
        tracing.note("http.response.status_code", self._status)
        if operation is not None:
            tracing.note("graphql.operation.type", operation.kind)
            tracing.note("crm.document", operation.hash)


def _parent(headers: Headers) -> TraceContext | None:
    return extract(dict(headers)) if is_traced() else None


def _operation(text: str | None, name: str | None) -> _Operation:
    known = _known if len(text or "") <= _LENGTH_MAX else _known.__wrapped__
    return known(text, name)


@lru_cache(1_024)
def _known(text: str | None, name: str | None) -> _Operation:
    """The name is told only where the document has an operation of that name."""
    text = text or ""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    document = valid_document(text, schema)
    operation = None if document is None else get_operation_ast(document, name)
    if operation is None:
        return _Operation("graphql", None, digest)
    named = operation.name.value if operation.name else None
    return _Operation(operation.operation.value, named, digest)
