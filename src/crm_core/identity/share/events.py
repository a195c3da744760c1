"""What can happen to a share."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from crm_core.kernel.events import Created, Event


class ShareLevel(StrEnum):
    """What is allowed with what is shared, of what the role allows."""

    READ = "READ"
    WRITE = "WRITE"


class ShareGranted(Created):
    """`principal_id` is the user or the team that the record `shared_id` is opened to."""

    TOPIC = "identity.share.granted"
    shared_id: UUID
    principal_id: UUID
    level: ShareLevel
    until: datetime | None


class ShareRevoked(Event):
    TOPIC = "identity.share.revoked"
