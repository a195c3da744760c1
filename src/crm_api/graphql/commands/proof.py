"""What must be proven anew before somebody changes how, or where, they themselves are signed in."""

from __future__ import annotations

import math
from typing import Final
from uuid import UUID

from crm_api.credentials import RECENT_MINUTES
from crm_api.graphql.context import Context
from crm_api.graphql.errors import ErrorCode, Refused
from crm_api.http.attempts import Limit
from crm_api.services import Services
from crm_core import ActorKind, Command, Rejected
from crm_core.identity import (
    EndSession,
    LinkIdentity,
    RemovePasskey,
    RemoveTotp,
    SetPassword,
    TurnOffSentCodes,
    UnlinkIdentity,
)

__all__ = ["require_patience_with_password", "require_proof"]

_WAYS_IN: Final = (LinkIdentity, RemovePasskey, RemoveTotp, TurnOffSentCodes, UnlinkIdentity)
_PASSWORDS_MAX = 5  # within a minute


async def require_proof(context: Context, command: Command) -> None:
    """Raises Rejected where the sign-in is too long ago, Refused where the present password is
    guessed at.
    """
    actor, services = context.actor, context.services
    if isinstance(command, EndSession):
        if await _is_signed_in_elsewhere(context, command.session_id):
            await _require_recent(context)
        return
    if str(command.target_id) not in (actor.id, actor.on_behalf_of):
        return
    if isinstance(command, _WAYS_IN):
        await _require_recent(context)
    elif isinstance(command, SetPassword):
        await require_patience_with_password(services, command.user_id)


async def require_patience_with_password(services: Services, user_id: UUID) -> None:
    """Raises Refused where the present password is guessed at."""
    limit = Limit(f"present password {user_id}", _PASSWORDS_MAX)
    wait = await services.attempts.take([limit])
    if wait > 0:
        raise Refused(ErrorCode.THROTTLED, "login.too_many_attempts", seconds=math.ceil(wait))


async def _require_recent(context: Context) -> None:
    session = context.session
    if session is None or not await context.services.credentials.is_recent(session):
        raise Rejected("session.proof_needed", minutes=RECENT_MINUTES)


async def _is_signed_in_elsewhere(context: Context, session_id: UUID) -> bool:
    """Whether it is another session of who asks; to sign out here, nobody proves anything."""
    here, crm = context.session, context.services.crm
    if here is None or here.session_id == session_id or here.actor.kind is not ActorKind.USER:
        return False
    now = crm.store.ledger.clock.now()
    own = (await crm.authority.directory()).sessions(UUID(here.actor.id), now)
    return session_id in own
