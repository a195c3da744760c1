"""Signing in where somebody is signed in already."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from crm_api.http.posts import Handler
from crm_api.services import Services
from crm_core import SYSTEM
from crm_core.identity import EndSession
from crm_core.identity.session.events import SessionEnd

__all__ = ["replacing"]


def replacing(services: Services, sign_in: Handler) -> Handler:
    """Ends the session whose token the request came with, once another one was opened."""

    async def signed_in(request: Request) -> dict[str, Any]:
        former = await services.credentials.anybody(request.headers.get("authorization", ""))
        answer = await sign_in(request)
        if former is not None and former.session_id is not None:
            end = EndSession(session_id=former.session_id, cause=SessionEnd.SIGNED_OUT)
            await services.crm.execute(end, SYSTEM)
        return answer

    return signed_in
