"""The rules of a disclosure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Rejected
from crm_core.privacy.disclosure import events as e

__all__ = ["Disclosure"]


class Disclosure(Aggregate):
    TOPIC = "privacy.disclosure"

    kind: e.DisclosureKind = e.DisclosureKind.SUBJECT_ACCESS
    about_id: UUID | None = None
    up_to: int = 0
    is_destroyed: bool = False

    @property
    def subject_id(self) -> UUID:
        return self.about_id or self.id

    @classmethod
    def make(
        cls,
        disclosure_id: UUID,
        at: datetime,
        *,
        kind: e.DisclosureKind,
        subject_id: UUID | None,
        up_to: int,
    ) -> Disclosure:
        return cls.start(
            e.DisclosureMade, disclosure_id, at, kind=kind, subject_id=subject_id, up_to=up_to
        )

    def record_destroyed(self) -> None:
        if self.is_destroyed:
            raise Rejected("disclosure.already_destroyed", disclosure_id=str(self.id))
        self.record(e.DisclosureDestroyed)

    def when(self, event: Any) -> None:
        match event:
            case e.DisclosureMade():
                self.kind, self.about_id, self.up_to = event.kind, event.subject_id, event.up_to
            case e.DisclosureDestroyed():
                self.is_destroyed = True
            case _:
                assert_never(event)
