"""What can be asked of a disclosure."""

from __future__ import annotations

from uuid import UUID

from msgspec import field

from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work
from crm_core.privacy.disclosure.disclosure import Disclosure
from crm_core.privacy.disclosure.events import DisclosureKind


class OnDisclosure(Command, frozen=True, kw_only=True):
    TARGET = "disclosure_id"

    @classmethod
    def right(cls) -> tuple[str, str]:
        """A right of its own: who may read a record may not yet carry it away."""
        return "personal_data", "export"


class RecordDisclosure(OnDisclosure, frozen=True, kw_only=True):
    """Records that a copy of personal data leaves, before it does."""

    NAME = "disclosure.record"
    disclosure_id: UUID = field(default_factory=new_id)
    kind: DisclosureKind
    subject_id: UUID | None = None
    up_to: int

    async def handle(self, work: Work) -> None:
        work.add(
            Disclosure.make(
                self.disclosure_id,
                work.at,
                kind=self.kind,
                subject_id=self.subject_id,
                up_to=self.up_to,
            )
        )


class RecordDisclosureDestroyed(OnDisclosure, frozen=True, kw_only=True):
    """Records that a copy of personal data, which had left, is destroyed."""

    NAME = "disclosure.record_destroyed"
    disclosure_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Disclosure, self.disclosure_id)).record_destroyed()
