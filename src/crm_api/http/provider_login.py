"""Signing in at an OpenID provider, and linking the own identity there to one's user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
import structlog
from starlette.requests import Request
from starlette.routing import Route

from crm_api.graphql.errors import ErrorCode
from crm_api.http.account import open_session
from crm_api.http.guessing import Guessing
from crm_api.http.login import code_required
from crm_api.http.oneself import oneself_anew
from crm_api.http.posts import answering, read_fields, unauthenticated
from crm_api.http.refusals import HttpRefusal
from crm_api.http.replacing import replacing
from crm_api.providers.fetching import ProviderAway
from crm_api.providers.oidc import OidcProvider, ProviderRefused
from crm_api.services import Services
from crm_core import SYSTEM, Actor, CrmError
from crm_core.identity import LinkIdentity, User
from crm_core.kernel.values import normal_email

__all__ = ["ProviderLogin"]

log = structlog.get_logger()


class CameBack(msgspec.Struct, frozen=True):
    """What the provider sent the person back with, and the flow that the client has kept."""

    flow: str
    code: str
    state: str
    iss: str | None = None

    def __repr__(self) -> str:
        return "CameBack(…)"


class ProviderLogin:
    """`POST` only. The client keeps the flow, so no cookie is needed, and only who began a sign-in
    can finish it.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._guessing = Guessing(services)

    def routes(self) -> list[Route]:
        return [
            Route(path, answering(handler), methods=["POST"])
            for path, handler in (
                ("/login/provider", self.begin),
                ("/login/provider/finish", replacing(self._services, self.finish)),
                ("/account/identity", self.link),
            )
        ]

    async def begin(self, request: Request) -> dict[str, Any]:
        provider = self._provider
        await self._guessing.require_patience(request, "begun at provider")
        try:
            begun = await provider.begin()
        except ProviderAway as away:
            raise _away(away) from None
        return {"url": begun.url, "flow": begun.flow}

    async def finish(self, request: Request) -> dict[str, Any]:
        """Opens a session for the user who is linked to the identity; where a second factor is
        demanded and the provider has seen one only, the user's own is asked for.
        """
        claims = await self._proven(request)
        user_id = await self._linked(claims) or await self._linked_by_email(claims)
        if user_id is None:
            log.warning("login.failed", by="provider", cause="not linked")
            raise unauthenticated("login.not_linked")
        is_strong = self._provider.settings.strong.is_in(claims)
        if self._services.credentials.demands_factor and not is_strong:
            user = await self._services.crm.get(User, user_id)
            if user.needs_second_factor:
                raise code_required(self._services, user)
        return await open_session(self._services, user_id, "provider", is_strong=is_strong)

    async def link(self, request: Request) -> dict[str, Any]:
        """Links the identity, just proven, to the user who sends this."""
        _, user = await oneself_anew(self._services, request, "user.link_identity")
        claims = await self._proven(request)
        await self._link(user.id, claims)
        return {}

    @property
    def _provider(self) -> OidcProvider:
        """Raises HttpRefusal where there is none."""
        if self._services.oidc is None:
            raise HttpRefusal(ErrorCode.BAD_REQUEST, "login.no_provider")
        return self._services.oidc

    async def _proven(self, request: Request) -> Mapping[str, Any]:
        provider = self._provider
        await self._guessing.require_patience(request, "provider")
        back = await read_fields(request, CameBack)
        try:
            return await provider.finish(back.flow, back.code, back.state, back.iss)
        except ProviderAway as away:
            raise _away(away) from None
        except ProviderRefused as refused:
            # The reason is for the log: whoever tries tokens learns nothing from it.
            log.warning("login.failed", by="provider", cause=refused.cause)
            raise unauthenticated("login.provider_refused") from None

    async def _linked(self, claims: Mapping[str, Any]) -> UUID | None:
        directory = await self._services.crm.authority.directory(anew=True)
        return directory.linked(claims["iss"], claims["sub"])

    async def _linked_by_email(self, claims: Mapping[str, Any]) -> UUID | None:
        """At the first time, by the address that the provider has verified, where that is set."""
        email = claims.get("email")
        verified = claims.get("email_verified") is True and isinstance(email, str)
        if not (self._provider.settings.matches_email and verified):
            return None
        try:
            user_id = await self._services.crm.holder("login", normal_email(str(email)))
            if user_id is None:
                return None
            (await self._services.crm.get(User, user_id)).require_active()
            await self._link(user_id, claims)
        except CrmError:
            return None
        return user_id

    async def _link(self, user_id: UUID, claims: Mapping[str, Any]) -> None:
        """By the door, which has seen the proof; for whom is said beside it."""
        link = LinkIdentity(user_id=user_id, issuer=claims["iss"], subject=claims["sub"])
        proven = Actor(SYSTEM.kind, SYSTEM.id, on_behalf_of=str(user_id))
        await self._services.crm.execute(link, proven)


def _away(away: ProviderAway) -> HttpRefusal:
    log.error("login.provider_away", cause=away.cause)
    return HttpRefusal(ErrorCode.UNAVAILABLE, "login.provider_away", {"retry-after": "5"})
