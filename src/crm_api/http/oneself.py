"""Requests about the own account that nobody may send for somebody else."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request

from crm_api.graphql.errors import ErrorCode
from crm_api.http.posts import speaker
from crm_api.http.refusals import HttpRefusal
from crm_api.services import Services
from crm_api.tokens import Session
from crm_core import ActorKind
from crm_core.identity import User

__all__ = ["oneself"]


async def oneself(services: Services, request: Request, right: str) -> tuple[Session, User]:
    """Who has signed in, and acts for nobody else. Raises HttpRefusal; `right` is what it names."""
    session = await speaker(services, request)
    actor = session.actor
    if actor.kind is not ActorKind.USER or actor.on_behalf_of is not None:
        raise HttpRefusal(ErrorCode.FORBIDDEN, "access.denied", right=right)
    return session, await services.crm.get(User, UUID(actor.id))
