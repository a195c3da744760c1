"""Signing in: an e-mail address and a password for a bearer token."""

from __future__ import annotations

import asyncio
import math

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from crm_api.graphql.errors import ErrorCode
from crm_api.graphql.ids import global_id
from crm_api.http.attempts import Attempts
from crm_api.http.bodies import read_json
from crm_api.http.refusals import HttpRefusal, refusal_response
from crm_api.messages import language_of
from crm_api.services import Services

__all__ = ["Login"]

log = structlog.get_logger()

_PASSWORD_LENGTH_MAX = 200
_EMAIL_LENGTH_MAX = 320
# A password is checked in 64 MiB of memory: so many at once, the others wait.
_CHECKS_AT_ONCE = 4


class Credentials(msgspec.Struct, frozen=True):
    email: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(…)"


class Login:
    """`POST /login`. A wrong password and an unknown address look the same and take as long."""

    def __init__(self, services: Services) -> None:
        self._services = services
        # Few from one place for one user; more in all, so that nobody can lock another one out
        # from elsewhere at little cost.
        self._limits = (
            Attempts(attempts_max=5, window_seconds=60),
            Attempts(attempts_max=30, window_seconds=60),
            Attempts(attempts_max=30, window_seconds=60),
        )
        self._checking = asyncio.Semaphore(_CHECKS_AT_ONCE)

    async def sign_in(self, request: Request) -> Response:
        try:
            return await self._signed_in(request)
        except HttpRefusal as refusal:
            language = language_of(request.headers.get("accept-language", ""))
            return refusal_response(refusal, language, "application/json")

    async def _signed_in(self, request: Request) -> Response:
        given = _credentials(await read_json(request))
        email = given.email.strip().lower()
        address = request.client.host if request.client else "unknown"
        keys = (f"{email} {address}", email, address)
        self._require_patience(keys)
        for limit, key in zip(self._limits, keys, strict=True):
            limit.count(key)
        async with self._checking:
            user = await self._services.crm.authenticate(given.email, given.password)
        if user is None:
            log.warning("login.failed")
            raise HttpRefusal(ErrorCode.UNAUTHENTICATED, "login.failed")
        self._limits[0].forget(keys[0])
        token, session = self._services.tokens.issue(user.id)
        log.info("login.succeeded", user_id=str(user.id))
        return JSONResponse(
            {
                "token": token,
                "expiresAt": session.expires_at.isoformat(timespec="seconds"),
                "userId": global_id("User", user.id),
            },
            headers={"cache-control": "no-store"},
        )

    def _require_patience(self, keys: tuple[str, ...]) -> None:
        wait = max(
            limit.seconds_to_wait(key) for limit, key in zip(self._limits, keys, strict=True)
        )
        if wait > 0:
            seconds = math.ceil(wait)
            raise HttpRefusal(
                ErrorCode.THROTTLED,
                "login.too_many_attempts",
                {"retry-after": str(seconds)},
                seconds=seconds,
            )


def _credentials(given: dict[str, object]) -> Credentials:
    try:
        credentials = msgspec.convert(given, Credentials)
    except msgspec.ValidationError:
        raise HttpRefusal(ErrorCode.BAD_REQUEST, "login.malformed") from None
    if len(credentials.email) > _EMAIL_LENGTH_MAX or len(credentials.password) > (
        _PASSWORD_LENGTH_MAX
    ):
        raise HttpRefusal(ErrorCode.BAD_REQUEST, "login.malformed")
    return credentials
