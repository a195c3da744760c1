"""What slows guessing down, and puts on record that somebody guesses."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import structlog
from starlette.requests import Request

from crm_api.graphql.errors import ErrorCode
from crm_api.http.attempts import Limit
from crm_api.http.refusals import HttpRefusal
from crm_api.services import Services
from crm_core import SYSTEM, Command, CrmError
from crm_core.identity import NoteFailedSignIn
from crm_core.kernel.values import normal_email

__all__ = ["Guessing", "address_of"]

log = structlog.get_logger()


class Guessing:
    """Failures are recorded aside: how long an answer takes must not tell who is known here."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._noting: set[asyncio.Task[None]] = set()

    async def require_patience(self, *limits: Limit) -> None:
        """Counts an attempt by all the limits. Raises HttpRefusal 429 where one is reached."""
        wait = await self._services.attempts.take(limits)
        if wait > 0:
            seconds = math.ceil(wait)
            raise HttpRefusal(
                ErrorCode.THROTTLED,
                "login.too_many_attempts",
                {"retry-after": str(seconds)},
                seconds=seconds,
            )

    def note(self, user_id: UUID, factor: str) -> None:
        """Records that a sign-in of this user failed by this factor."""
        self._aside(self._record(NoteFailedSignIn(user_id=user_id, factor=factor)))

    def note_at(self, email: str, factor: str) -> None:
        """As `note`, of the user who has this address, if one has."""
        self._aside(self._record_at(email, factor))

    def _aside(self, noting: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(noting)
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _record_at(self, email: str, factor: str) -> None:
        try:
            user_id = await self._services.crm.holder("login", normal_email(email))
        except CrmError as error:
            log.warning("login.not_noted", code=error.code)
            return
        if user_id is not None:
            await self._record(NoteFailedSignIn(user_id=user_id, factor=factor))

    async def _record(self, note: Command) -> None:
        try:
            await self._services.crm.execute(note, SYSTEM)
        except CrmError as error:
            log.warning("login.not_noted", code=error.code)


def address_of(request: Request) -> str:
    """Where a request comes from, as far as the server can tell."""
    return request.client.host if request.client else "unknown"
