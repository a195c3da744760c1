"""The rules of a session."""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from crm_core.identity.session import events as e
from crm_core.identity.session.events import SessionEnd
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Rejected

IDLE_DAYS_MAX = 7


class Session(Aggregate):
    TOPIC = "identity.session"

    user_id: UUID = UUID(int=0)
    digest: str = ""
    spent: set[str] = field(default_factory=set)
    expires_at: datetime = datetime.max.replace(tzinfo=UTC)
    impersonated_id: UUID | None = None
    is_strong: bool = False
    ended: SessionEnd | None = None

    @classmethod
    def open(
        cls,
        session_id: UUID,
        at: datetime,
        *,
        user_id: UUID,
        digest: str,
        expires_at: datetime,
        impersonated_id: UUID | None = None,
        is_strong: bool = False,
    ) -> Session:
        if user_id == impersonated_id:
            raise Rejected("session.of_oneself")
        return cls.start(
            e.SessionOpened,
            session_id,
            at,
            user_id=user_id,
            digest=digest,
            expires_at=expires_at,
            impersonated_id=impersonated_id,
            is_strong=is_strong,
        )

    def rotate(self, presented: str, digest: str) -> None:
        """Takes the present refresh token for the next; an old one ends the session for both, for
        one of two holders is a thief. After 7 days in which nobody did, it is over.
        """
        until = min(self.expires_at, self.modified_on + timedelta(days=IDLE_DAYS_MAX))
        if self.ended is not None or self.at >= until:
            raise Rejected("session.over")
        if presented == self.digest:
            self.record(e.SessionRotated, digest=digest)
        elif presented in self.spent:
            self.record(e.SessionEnded, cause=SessionEnd.REUSED)
        else:
            raise Rejected("session.over")

    def end(self, cause: SessionEnd) -> None:
        if self.ended is None:
            self.record(e.SessionEnded, cause=cause)

    def when(self, event: Any) -> None:
        match event:
            case e.SessionOpened():
                self.user_id, self.digest = event.user_id, event.digest
                self.expires_at, self.impersonated_id = event.expires_at, event.impersonated_id
                self.is_strong = event.is_strong
            case e.SessionRotated():
                self.spent.add(self.digest)
                self.digest = event.digest
            case e.SessionEnded():
                self.ended = event.cause
            case _:
                assert_never(event)
