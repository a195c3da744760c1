"""What must be proven anew before somebody changes how they themselves sign in."""

from __future__ import annotations

import math
from typing import Final

from crm_api.credentials import RECENT_MINUTES
from crm_api.graphql.context import Context
from crm_api.graphql.errors import ErrorCode, Refused
from crm_api.http.attempts import Limit
from crm_core import Command, Rejected
from crm_core.identity import (
    LinkIdentity,
    RemovePasskey,
    RemoveTotp,
    SetPassword,
    TurnOffSentCodes,
    UnlinkIdentity,
)

__all__ = ["require_proof"]

_WAYS_IN: Final = (LinkIdentity, RemovePasskey, RemoveTotp, TurnOffSentCodes, UnlinkIdentity)
_PASSWORDS_MAX = 5  # within a minute


async def require_proof(context: Context, command: Command) -> None:
    """Raises Rejected where the sign-in is too long ago, Refused where the present password is
    guessed at.
    """
    actor, services = context.actor, context.services
    if str(command.target_id) not in (actor.id, actor.on_behalf_of):
        return
    if isinstance(command, _WAYS_IN):
        session = context.session
        if session is None or not await services.credentials.is_recent(session):
            raise Rejected("session.proof_needed", minutes=RECENT_MINUTES)
    elif isinstance(command, SetPassword):
        limit = Limit(f"present password {command.user_id}", _PASSWORDS_MAX)
        wait = await services.attempts.take([limit])
        if wait > 0:
            raise Refused(ErrorCode.THROTTLED, "login.too_many_attempts", seconds=math.ceil(wait))
