"""How an erasure is requested, by a command of the record that is erased, and its further steps."""

from __future__ import annotations

from uuid import UUID

from msgspec import field

from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Denied, Rejected
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import ActorKind, Command, Work
from crm_core.privacy.erasure.erasure import Erasure
from crm_core.privacy.erasure.events import StoreReceipt


class Erases(Command, frozen=True, kw_only=True):
    """A request to erase a record. It needs a right of its own: who may change a record, or do
    anything else with it, may not yet erase it.
    """

    erasure_id: UUID = field(default_factory=new_id)

    @classmethod
    def right(cls) -> tuple[str, str]:
        return "personal_data", "erase"

    def erase_alone(self, work: Work, record: Aggregate) -> None:
        """Requests the erasure of a record whose words are sealed under a key of its own.

        Nothing is recorded on it. Raises Rejected `erasure.goes_with` where they are somebody's.
        """
        if record.subject_id != record.id:
            raise Rejected("erasure.goes_with", subject_id=str(record.subject_id))
        work.guard(record)  # it may be given to somebody meanwhile
        work.add(
            Erasure.request(self.erasure_id, work.at, subject_ids=[record.id], keys_released=0)
        )


class OnErasure(Command, frozen=True, kw_only=True):
    """For programs of ours: who says that something is forgotten must have made it so."""

    TARGET = "erasure_id"

    async def _erasure(self, work: Work) -> Erasure:
        if work.actor.kind is not ActorKind.SYSTEM:
            raise Denied(self.NAME)
        return await work.load(Erasure, self.target_id)


class RecordKeyDestroyed(OnErasure, frozen=True, kw_only=True):
    """Records that the subjects' keys are gone."""

    NAME = "erasure.record_key_destroyed"
    erasure_id: UUID
    adopted_ids: tuple[UUID, ...] = ()

    async def handle(self, work: Work) -> None:
        (await self._erasure(work)).record_key_destroyed(self.adopted_ids)


class CompleteErasure(OnErasure, frozen=True, kw_only=True):
    """Records that every store has forgotten the subjects."""

    NAME = "erasure.complete"
    erasure_id: UUID
    receipts: tuple[StoreReceipt, ...]

    async def handle(self, work: Work) -> None:
        (await self._erasure(work)).complete(self.receipts)
