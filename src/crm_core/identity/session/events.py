"""What can happen to a session."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from crm_core.kernel.events import Created, Event


class SessionEnd(StrEnum):
    SIGNED_OUT = "SIGNED_OUT"
    REVOKED = "REVOKED"  # by somebody else
    REUSED = "REUSED"  # an old refresh token came back: one of two holders is a thief


class SessionOpened(Created):
    """A user has signed in. `digest` is the SHA-256 of the refresh token in hexadecimal.

    `impersonated_id`: the user as whom the first one acts. `is_strong`: more than one factor has
    shown who it is; of sessions that were opened before this was asked, nobody knows.
    """

    TOPIC = "identity.session.opened"
    class_version = 2
    user_id: UUID
    digest: str
    expires_at: datetime
    impersonated_id: UUID | None
    is_strong: bool

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["is_strong"] = False


class SessionRotated(Event):
    """The refresh token was used; from now on another one is good."""

    TOPIC = "identity.session.rotated"
    digest: str


class SessionEnded(Event):
    TOPIC = "identity.session.ended"
    cause: SessionEnd
