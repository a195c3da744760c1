"""Where somebody is signed in, and an end to all of it but here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.routing import Route

from crm_api.graphql.ids import global_id
from crm_api.http.account import SESSION_DAYS
from crm_api.http.oneself import oneself_anew
from crm_api.http.posts import answering
from crm_api.services import Services
from crm_api.tokens import Session
from crm_core.identity import EndSession
from crm_core.identity.directory import KnownSession

__all__ = ["OwnSessions"]


class OwnSessions:
    """`POST` only, for who has signed in within the last minutes: neither keys nor impersonators.
    One of them is ended by the mutation `sessionEnd`.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        return [
            Route("/account/sessions", answering(self.show), methods=["POST"]),
            Route("/account/sessions/end", answering(self.end_others), methods=["POST"]),
        ]

    async def show(self, request: Request) -> dict[str, Any]:
        """Those that go on, the latest first; `isThis`: the one that asks."""
        session, own = await self._own(request)
        latest = sorted(own.items(), key=lambda found: found[1].expires_at, reverse=True)
        return {
            "sessions": [
                {
                    "id": global_id("Session", session_id),
                    "openedAt": (known.expires_at - timedelta(days=SESSION_DAYS)).isoformat(),
                    "expiresAt": known.expires_at.isoformat(),
                    "isStrong": known.is_strong,
                    "isImpersonation": known.impersonated_id is not None,
                    "isThis": session_id == session.session_id,
                }
                for session_id, known in latest
            ]
        }

    async def end_others(self, request: Request) -> dict[str, Any]:
        """All but the one that asks; how many those were."""
        session, own = await self._own(request)
        others = own.keys() - {session.session_id}
        for session_id in others:
            await self._services.crm.execute(EndSession(session_id=session_id), session.actor)
        return {"ended": len(others)}

    async def _own(self, request: Request) -> tuple[Session, dict[UUID, KnownSession]]:
        session, user = await oneself_anew(self._services, request, "session.read")
        crm = self._services.crm
        directory = await crm.authority.directory()
        now = crm.store.ledger.clock.now()
        return session, directory.sessions(user.id, now)
