"""The rules of a share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, assert_never
from uuid import UUID

from crm_core.identity.share import events as e
from crm_core.identity.share.events import ShareLevel
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Invalid, Rejected


class Share(Aggregate):
    TOPIC = "identity.share"

    shared_id: UUID = UUID(int=0)
    principal_id: UUID = UUID(int=0)
    level: ShareLevel = ShareLevel.READ
    until: datetime | None = None
    is_revoked: bool = False

    @classmethod
    def grant(
        cls,
        share_id: UUID,
        at: datetime,
        *,
        record_id: UUID,
        principal_id: UUID,
        level: ShareLevel,
        until: datetime | None,
    ) -> Share:
        if until is not None:
            if until.tzinfo is None:
                raise Invalid("until", "needs a time zone")
            if until <= at:
                raise Rejected("share.over_already", until=until)
            until = until.astimezone(UTC)
        return cls.start(
            e.ShareGranted,
            share_id,
            at,
            shared_id=record_id,
            principal_id=principal_id,
            level=level,
            until=until,
        )

    def revoke(self) -> None:
        if not self.is_revoked:
            self.record(e.ShareRevoked)

    def when(self, event: Any) -> None:
        match event:
            case e.ShareGranted():
                self.shared_id, self.principal_id = event.shared_id, event.principal_id
                self.level, self.until = event.level, event.until
            case e.ShareRevoked():
                self.is_revoked = True
            case _:
                assert_never(event)
