"""What a signed-in user does with the own account: sessions, the second factor, API keys.

Each secret is made here, answered once, and stored nowhere; what is recorded is a digest of it, or
the sealed secret of the second factor.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog
from starlette.requests import Request
from starlette.routing import Route

from crm_api.credentials import factor_needed
from crm_api.graphql.errors import ErrorCode
from crm_api.graphql.ids import global_id, uuid_of
from crm_api.http.oneself import oneself_to_enrol
from crm_api.http.posts import answering, read_fields, speaker, unauthenticated
from crm_api.http.refusals import HttpRefusal
from crm_api.issued_secrets import made_key, made_refresh_token, parsed_refresh_token
from crm_api.services import Services
from crm_api.tokens import Session
from crm_core import SYSTEM, Actor, CrmError, new_id
from crm_core.identity import (
    ConfirmTotp,
    EndSession,
    EnrolTotp,
    IssueApiKey,
    OpenSession,
    RotateSession,
)
from crm_core.identity import Session as SessionRecord
from crm_core.identity.second_factor import (
    digest_of_code,
    new_recovery_codes,
    new_totp_secret,
    totp_uri,
)
from crm_core.identity.session.events import SessionEnd

__all__ = ["SESSION_DAYS", "Account", "open_session"]

log = structlog.get_logger()

SESSION_DAYS = 30
_ISSUER = "CRM"


class KeyWanted(msgspec.Struct, frozen=True):
    """`user_id`: for whom the key acts; for oneself, if it is left out."""

    name: str
    scopes: tuple[str, ...]
    expires_at: datetime
    user_id: str | None = None
    only_trusted: bool = False


class CodeGiven(msgspec.Struct, frozen=True):
    code: str


class RefreshGiven(msgspec.Struct, frozen=True):
    refresh_token: str


class UserNamed(msgspec.Struct, frozen=True):
    user_id: str


class Account:
    """`POST` only, JSON in and out; whoever is refused is told by a code, as everywhere."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        return [
            Route(path, answering(handler), methods=["POST"])
            for path, handler in (
                ("/session/refresh", self.refresh),
                ("/session/end", self.sign_out),
                ("/session/impersonate", self.impersonate),
                ("/account/totp", self.enrol),
                ("/account/totp/confirm", self.confirm),
                ("/account/keys", self.issue_key),
            )
        ]

    async def refresh(self, request: Request) -> dict[str, Any]:
        """A new access token and a new refresh token for the present one, which is good once. A
        session whose user owes a second factor is not renewed.
        """
        parsed = parsed_refresh_token((await read_fields(request, RefreshGiven)).refresh_token)
        if parsed is None:
            raise unauthenticated("session.over")
        session_id, presented = parsed
        made = made_refresh_token(session_id)
        crm = self._services.crm
        try:
            await crm.execute(
                RotateSession(session_id=session_id, presented=presented, digest=made.digest),
                SYSTEM,
            )
        except CrmError as refusal:
            raise unauthenticated("session.over") from refusal
        record = await crm.get(SessionRecord, session_id)
        token, session = self._services.tokens.issue(record.user_id, session_id)
        if not await self._services.credentials.is_good(session):  # an old token was presented
            raise unauthenticated("session.over")
        session = replace(session, is_strong=record.is_strong)
        if self._services.credentials.owes_factor(session):
            raise factor_needed()
        return _signed_in(self._services, token, session, made.secret)

    async def sign_out(self, request: Request) -> dict[str, Any]:
        session = await speaker(self._services, request, may_owe=True)
        if session.session_id is not None:
            end = EndSession(session_id=session.session_id, cause=SessionEnd.SIGNED_OUT)
            await self._services.crm.execute(end, SYSTEM)
        return {}

    async def impersonate(self, request: Request) -> dict[str, Any]:
        """A session of one's own in which one sees and does what another may; both are recorded."""
        session = await speaker(self._services, request)
        crm = self._services.crm
        other_id = uuid_of((await read_fields(request, UserNamed)).user_id)
        if other_id is None or session.actor.on_behalf_of is not None:
            raise HttpRefusal(ErrorCode.BAD_REQUEST, "login.malformed")
        as_other = Actor(session.actor.kind, session.actor.id, on_behalf_of=str(other_id))
        (await crm.rights(crm.tenant_id, session.actor)).require("user", "impersonate")
        (await crm.rights(crm.tenant_id, as_other)).require("user", "read")
        user_id = UUID(session.actor.id)
        return await open_session(
            self._services,
            user_id,
            "impersonation",
            is_strong=session.is_strong,
            impersonated_id=other_id,
        )

    async def enrol(self, request: Request) -> dict[str, Any]:
        own = await oneself_to_enrol(self._services, request, "user.enrol_totp")
        user, secret = own.user, new_totp_secret()
        await own.record(EnrolTotp(user_id=user.id, secret=secret))
        return {"secret": secret, "uri": totp_uri(secret, str(user.email or user.id), _ISSUER)}

    async def confirm(self, request: Request) -> dict[str, Any]:
        own = await oneself_to_enrol(self._services, request, "user.confirm_totp")
        code = (await read_fields(request, CodeGiven)).code
        codes = new_recovery_codes()
        confirm = ConfirmTotp(
            user_id=own.user.id,
            code=code,
            recovery_digests=tuple(map(digest_of_code, codes)),
        )
        await own.record(confirm)
        opened = await open_session(
            self._services, own.user.id, "changed_factor", is_strong=own.makes_strong
        )
        return {"recoveryCodes": list(codes), **opened}

    async def issue_key(self, request: Request) -> dict[str, Any]:
        session = await speaker(self._services, request)
        wanted = await read_fields(request, KeyWanted)
        user_id = uuid_of(wanted.user_id or session.actor.id)
        if user_id is None:
            raise HttpRefusal(ErrorCode.BAD_REQUEST, "id.malformed")
        key_id = new_id()
        made = made_key(key_id)
        issue = IssueApiKey(
            key_id=key_id,
            name=wanted.name,
            user_id=user_id,
            digest=made.digest,
            scopes=wanted.scopes,
            expires_at=wanted.expires_at,
            only_trusted=wanted.only_trusted,
        )
        await self._services.crm.execute(issue, session.actor)
        return {"keyId": global_id("ApiKey", key_id), "key": made.secret}


