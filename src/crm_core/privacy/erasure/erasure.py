"""The rules of an erasure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from crm_core.kernel.aggregate import Aggregate, HeldKey
from crm_core.kernel.errors import Rejected
from crm_core.privacy.erasure import events as e

__all__ = ["Erasure", "ErasureStatus"]


class ErasureStatus(StrEnum):
    REQUESTED = "REQUESTED"
    KEYS_DESTROYED = "KEYS_DESTROYED"
    COMPLETED = "COMPLETED"


class Erasure(Aggregate):
    """REQUESTED → KEYS_DESTROYED → COMPLETED; each step may be done again and is recorded once."""

    TOPIC = "privacy.erasure"

    subject_ids: tuple[UUID, ...] = ()
    status: ErasureStatus = ErasureStatus.REQUESTED
    keys_released: int = 0
    receipts: tuple[e.StoreReceipt, ...] = ()

    @property
    def subject_id(self) -> UUID:
        return self.subject_ids[0]

    def held_keys(self) -> frozenset[HeldKey]:
        """Nobody is erased twice."""
        return frozenset({HeldKey("erasure", str(self.subject_id))})

    @classmethod
    def request(
        cls, erasure_id: UUID, at: datetime, *, subject_ids: Sequence[UUID], keys_released: int
    ) -> Erasure:
        return cls.start(
            e.SubjectErasureRequested,
            erasure_id,
            at,
            subject_ids=tuple(subject_ids),
            keys_released=keys_released,
        )

    def record_key_destroyed(self, adopted_ids: Sequence[UUID]) -> None:
        if self.status is ErasureStatus.REQUESTED:
            self.record(e.SubjectKeyDestroyed, subject_ids=(*self.subject_ids, *adopted_ids))

    def complete(self, receipts: Sequence[e.StoreReceipt]) -> None:
        if self.status is ErasureStatus.REQUESTED:
            raise Rejected("erasure.keys_not_destroyed", erasure_id=str(self.id))
        if self.status is ErasureStatus.KEYS_DESTROYED:
            self.record(e.SubjectErasureCompleted, receipts=tuple(receipts))

    def when(self, event: Any) -> None:
        match event:
            case e.SubjectErasureRequested():
                self.subject_ids, self.keys_released = event.subject_ids, event.keys_released
            case e.SubjectKeyDestroyed():
                self.status = ErasureStatus.KEYS_DESTROYED
                self.subject_ids = event.subject_ids
            case e.SubjectErasureCompleted():
                self.status, self.receipts = ErasureStatus.COMPLETED, event.receipts
            case _:
                assert_never(event)
