"""Reading a JSON body within its limits."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request

from crm_api.graphql.errors import ErrorCode
from crm_api.graphql.limits import VALUE_DEPTH_MAX
from crm_api.http.refusals import HttpRefusal

__all__ = ["BODY_BYTES_MAX", "json_object", "read_body", "read_json", "require_json"]

BODY_BYTES_MAX = 1_000_000


async def read_json(request: Request) -> dict[str, Any]:
    """The object that the body is. Raises HttpRefusal 413, 415 or 400."""
    require_json(request.headers.get("content-type", ""))
    return json_object(await read_body(request))


def require_json(content_type: str) -> None:
    """Raises HttpRefusal 415 where the body is said to be something else."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise HttpRefusal(ErrorCode.UNSUPPORTED_MEDIA_TYPE, "http.not_json")


async def read_body(request: Request) -> bytes:
    """Kept for who asks again. Raises HttpRefusal 413 as soon as it turns out too large."""
    known: bytes | None = getattr(request.state, "body", None)
    if known is not None:
        return known
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise HttpRefusal(
                ErrorCode.PAYLOAD_TOO_LARGE, "http.body_too_large", limit=BODY_BYTES_MAX
            )
    request.state.body = bytes(body)
    return bytes(body)


def json_object(text: bytes | str) -> dict[str, Any]:
    """Raises HttpRefusal 400 where the text is no JSON object."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise HttpRefusal(ErrorCode.BAD_REQUEST, "http.bad_json") from None
    if not isinstance(found, dict):
        raise HttpRefusal(ErrorCode.BAD_REQUEST, "http.not_an_object")
    if _depth(found) > VALUE_DEPTH_MAX:
        raise HttpRefusal(ErrorCode.BAD_REQUEST, "http.too_deep", limit=VALUE_DEPTH_MAX)
    return found


def _depth(value: Any) -> int:
    """How deep objects and lists lie in each other; level by level, so depth costs no stack."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return depth
