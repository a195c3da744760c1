"""Who one is, and the own password: what is left to who owes a second factor, beside setting it up.

GraphQL answers nobody who owes one; the mutation `userSetPassword` does the same for all others.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from crm_api.graphql.commands.proof import require_patience_with_password
from crm_api.graphql.ids import global_id
from crm_api.http.oneself import oneself, oneself_without_factor
from crm_api.http.posts import answering, read_fields
from crm_api.services import Services
from crm_core.identity import SetPassword, User
from crm_core.kernel.events import plain

__all__ = ["OwnUser"]


class PasswordsGiven(msgspec.Struct, frozen=True):
    password: str
    present_password: str | None = None

    def __repr__(self) -> str:
        return "PasswordsGiven(…)"


class OwnUser:
    """`POST` only, for who has signed in: neither keys nor impersonators."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        return [
            Route("/account", answering(self.show), methods=["POST"]),
            Route("/account/password", answering(self.set_password), methods=["POST"]),
        ]

    async def show(self, request: Request) -> dict[str, Any]:
        """Also which factors one has, and which one may set up here."""
        session, user = await oneself(self._services, request, "user.read", may_owe=True)
        return {
            "userId": global_id("User", user.id),
            "name": plain(user.name),
            "email": plain(user.email),
            "owesFactor": self._services.credentials.owes_factor(session),
            "factors": [name for name, is_on in _own_factors(user).items() if is_on],
            "offered": [name for name, is_on in self._offered().items() if is_on],
        }

    async def set_password(self, request: Request) -> dict[str, Any]:
        """Ends all sessions, this one too; whoever has set it signs in by it."""
        session, user = await oneself_without_factor(self._services, request, "user.set_password")
        given = await read_fields(request, PasswordsGiven)
        await require_patience_with_password(self._services, user.id)
        await self._services.crm.execute(
            SetPassword(
                user_id=user.id,
                password=given.password,
                present_password=given.present_password,
            ),
            session.actor,
        )
        return {}

    def _offered(self) -> dict[str, bool]:
        return {
            "TOTP": True,
            "PASSKEY": self._services.passkeys is not None,
            "SENT_CODE": self._services.sent_codes is not None,
        }


def _own_factors(user: User) -> dict[str, bool]:
    return {
        "TOTP": user.is_totp_confirmed,
        "PASSKEY": bool(user.passkeys),
        "SENT_CODE": user.takes_sent_codes,
    }
