"""What slows guessing down, and puts on record that somebody guesses."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import structlog
from starlette.requests import Request

from crm_api.graphql.errors import ErrorCode
from crm_api.http.attempts import Limit
from crm_api.http.refusals import HttpRefusal
from crm_api.services import Services
from crm_core import SYSTEM, Command, CrmError
from crm_core.identity import NoteFailedSignIn, NoteSignInLocked
from crm_core.kernel.values import normal_email

__all__ = ["Guessing", "address_of"]

log = structlog.get_logger()

_FROM_ADDRESS_MAX = 30


class Guessing:
    """Failures are recorded aside: how long an answer takes must not tell who is known here."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._noting: set[asyncio.Task[None]] = set()

    async def require_patience(self, request: Request, way_in: str) -> None:
        """Counts an attempt by this way in from where the request comes from. Raises HttpRefusal
        429 where 30 were made within a minute.
        """
        limit = Limit(f"{way_in} from {address_of(request)}", _FROM_ADDRESS_MAX)
        wait = await self._services.attempts.take([limit])
        if wait > 0:
            raise _throttled(wait)

    async def require_patience_for(self, who: UUID | str, *limits: Limit) -> None:
        """Counts an attempt at a user: by id, or by an address that may be nobody's. Where a limit
        is reached that is recorded, once in its time. Raises HttpRefusal 429 then.
        """
        wait = await self._services.attempts.take(limits)
        if wait > 0:
            self._aside(self._record_lock(who, max(limit.window_seconds for limit in limits)))
            raise _throttled(wait)

    def note(self, who: UUID | str, factor: str) -> None:
        """Records that a sign-in failed by this factor: of a user, or of who has this address."""
        self._aside(
            self._record(who, lambda user_id: NoteFailedSignIn(user_id=user_id, factor=factor))
        )

    async def _record_lock(self, who: UUID | str, seconds: int) -> None:
        once = Limit(f"locked {who}", 1, seconds)
        if await self._services.attempts.take([once]) <= 0:
            await self._record(
                who, lambda user_id: NoteSignInLocked(user_id=user_id, seconds=seconds)
            )

    def _aside(self, noting: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(noting)
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _record(self, who: UUID | str, note: Callable[[UUID], Command]) -> None:
        crm = self._services.crm
        try:
            user_id = who if isinstance(who, UUID) else await crm.holder("login", normal_email(who))
            if user_id is not None:
                await crm.execute(note(user_id), SYSTEM)
        except CrmError as error:
            log.warning("login.not_noted", code=error.code)


def _throttled(wait: float) -> HttpRefusal:
    seconds = math.ceil(wait)
    return HttpRefusal(
        ErrorCode.THROTTLED,
        "login.too_many_attempts",
        {"retry-after": str(seconds)},
        seconds=seconds,
    )


def address_of(request: Request) -> str:
    """Where a request comes from, as far as the server can tell."""
    return request.client.host if request.client else "unknown"
