"""Signing in: an e-mail address and a password for a bearer token; a code after a first factor."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import structlog
from starlette.requests import Request
from starlette.routing import Route

from crm_api.graphql.errors import ErrorCode
from crm_api.http.account import open_session
from crm_api.http.attempts import Limit
from crm_api.http.bodies import read_json
from crm_api.http.guessing import Guessing, address_of
from crm_api.http.posts import answering, read_fields, unauthenticated
from crm_api.http.refusals import HttpRefusal
from crm_api.http.replacing import replacing
from crm_api.kept import NotKept
from crm_api.services import Services
from crm_api.signing_in import Halfway
from crm_core import SYSTEM, Rejected
from crm_core.identity import UseCode, User

__all__ = ["Login", "code_required"]

log = structlog.get_logger()

_PASSWORD_LENGTH_MAX = 200
_EMAIL_LENGTH_MAX = 320
_CODE_LENGTH_MAX = 40
# A password is checked in 64 MiB of memory: so many at once, the others wait.
_CHECKS_AT_ONCE = 4


class Credentials(msgspec.Struct, frozen=True):
    """`code`: a time code or a recovery code, for users with a second factor."""

    email: str
    password: str
    code: str | None = None

    def __repr__(self) -> str:
        return "Credentials(…)"


class CodeGiven(msgspec.Struct, frozen=True):
    """`flow`: of the sign-in that has shown one factor."""

    flow: str
    code: str

    def __repr__(self) -> str:
        return "CodeGiven(…)"


class Login:
    """`POST /login`, `POST /login/code`. A wrong password and an unknown address look the same and
    take as long.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._guessing = Guessing(services)
        self._checking = asyncio.Semaphore(_CHECKS_AT_ONCE)

    def routes(self) -> list[Route]:
        return [
            Route(path, answering(replacing(self._services, handler)), methods=["POST"])
            for path, handler in (("/login", self.sign_in), ("/login/code", self.finish))
        ]

    async def sign_in(self, request: Request) -> dict[str, Any]:
        given = _credentials(await read_json(request))
        email = given.email.strip().lower()
        await self._guessing.require_patience(request, "password")
        here = await self._require_patience_for(email, request)
        async with self._checking:
            user = await self._services.crm.authenticate(given.email, given.password)
        if user is None:
            log.warning("login.failed")
            self._guessing.note(email, "password")
            raise HttpRefusal(ErrorCode.UNAUTHENTICATED, "login.failed")
        if user.needs_second_factor:
            if given.code is None:
                raise code_required(self._services, user)
            await self._take(user.id, given.code)
        await self._services.attempts.forget(here.key)
        return await open_session(
            self._services, user.id, "password", is_strong=user.needs_second_factor
        )

    async def finish(self, request: Request) -> dict[str, Any]:
        """`POST /login/code`: a time code or a recovery code, by who has shown a first factor."""
        given = await read_fields(request, CodeGiven)
        await self._guessing.require_patience(request, "code")
        try:
            user_id = self._services.halfway.open(given.flow).user_id
        except NotKept:
            log.warning("login.failed")
            raise unauthenticated("login.wrong_code") from None
        user = await self._services.crm.get(User, user_id)
        here = await self._require_patience_for(str(user.email), request)
        await self._take(user_id, given.code)
        await self._services.attempts.forget(here.key)
        return await open_session(self._services, user_id, "code", is_strong=True)

    async def _require_patience_for(self, email: str, request: Request) -> Limit:
        """Few from one place for one user; more in all, so that nobody can lock another one out
        from elsewhere at little cost. Answers what is to be forgotten after a right one.
        """
        here = Limit(f"{email} {address_of(request)}", 5)
        await self._guessing.require_patience_for(email, here, Limit(f"of {email}", 30))
        return here

    async def _take(self, user_id: UUID, code: str) -> None:
        try:
            await self._services.crm.execute(UseCode(user_id=user_id, code=code), SYSTEM)
        except Rejected:
            log.warning("login.failed")
            self._guessing.note(user_id, "code")
            raise HttpRefusal(ErrorCode.UNAUTHENTICATED, "login.wrong_code") from None


def code_required(services: Services, user: User) -> HttpRefusal:
    """Says which second factors would do, and hands out what shows that the first was right."""
    refusal = HttpRefusal(ErrorCode.UNAUTHENTICATED, "login.code_required")
    factors = {
        "TOTP": user.is_totp_confirmed,
        "PASSKEY": bool(user.passkeys) and services.passkeys is not None,
        "SENT_CODE": user.takes_sent_codes and services.sent_codes is not None,
    }
    refusal.beside = {
        "factors": [name for name, is_on in factors.items() if is_on],
        "flow": services.halfway.seal(Halfway(user.id)),
    }
    return refusal


def _credentials(given: dict[str, object]) -> Credentials:
    try:
        credentials = msgspec.convert(given, Credentials)
    except msgspec.ValidationError:
        raise HttpRefusal(ErrorCode.BAD_REQUEST, "login.malformed") from None
    if len(credentials.code or "") > _CODE_LENGTH_MAX:
        raise HttpRefusal(ErrorCode.BAD_REQUEST, "login.malformed")
    if len(credentials.email) > _EMAIL_LENGTH_MAX or len(credentials.password) > (
        _PASSWORD_LENGTH_MAX
    ):
        raise HttpRefusal(ErrorCode.BAD_REQUEST, "login.malformed")
    return credentials
