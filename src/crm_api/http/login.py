"""Signing in: an e-mail address and a password for a bearer token."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import structlog
from starlette.requests import Request

from crm_api.graphql.errors import ErrorCode
from crm_api.http.account import open_session
from crm_api.http.attempts import Limit
from crm_api.http.bodies import read_json
from crm_api.http.guessing import Guessing, address_of
from crm_api.http.refusals import HttpRefusal
from crm_api.services import Services
from crm_api.signing_in import Halfway
from crm_core import SYSTEM, Rejected
from crm_core.identity import UseCode, User

__all__ = ["Login"]

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


class Login:
    """`POST /login`. A wrong password and an unknown address look the same and take as long."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._guessing = Guessing(services)
        self._checking = asyncio.Semaphore(_CHECKS_AT_ONCE)

    async def sign_in(self, request: Request) -> dict[str, Any]:
        given = _credentials(await read_json(request))
        email = given.email.strip().lower()
        # Few from one place for one user; more in all, so that nobody can lock another one out
        # from elsewhere at little cost.
        here = Limit(f"{email} {address_of(request)}", 5)
        await self._guessing.require_patience(request, "password")
        await self._guessing.require_patience_for(email, here, Limit(f"of {email}", 30))
        async with self._checking:
            user = await self._services.crm.authenticate(given.email, given.password)
        if user is None:
            log.warning("login.failed")
            self._guessing.note(email, "password")
            raise HttpRefusal(ErrorCode.UNAUTHENTICATED, "login.failed")
        await self._check_second_factor(user, given)
        await self._services.attempts.forget(here.key)
        return await open_session(self._services, user.id, "password")

    async def _check_second_factor(self, user: User, given: Credentials) -> None:
        if not user.needs_second_factor:
            return
        if given.code is None:
            raise self._second_factor_needed(user)
        try:
            await self._services.crm.execute(UseCode(user_id=user.id, code=given.code), SYSTEM)
        except Rejected:
            log.warning("login.failed")
            self._guessing.note(user.id, "code")
            raise HttpRefusal(ErrorCode.UNAUTHENTICATED, "login.wrong_code") from None

    def _second_factor_needed(self, user: User) -> HttpRefusal:
        """Says which ones would do, and hands out what shows that the password was right."""
        refusal = HttpRefusal(ErrorCode.UNAUTHENTICATED, "login.code_required")
        services = self._services
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
