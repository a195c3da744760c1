"""Requests about the own account that nobody may send for somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request

from crm_api.credentials import RECENT_MINUTES, factor_needed
from crm_api.graphql.errors import ErrorCode
from crm_api.http.posts import speaker
from crm_api.http.refusals import HttpRefusal
from crm_api.services import Services
from crm_api.tokens import Session
from crm_core import SYSTEM, Actor, ActorKind, Command, Receipt, VersionConflict
from crm_core.identity import User

__all__ = ["Enrolling", "oneself", "oneself_anew", "oneself_to_enrol", "oneself_without_factor"]


@dataclass(frozen=True, slots=True)
class Enrolling:
    """Who sets up a factor. `makes_strong`: with the new one, more than one has been shown."""

    user: User
    makes_strong: bool
    _services: Services
    _actor: Actor
    _is_first: bool

    async def record(self, command: Command, command_id: UUID | None = None) -> Receipt:
        """Executes what sets it up. Raises HttpRefusal where it was to be the first factor, and
        another one may have come meanwhile.
        """
        try:
            return await self._services.crm.execute(
                command,
                self._actor,
                command_id=command_id,
                expected_version=self.user.version if self._is_first else None,
            )
        except VersionConflict:
            raise factor_needed() from None


async def oneself(
    services: Services, request: Request, right: str, *, may_owe: bool = False
) -> tuple[Session, User]:
    """Who has signed in, and acts for nobody else. Raises HttpRefusal; `right` is what it names.

    Who owes a second factor is refused, unless `may_owe`.
    """
    session = await speaker(services, request, may_owe=may_owe)
    actor = session.actor
    if actor.kind is not ActorKind.USER or actor.on_behalf_of is not None:
        raise HttpRefusal(ErrorCode.FORBIDDEN, "access.denied", right=right)
    return session, await services.crm.get(User, UUID(actor.id))


async def oneself_anew(services: Services, request: Request, right: str) -> tuple[Session, User]:
    """As `oneself`, of who has signed in lately: a token that was left somewhere changes no way in.
    Raises HttpRefusal 401 as RFC 9470 has it.
    """
    session, user = await oneself(services, request, right)
    await _require_recent(services, session)
    return session, user


async def oneself_without_factor(
    services: Services, request: Request, right: str
) -> tuple[Session, User]:
    """As `oneself`, and who owes a second factor because there is none yet. Who has one shows it:
    whoever knows the password only would else put another in its place.
    """
    session, user = await oneself(services, request, right, may_owe=True)
    if services.credentials.owes_factor(session) and user.needs_second_factor:
        raise factor_needed()
    return session, user


async def oneself_to_enrol(services: Services, request: Request, right: str) -> Enrolling:
    """Who may set up a factor now: as `oneself_anew`, and who owes one and has none. From such a
    one it is demanded, so the door does it for them: they need no right to it.
    """
    session, user = await oneself_without_factor(services, request, right)
    await _require_recent(services, session)
    owes = services.credentials.owes_factor(session)
    door = Actor(SYSTEM.kind, SYSTEM.id, on_behalf_of=str(user.id))
    return Enrolling(
        user,
        session.is_strong or not user.needs_second_factor,
        services,
        door if owes else session.actor,
        _is_first=owes,
    )


async def _require_recent(services: Services, session: Session) -> None:
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
