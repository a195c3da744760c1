"""Requests about the own account that nobody may send for somebody else."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request

from crm_api.credentials import RECENT_MINUTES
from crm_api.graphql.errors import ErrorCode
from crm_api.http.posts import speaker
from crm_api.http.refusals import HttpRefusal
from crm_api.services import Services
from crm_api.tokens import Session
from crm_core import ActorKind
from crm_core.identity import User

__all__ = ["oneself", "oneself_anew"]


async def oneself(services: Services, request: Request, right: str) -> tuple[Session, User]:
    """Who has signed in, and acts for nobody else. Raises HttpRefusal; `right` is what it names."""
    session = await speaker(services, request)
    actor = session.actor
    if actor.kind is not ActorKind.USER or actor.on_behalf_of is not None:
        raise HttpRefusal(ErrorCode.FORBIDDEN, "access.denied", right=right)
    return session, await services.crm.get(User, UUID(actor.id))


async def oneself_anew(services: Services, request: Request, right: str) -> tuple[Session, User]:
    """As `oneself`, of who has signed in lately: a token that was left somewhere changes no way in.
    Raises HttpRefusal 401 as RFC 9470 has it.
    """
    session, user = await oneself(services, request, right)
    if not await services.credentials.is_recent(session):
        challenge = (
            f'Bearer error="insufficient_user_authentication", max_age={RECENT_MINUTES * 60}'
        )
        raise HttpRefusal(
            ErrorCode.UNAUTHENTICATED,
            "session.proof_needed",
            {"www-authenticate": challenge},
            minutes=RECENT_MINUTES,
        )
    return session, user
