"""What can be asked of a retention policy."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from crm_core.kernel.errors import Denied
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import ActorKind, Command, Work
from crm_core.privacy.retention.events import RetentionAction, RetentionKind
from crm_core.privacy.retention.retention import Retention

IdleDays = Annotated[int, Meta(ge=1, le=36_500)]
RecordIds = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=1_000)]


class OnRetention(Command, frozen=True, kw_only=True):
    TARGET = "retention_id"

    @classmethod
    def right(cls) -> tuple[str, str]:
        return "personal_data", "retain"


class SetRetention(OnRetention, frozen=True, kw_only=True):
    """Has records archived or erased once nothing has happened about them for so many days."""

    NAME = "retention.set"
    retention_id: UUID = field(default_factory=new_id)
    kind: RetentionKind = RetentionKind.CUSTOMER
    idle_days: IdleDays
    action: RetentionAction

    async def handle(self, work: Work) -> None:
        work.add(
            Retention.begin(
                self.retention_id,
                work.at,
                kind=self.kind,
                idle_days=self.idle_days,
                action=self.action,
            )
        )


class LiftRetention(OnRetention, frozen=True, kw_only=True):
    """Ends a retention policy; what it did stays done."""

    NAME = "retention.lift"
    retention_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Retention, self.retention_id)).lift()


class RecordRetentionApplied(OnRetention, frozen=True, kw_only=True):
    """Records for which records a policy was found to hold, before anything is done to them."""

    NAME = "retention.record_applied"
    retention_id: UUID
    record_ids: RecordIds

    async def handle(self, work: Work) -> None:
        if work.actor.kind is not ActorKind.SYSTEM:
            raise Denied(self.NAME)
        (await work.load(Retention, self.retention_id)).record_applied(self.record_ids)
