"""The last line: whatever nobody foresaw ends here, named in the log and masked for the client."""

from __future__ import annotations

import traceback

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_api.graphql.errors import ErrorCode, code_of
from crm_api.http.refusals import HttpRefusal, refusal_response
from crm_api.messages import language_of
from crm_api.tracing import trace_id

__all__ = ["Guard"]

log = structlog.get_logger()

_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=31536000; includeSubDomains",  # heeded over TLS only
    # An answer is no page: whoever opens it as one gets nothing that runs, loads or is framed.
    "content-security-policy": (
        "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'; sandbox"
    ),
    "cache-control": "no-store",
}
"""What no answer goes without, unless its maker says otherwise. There are no cookies."""

_RAW_HEADERS = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]


class Guard:
    """Middleware that logs where an exception came from, never its text: that may hold data."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = {name for name, _ in message["headers"]}
                lacking = [header for header in _RAW_HEADERS if header[0] not in given]
                message["headers"] = [*message["headers"], *lacking]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - see the module
            code = code_of(error)
            frames = traceback.extract_tb(error.__traceback__)
            log.error(
                "http.failed",
                code=code.value,
                trace_id=trace_id(),
                error=type(error).__name__,
                at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
            )
            if scope["type"] == "http" and not started:
                away = code is ErrorCode.UNAVAILABLE
                refusal = HttpRefusal(
                    ErrorCode.UNAVAILABLE if away else ErrorCode.INTERNAL,
                    "api.unavailable" if away else "api.internal",
                )
                language = language_of(Request(scope).headers.get("accept-language", ""))
                response = refusal_response(refusal, language, "application/json")
                await response(scope, receive, send)
