"""Requests that are a JSON object in and one out; whoever is refused is told by a code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from crm_api.graphql.errors import ErrorCode, code_of
from crm_api.http.bodies import read_json
from crm_api.http.refusals import HttpRefusal, refusal_response
from crm_api.messages import language_of
from crm_api.services import Services
from crm_api.tokens import Session
from crm_core import CrmError

__all__ = ["Handler", "answering", "read_fields", "refusing", "speaker", "unauthenticated"]

Handler = Callable[[Request], Awaitable[dict[str, Any]]]
Endpoint = Callable[[Request], Awaitable[Response]]


def answering(handler: Handler) -> Endpoint:
    """The handler's answer, or its refusal in the reader's language; neither is ever cached."""

    async def answer(request: Request) -> Response:
        return JSONResponse(await handler(request), headers={"cache-control": "no-store"})

    return refusing(answer)


def refusing(handler: Endpoint) -> Endpoint:
    """The handler's response, or its refusal in the reader's language."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except HttpRefusal as refusal:
            refused = refusal
        except CrmError as refusal:
            if code_of(refusal) in (ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE):
                raise
            refused = HttpRefusal(code_of(refusal), refusal.code, None, **refusal.parameters)
        language = language_of(request.headers.get("accept-language", ""))
        return refusal_response(refused, language, "application/json")

    return answer


async def speaker(services: Services, request: Request, *, may_owe: bool = False) -> Session:
    """Who sends the request. Raises HttpRefusal: 401 where nobody known does, 403 where a second
    factor is owed, unless `may_owe`.
    """
    credentials = services.credentials
    asked = credentials.anybody if may_owe else credentials.bearer
    session = await asked(request.headers.get("authorization", ""))
    if session is None:
        raise unauthenticated("auth.required")
    return session


async def read_fields(request: Request, of: type[Any]) -> Any:
    """The body as this struct, its names in camel case. Raises HttpRefusal."""
    given = await read_json(request)
    plain = {_snake(name): value for name, value in given.items()}
    try:
        return msgspec.convert(plain, of)
    except msgspec.ValidationError:
        raise HttpRefusal(ErrorCode.BAD_REQUEST, "http.bad_fields") from None


def unauthenticated(reason: str) -> HttpRefusal:
    return HttpRefusal(ErrorCode.UNAUTHENTICATED, reason, {"www-authenticate": "Bearer"})


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
