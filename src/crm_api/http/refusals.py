"""Answers to requests that never become an operation."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from crm_api.graphql.errors import ErrorCode
from crm_api.messages import Language, sentence
from crm_api.tracing import trace_id

__all__ = ["HttpRefusal", "refusal_error", "refusal_response"]

_STATUS = {
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.BAD_USER_INPUT: 400,
    ErrorCode.QUERY_TOO_LARGE: 400,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.NOT_ACCEPTABLE: 406,
    ErrorCode.PAYLOAD_TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorCode.THROTTLED: 429,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.INTERNAL: 500,
}


class HttpRefusal(Exception):
    """`reason` is a code of the message catalogue, `parameters` what its sentence names, `beside`
    what the client needs to go on.
    """

    def __init__(
        self,
        code: ErrorCode,
        reason: str,
        headers: dict[str, str] | None = None,
        **parameters: Any,
    ) -> None:
        super().__init__(reason)
        self.beside: dict[str, Any] = {}
        self.code = code
        self.reason = reason
        self.headers = headers or {}
        self.parameters = parameters

    @property
    def status(self) -> int:
        return _STATUS[self.code]


def refusal_error(refusal: HttpRefusal, language: Language) -> Any:
    """The refusal as an error of GraphQL."""
    return {
        "message": sentence(refusal.reason, refusal.parameters, language),
        "extensions": {
            "code": refusal.code.value,
            "reason": refusal.reason,
            "traceId": trace_id(),
            **refusal.beside,
        },
    }


def refusal_response(refusal: HttpRefusal, language: Language, media_type: str) -> Response:
    """The refusal as a response of GraphQL: errors, and no data."""
    return Response(
        msgspec.json.encode({"errors": [refusal_error(refusal, language)]}),
        status_code=refusal.status,
        media_type=media_type,
        headers={"cache-control": "no-store", **refusal.headers},
    )
