"""The rules of a retention policy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Rejected
from crm_core.privacy.retention import events as e

__all__ = ["Retention"]


class Retention(Aggregate):
    TOPIC = "privacy.retention"

    kind: e.RetentionKind = e.RetentionKind.CUSTOMER
    idle_days: int = 0
    action: e.RetentionAction = e.RetentionAction.ARCHIVE
    is_lifted: bool = False

    @classmethod
    def begin(
        cls,
        retention_id: UUID,
        at: datetime,
        *,
        kind: e.RetentionKind,
        idle_days: int,
        action: e.RetentionAction,
    ) -> Retention:
        if action is e.RetentionAction.ARCHIVE and kind is not e.RetentionKind.CUSTOMER:
            raise Rejected("retention.only_erases", kind=kind.value)
        return cls.start(
            e.RetentionSet, retention_id, at, kind=kind, idle_days=idle_days, action=action
        )

    def record_applied(self, record_ids: Sequence[UUID]) -> None:
        self._require_in_force()
        self.record(e.RetentionApplied, record_ids=tuple(record_ids))

    def lift(self) -> None:
        self._require_in_force()
        self.record(e.RetentionLifted)

    def _require_in_force(self) -> None:
        if self.is_lifted:
            raise Rejected("retention.lifted", retention_id=str(self.id))

    def when(self, event: Any) -> None:
        match event:
            case e.RetentionSet():
                self.kind, self.idle_days, self.action = event.kind, event.idle_days, event.action
            case e.RetentionApplied():
                pass  # no rule needs it; it is there to be read
            case e.RetentionLifted():
                self.is_lifted = True
            case _:
                assert_never(event)
