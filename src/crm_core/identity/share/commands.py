"""What can be asked of a share."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import field

from crm_core.identity.share.events import ShareLevel
from crm_core.identity.share.share import Share
from crm_core.identity.team.team import Team
from crm_core.identity.user.user import User
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work


class OnShare(Command, frozen=True, kw_only=True):
    TARGET = "share_id"


class GrantShare(OnShare, frozen=True, kw_only=True):
    """Opens a record to a user or a team, until it is revoked or over.

    Needs the right to `share` that kind of record, on this one. Whom it is shared with also needs a
    role that allows something with what is shared.
    """

    NAME = "share.grant"
    share_id: UUID = field(default_factory=new_id)
    record_id: UUID
    principal_id: UUID
    level: ShareLevel = ShareLevel.READ
    until: datetime | None = None

    async def handle(self, work: Work) -> None:
        record = await work.find(Aggregate, self.record_id)  # type: ignore[type-abstract]
        if record is None:
            raise NotFound("record", self.record_id)
        await work.require(record, "share")
        principal = await work.find(Aggregate, self.principal_id)  # type: ignore[type-abstract]
        if not isinstance(principal, User | Team):
            raise Rejected("share.with_nobody", principal_id=str(self.principal_id))
        work.add(
            Share.grant(
                self.share_id,
                work.at,
                record_id=self.record_id,
                principal_id=self.principal_id,
                level=self.level,
                until=self.until,
            )
        )


class RevokeShare(OnShare, frozen=True, kw_only=True):
    """Ends a share; by whoever may share the record."""

    NAME = "share.revoke"
    share_id: UUID

    async def handle(self, work: Work) -> None:
        share = await work.load(Share, self.share_id)
        record = await work.find(Aggregate, share.shared_id)  # type: ignore[type-abstract]
        if record is None:
            raise NotFound(Share.TOPIC, self.share_id)
        await work.require(record, "share")
        share.revoke()