async def open_session(
    services: Services,
    user_id: UUID,
    by: str,
    *,
    is_strong: bool,
    impersonated_id: UUID | None = None,
) -> dict[str, Any]:
    """Signs a user in who has proved who it is: what the answer has to say of the new session.

    `by`: the proof, such as `password`; it is recorded as the reason. `is_strong`: it has shown
    more than one factor.
    """
    session_id = new_id()
    made = made_refresh_token(session_id)
    now = services.crm.store.ledger.clock.now()
    await services.crm.execute(
        OpenSession(
            session_id=session_id,
            user_id=user_id,
            digest=made.digest,
            expires_at=now + timedelta(days=SESSION_DAYS),
            impersonated_id=impersonated_id,
            is_strong=is_strong,
        ),
        SYSTEM,
        reason=f"signed_in:{by}",
    )
    log.info("login.succeeded", user_id=str(user_id), by=by)
    token, session = services.tokens.issue(user_id, session_id)
    return _signed_in(services, token, replace(session, is_strong=is_strong), made.secret)


def _signed_in(
    services: Services, token: str, session: Session, refresh_token: str
) -> dict[str, Any]:
    return {
        "token": token,
        "expiresAt": session.expires_at.isoformat(timespec="seconds"),
        "refreshToken": refresh_token,
        "userId": global_id("User", UUID(session.actor.id)),
        "owesFactor": services.credentials.owes_factor(session),
    }
