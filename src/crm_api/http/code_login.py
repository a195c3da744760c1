"""Signing in by a code that is sent to the user's address, after the password."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import structlog
from starlette.requests import Request
from starlette.routing import Route

from crm_api.graphql.errors import ErrorCode
from crm_api.http.account import open_session
from crm_api.http.attempts import Limit
from crm_api.http.guessing import Guessing
from crm_api.http.oneself import oneself_to_enrol
from crm_api.http.posts import answering, read_fields, unauthenticated
from crm_api.http.refusals import HttpRefusal
from crm_api.http.replacing import replacing
from crm_api.kept import NotKept
from crm_api.sent_codes import (
    CODE_MINUTES,
    CodePurpose,
    CodeRefused,
    NotSent,
    Sending,
    SentCodes,
)
from crm_api.services import Services
from crm_core import SYSTEM, CrmError, Receipt, Rejected
from crm_core.identity import NoteCodeSent, TurnOnSentCodes, User, UseSentCode

__all__ = ["CodeLogin"]

log = structlog.get_logger()

_WINDOW_SECONDS = CODE_MINUTES * 60
_TRIES_MAX = 5  # for one code
_TRIES_OF_USER_MAX = 20  # within ten minutes
_SENT_MAX = 5  # to one user within ten minutes


class Begin(msgspec.Struct, frozen=True):
    """`flow`: of `/login`, which shows that the password was right."""

    flow: str


class CodeGiven(msgspec.Struct, frozen=True):
    """`flow`: of the request that had the code sent."""

    flow: str
    code: str

    def __repr__(self) -> str:
        return "CodeGiven(…)"


class CodeLogin:
    """`POST` only. Tries are counted before a code is looked at."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._guessing = Guessing(services)

    def routes(self) -> list[Route]:
        return [
            Route(path, answering(handler), methods=["POST"])
            for path, handler in (
                ("/login/sent-code", self.begin),
                ("/login/sent-code/finish", replacing(self._services, self.finish)),
                ("/account/sent-code", self.enrol),
                ("/account/sent-code/confirm", self.confirm),
            )
        ]

    async def begin(self, request: Request) -> dict[str, Any]:
        codes = self._codes
        given = await read_fields(request, Begin)
        try:
            user_id = self._services.halfway.open(given.flow).user_id
        except NotKept as lost:
            raise _refused(lost.cause) from None
        user = await self._services.crm.get(User, user_id)
        if not user.takes_sent_codes:
            raise _refused("not turned on")
        return await self._send(codes, user, CodePurpose.SIGN_IN)

    async def finish(self, request: Request) -> dict[str, Any]:
        sending = await self._checked(request, CodePurpose.SIGN_IN)
        use = UseSentCode(user_id=sending.user_id)
        try:
            receipt = await self._services.crm.execute(use, SYSTEM, command_id=sending.id)
        except CrmError as refused:
            raise _refused(refused.code) from None
        _require_first(receipt)
        return await open_session(self._services, sending.user_id, "sent_code", is_strong=True)

    async def enrol(self, request: Request) -> dict[str, Any]:
        codes = self._codes
        own = await oneself_to_enrol(self._services, request, "user.turn_on_sent_codes")
        return await self._send(codes, own.user, CodePurpose.TURN_ON)

    async def confirm(self, request: Request) -> dict[str, Any]:
        own = await oneself_to_enrol(self._services, request, "user.turn_on_sent_codes")
        sending = await self._checked(request, CodePurpose.TURN_ON, own.user.id)
        _require_first(await own.record(TurnOnSentCodes(user_id=own.user.id), sending.id))
        return await open_session(
            self._services, own.user.id, "changed_factor", is_strong=own.makes_strong
        )

    async def _send(self, codes: SentCodes, user: User, purpose: CodePurpose) -> dict[str, Any]:
        user.require_active()
        if not isinstance(user.email, str):
            raise Rejected("user.no_address")
        limit = Limit(f"codes to {user.id}", _SENT_MAX, _WINDOW_SECONDS)
        await self._guessing.require_patience_for(user.id, limit)
        await self._services.crm.execute(NoteCodeSent(user_id=user.id, purpose=purpose), SYSTEM)
        try:
            return {"flow": await codes.send(user.id, user.email, purpose)}
        except NotSent:
            log.error("login.code_not_sent")
            raise HttpRefusal(
                ErrorCode.UNAVAILABLE, "login.code_not_sent", {"retry-after": "5"}
            ) from None

    async def _checked(
        self, request: Request, purpose: CodePurpose, user_id: UUID | None = None
    ) -> Sending:
        """The sending whose code has come back, of this user if one is named."""
        codes = self._codes
        given = await read_fields(request, CodeGiven)
        await self._guessing.require_patience(request, "sent code")
        try:
            sending = codes.opened(given.flow, purpose)
        except CodeRefused as refused:
            raise _refused(refused.cause) from None
        if user_id not in (None, sending.user_id):
            raise _refused("another user")
        await self._guessing.require_patience_for(
            sending.user_id,
            Limit(f"code {sending.id}", _TRIES_MAX, _WINDOW_SECONDS),
            Limit(f"codes of {sending.user_id}", _TRIES_OF_USER_MAX, _WINDOW_SECONDS),
        )
        if not codes.is_right(sending, given.code):
            self._guessing.note(sending.user_id, "sent_code")
            raise _refused("wrong code")
        return sending

    @property
    def _codes(self) -> SentCodes:
        """Raises HttpRefusal where they are not offered."""
        if self._services.sent_codes is None:
            raise HttpRefusal(ErrorCode.BAD_REQUEST, "login.no_sent_codes")
        return self._services.sent_codes


def _require_first(receipt: Receipt) -> None:
    """The ledger takes a code once, under its sending's id. Raises HttpRefusal where it has."""
    if receipt.replayed:
        raise _refused("replayed")


def _refused(cause: str) -> HttpRefusal:
    log.warning("login.failed", by="sent_code", cause=cause)
    return unauthenticated("login.wrong_code")
