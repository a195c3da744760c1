"""What can be asked of a session. Opening and rotating is for the door, which has seen a proof."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from crm_core.identity.session.events import SessionEnd
from crm_core.identity.session.session import Session
from crm_core.identity.user.user import User
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class OnSession(Command, frozen=True, kw_only=True):
    TARGET = "session_id"


class OpenSession(OnSession, frozen=True, kw_only=True):
    """Records that a user has signed in, and what the refresh token is known by.

    `is_strong`: whoever sends this has seen more than one factor.
    """

    NAME = "session.open"
    session_id: UUID = field(default_factory=new_id)
    user_id: UUID
    digest: Digest
    expires_at: datetime
    impersonated_id: UUID | None = None
    is_strong: bool = False

    async def handle(self, work: Work) -> None:
        (await work.load(User, self.user_id)).require_active()
        if self.impersonated_id is not None:
            (await work.load(User, self.impersonated_id)).require_active()
        work.add(
            Session.open(
                self.session_id,
                work.at,
                user_id=self.user_id,
                digest=self.digest,
                expires_at=self.expires_at,
                impersonated_id=self.impersonated_id,
                is_strong=self.is_strong,
            )
        )


class RotateSession(OnSession, frozen=True, kw_only=True):
    """Changes one refresh token for the next; one that was used before ends the session."""

    NAME = "session.rotate"
    session_id: UUID
    presented: Digest
    digest: Digest

    async def handle(self, work: Work) -> None:
        (await work.load(Session, self.session_id)).rotate(self.presented, self.digest)


class EndSession(OnSession, frozen=True, kw_only=True):
    """Ends a session at once: its tokens are good for nothing."""

    NAME = "session.end"
    session_id: UUID
    cause: SessionEnd = SessionEnd.REVOKED

    async def handle(self, work: Work) -> None:
        (await work.load(Session, self.session_id)).end(self.cause)
