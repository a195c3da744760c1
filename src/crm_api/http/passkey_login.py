"""Signing in by a passkey, and which passkeys one has."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import structlog
from starlette.requests import Request
from starlette.routing import Route

from crm_api.graphql.errors import ErrorCode
from crm_api.http.account import open_session
from crm_api.http.guessing import Guessing
from crm_api.http.oneself import oneself, oneself_to_enrol
from crm_api.http.posts import answering, read_fields, unauthenticated
from crm_api.http.refusals import HttpRefusal
from crm_api.http.replacing import replacing
from crm_api.kept import NotKept
from crm_api.passkeys import Asked, PasskeyRefused, Passkeys
from crm_api.services import Services
from crm_core import SYSTEM, CrmError, NotFound
from crm_core.identity import Passkey, UsePasskey, User

__all__ = ["PasskeyLogin"]

log = structlog.get_logger()


class Begin(msgspec.Struct, frozen=True):
    """`flow`: of `/login`, where a passkey is the second factor; without it, it is the only one."""

    flow: str | None = None


class Answered(msgspec.Struct, frozen=True):
    """The flow that the client has kept, and `PublicKeyCredential.toJSON()` of the browser."""

    flow: str
    credential: dict[str, Any]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class Registered(Answered, frozen=True):
    label: str

    __repr__ = Answered.__repr__


class PasskeyLogin:
    """`POST` only. Why an answer is refused is for the log: who tries learns nothing from it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._guessing = Guessing(services)

    def routes(self) -> list[Route]:
        return [
            Route(path, answering(handler), methods=["POST"])
            for path, handler in (
                ("/login/passkey", self.begin),
                ("/login/passkey/finish", replacing(self._services, self.finish)),
                ("/account/passkey", self.enrol),
                ("/account/passkey/confirm", self.confirm),
                ("/account/passkeys", self.show),
            )
        ]

    # --- signing in ---------------------------------------------------------------------------

    async def begin(self, request: Request) -> dict[str, Any]:
        given = await read_fields(request, Begin)
        if given.flow is None:
            return _answer(self._passkeys.ask_anybody())
        try:
            user_id = self._services.halfway.open(given.flow).user_id
        except NotKept as lost:
            raise _refused(lost.cause) from None
        return _answer(self._passkeys.ask(await self._services.crm.get(User, user_id)))

    async def finish(self, request: Request) -> dict[str, Any]:
        """Opens a session for the user whose passkey has answered."""
        given = await read_fields(request, Answered)
        passkeys = self._passkeys
        await self._guessing.require_patience(request, "passkey")
        try:
            claim = passkeys.claim(given.flow, given.credential)
            user = await self._services.crm.get(User, claim.user_id)
        except PasskeyRefused as refused:
            raise _refused(refused.cause) from None
        except NotFound:
            raise _refused("unknown user") from None
        passkey = user.passkey_of(claim.credential_id)
        if passkey is None:
            raise _refused("unknown passkey")
        try:
            proven = passkeys.proof(claim, passkey)
            await self._use(proven.use, claim.ceremony.id)
        except PasskeyRefused as refused:
            self._guessing.note(user.id, "passkey")
            raise _refused(refused.cause) from None
        return await open_session(self._services, user.id, "passkey", is_strong=proven.is_strong)

    async def _use(self, use: UsePasskey, ceremony_id: UUID) -> None:
        """Raises HttpRefusal where the answer was taken before, or may come from a copy."""
        try:
            receipt = await self._services.crm.execute(use, SYSTEM, command_id=ceremony_id)
        except CrmError as refused:
            if refused.code == "user.passkey_copied":
                self._guessing.note(use.user_id, "passkey_copied")
            raise _refused(refused.code) from None
        if receipt.replayed:
            raise _refused("replayed")

    # --- one's own ----------------------------------------------------------------------------

    async def enrol(self, request: Request) -> dict[str, Any]:
        passkeys = self._passkeys
        own = await oneself_to_enrol(self._services, request, "user.register_passkey")
        return _answer(passkeys.ask_to_register(own.user))

    async def confirm(self, request: Request) -> dict[str, Any]:
        """Registers what has answered, for the user who sends this."""
        passkeys = self._passkeys
        own = await oneself_to_enrol(self._services, request, "user.register_passkey")
        user = own.user
        given = await read_fields(request, Registered)
        try:
            register = passkeys.registration(given.flow, given.credential, user.id, given.label)
        except PasskeyRefused as refused:
            raise _refused(refused.cause) from None
        receipt = await own.record(register, register.passkey_id)
        if receipt.replayed:
            raise _refused("replayed")
        opened = await open_session(
            self._services, user.id, "changed_factor", is_strong=own.makes_strong
        )
        return {"passkeyId": str(register.passkey_id), **opened}

    async def show(self, request: Request) -> dict[str, Any]:
        _, user = await oneself(self._services, request, "user.register_passkey")
        return {"passkeys": [_shown(passkey) for passkey in user.passkeys.values()]}

    @property
    def _passkeys(self) -> Passkeys:
        """Raises HttpRefusal where they are not offered."""
        if self._services.passkeys is None:
            raise HttpRefusal(ErrorCode.BAD_REQUEST, "login.no_passkeys")
        return self._services.passkeys


def _answer(asked: Asked) -> dict[str, Any]:
    return {"flow": asked.flow, "options": asked.options}


def _shown(passkey: Passkey) -> dict[str, Any]:
    used_at = passkey.used_at
    return {
        "id": str(passkey.passkey_id),
        "label": passkey.label if isinstance(passkey.label, str) else None,
        "transports": list(passkey.transports),
        "registeredAt": passkey.registered_at.isoformat(timespec="seconds"),
        "usedAt": None if used_at is None else used_at.isoformat(timespec="seconds"),
    }


def _refused(cause: str) -> HttpRefusal:
    log.warning("login.failed", by="passkey", cause=cause)
    return unauthenticated("login.passkey_refused")
