"""Signing in: an e-mail address and a password for a bearer token."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import msgspec
import structlog
from starlette.requests import Request

from crm_api.graphql.errors import ErrorCode
from crm_api.http.account import open_session
from crm_api.http.attempts import Limit
from crm_api.http.bodies import read_json
from crm_api.http.refusals import HttpRefusal
from crm_api.services import Services
from crm_core import SYSTEM, CrmError, Rejected
from crm_core.identity import NoteFailedSignIn, UseCode, User
from crm_core.kernel.values import normal_email

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
        self._checking = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._noting: set[asyncio.Task[None]] = set()

    async def sign_in(self, request: Request) -> dict[str, Any]:
        given = _credentials(await read_json(request))
        email = given.email.strip().lower()
        address = request.client.host if request.client else "unknown"
        # Few from one place for one user; more in all, so that nobody can lock another one out
        # from elsewhere at little cost.
        limits = (
            Limit(f"{email} {address}", 5),
            Limit(f"of {email}", 30),
            Limit(f"from {address}", 30),
        )
        await self._require_patience(limits)
        async with self._checking:
            user = await self._services.crm.authenticate(given.email, given.password)
        if user is None:
            log.warning("login.failed")
            self._note_failure(given.email, "password")
            raise HttpRefusal(ErrorCode.UNAUTHENTICATED, "login.failed")
        await self._check_second_factor(user, given)
        await self._services.attempts.forget(limits[0].key)
        return await open_session(self._services, user.id, "password")

    async def _check_second_factor(self, user: User, given: Credentials) -> None:
        if not user.needs_code:
            return
        if given.code is None:
            raise HttpRefusal(ErrorCode.UNAUTHENTICATED, "login.code_required")
        try:
            await self._services.crm.execute(UseCode(user_id=user.id, code=given.code), SYSTEM)
        except Rejected:
            log.warning("login.failed")
            self._note_failure(given.email, "code")
            raise HttpRefusal(ErrorCode.UNAUTHENTICATED, "login.wrong_code") from None

    def _note_failure(self, email: str, factor: str) -> None:
        """Records it aside: the time that the answer takes must not tell a known address."""
        task = asyncio.create_task(self._noted(email, factor))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _noted(self, email: str, factor: str) -> None:
        crm = self._services.crm
        try:
            user_id = await crm.holder("login", normal_email(email))
            if user_id is not None:
                await crm.execute(NoteFailedSignIn(user_id=user_id, factor=factor), SYSTEM)
        except CrmError as error:
            log.warning("login.not_noted", code=error.code)

    async def _require_patience(self, limits: tuple[Limit, ...]) -> None:
        wait = await self._services.attempts.take(limits)
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
    if len(credentials.code or "") > _CODE_LENGTH_MAX:
        raise HttpRefusal(ErrorCode.BAD_REQUEST, "login.malformed")
    if len(credentials.email) > _EMAIL_LENGTH_MAX or len(credentials.password) > (
        _PASSWORD_LENGTH_MAX
    ):
        raise HttpRefusal(ErrorCode.BAD_REQUEST, "login.malformed")
    return credentials
