"""What users own, by the ledger itself: never behind, and as dear as all that was ever assigned.

For whoever has no read models (`crm_projections.owned` has the same answers from those).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from crm_core.access.owned import OwnedRecord
from crm_core.access.records import is_open, kind_of, owner_of
from crm_core.access.rights import Reach
from crm_core.customers.customer.events import CustomerOwnerAssigned
from crm_core.engagement.task.events import TaskAssigned, TaskCreated
from crm_core.kernel.events import Event
from crm_core.ledger.aggregate_store import AggregateStore
from crm_core.ledger.selection import Selection
from crm_core.sales.opportunity.events import OpportunityOpened, OpportunityOwnerAssigned
from crm_core.service.ticket.events import TicketAssigned

__all__ = ["LedgerOwned"]

_GIVING: Final = Selection(
    types=(
        CustomerOwnerAssigned.TOPIC,
        OpportunityOpened.TOPIC,
        OpportunityOwnerAssigned.TOPIC,
        TicketAssigned.TOPIC,
        TaskCreated.TOPIC,
        TaskAssigned.TOPIC,
    )
)
_LOADED_AT_ONCE: Final = 500


class LedgerOwned:
    """The records of one tenant."""

    def __init__(self, aggregates: AggregateStore, tenant_id: UUID) -> None:
        self._aggregates = aggregates
        self._tenant_id = tenant_id

    async def count(
        self, owner_id: UUID, within: Mapping[str, Reach], without: Collection[UUID] = ()
    ) -> dict[str, int]:
        counts: dict[str, int] = {}
        for kind, record_id, _, _ in await self._open({owner_id}):
            reach = within.get(kind)
            if reach is None or record_id in without or not reach.includes(record_id, owner_id):
                continue
            counts[kind] = counts.get(kind, 0) + 1
        return counts

    async def page(
        self, owner_ids: Collection[UUID], *, after: tuple[str, UUID] | None, limit: int
    ) -> list[OwnedRecord]:
        found = sorted(await self._open(owner_ids))
        return [of for of in found if after is None or of[:2] > after][:limit]

    async def _open(self, owner_ids: Collection[UUID]) -> list[OwnedRecord]:
        given = list(await self._ever_given_to(owner_ids))
        found = []
        for start in range(0, len(given), _LOADED_AT_ONCE):
            some = given[start : start + _LOADED_AT_ONCE]
            for record in (await self._aggregates.load(self._tenant_id, some)).values():
                kind = kind_of(record.TOPIC)
                owner_id = owner_of(kind, record)
                if owner_id is not None and owner_id in owner_ids and is_open(kind, record):
                    found.append(OwnedRecord(kind, record.id, owner_id, record.version))
        return found

    async def _ever_given_to(self, owner_ids: Collection[UUID]) -> dict[UUID, None]:
        given: dict[UUID, None] = {}
        async for page in self._aggregates.events.pages(self._tenant_id, selection=_GIVING):
            given |= {e.record_id: None for e in page if _given_to(e.data) in owner_ids}
        return given


def _given_to(fact: Event) -> UUID | None:
    match fact:
        case CustomerOwnerAssigned() | OpportunityOwnerAssigned():
            return fact.to_owner_id
        case OpportunityOpened():
            return fact.owner_id
        case TicketAssigned() | TaskAssigned():
            return fact.to_assignee_id
        case TaskCreated():
            return fact.assignee_id
        case _:
            return None
