"""Hands over what users own who have left, by the ordinary commands, a batch at a time.

Nothing is kept about how far it is: what is found to be owned by somebody who left is what is still
to be done, so it goes on after a break, and what is given to such a user by a hair's breadth, or is
opened again later, follows. A record is given away at the version at which it was found; where it
has moved on, or another server was first, nothing is done to it, and it is looked at again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID

import structlog

from crm_core.access.owned import OwnedRecord, OwnedRecords
from crm_core.authority import Authority
from crm_core.customers.customer.commands import AssignCustomerOwner
from crm_core.engagement.task.commands import AssignTask
from crm_core.identity.directory import HandOver
from crm_core.identity.user.events import HandOverBegun
from crm_core.identity.user.leaving import CompleteHandOver
from crm_core.kernel.errors import CrmError
from crm_core.kernel.messages import SYSTEM, Command, Receipt, Request
from crm_core.ledger.event_store import EventStore, RecordedEvent
from crm_core.sales.opportunity.commands import AssignOpportunityOwner
from crm_core.service.ticket.commands import AssignTicket, QueueTicket

__all__ = ["HandingOver"]

log = structlog.get_logger()

BATCH_RECORDS: Final = 500
_LOOK_SECONDS = 2.0  # while somebody's records are on their way
_LOOK_AGAIN_SECONDS = 60.0  # for what came to those whose records have been handed over

Run = Callable[[Sequence[Request]], Awaitable[list[Receipt | CrmError]]]


class HandingOver:
    """What users of one tenant leave behind. `owned` knows what that is."""

    def __init__(
        self,
        store: EventStore,
        tenant_id: UUID,
        authority: Authority,
        owned: Callable[[], OwnedRecords],
        run: Run,
    ) -> None:
        self._store = store
        self._tenant_id = tenant_id
        self._authority = authority
        self._owned = owned
        self._execute_many = run
        self._causes: dict[UUID, RecordedEvent] = {}

    async def sweep(self) -> int:
        """Goes once through all that is owned by users who left; how many records it gave away.

        Whose records it did not find any of has handed over. Raises Lagging where the read models
        do not show yet all that is recorded.
        """
        to = (await self._authority.directory(anew=True)).hand_overs()
        self._causes.clear()
        owning, moved, after = set[UUID](), 0, None
        while to and (page := await self._page(to, after)):
            given = [(of, command) for of in page if (command := _command(of, to[of.owner_id]))]
            owning |= {record.owner_id for record, _ in given}
            moved += await self._give_away(given)
            after = page[-1].kind, page[-1].record_id
        for user_id, of in to.items():
            if not of.is_completed and user_id not in owning:
                await self._execute_many(
                    [Request(command=CompleteHandOver(user_id=user_id), actor=SYSTEM)]
                )
                log.info("handing_over.completed", id=str(user_id))
        return moved

    async def run(self) -> None:
        """Sweeps, now and as users leave, until it is cancelled."""
        waited = _LOOK_AGAIN_SECONDS
        while True:
            hand_overs = (await self._authority.directory()).hand_overs().values()
            if waited >= _LOOK_AGAIN_SECONDS or not all(of.is_completed for of in hand_overs):
                waited = 0.0
                try:
                    while moved := await self.sweep():
                        log.info("handing_over.moved", records=moved)
                except CrmError as error:
                    log.warning("handing_over.waits", error=error.code)
            await asyncio.sleep(_LOOK_SECONDS)
            waited += _LOOK_SECONDS

    async def _page(
        self, to: dict[UUID, HandOver], after: tuple[str, UUID] | None
    ) -> list[OwnedRecord]:
        return await self._owned().page(to.keys(), after=after, limit=BATCH_RECORDS)

    async def _give_away(self, given: Sequence[tuple[OwnedRecord, Command]]) -> int:
        requests = []
        for record, command in given:
            cause = await self._cause(record.owner_id)
            requests.append(
                Request(
                    command=command,
                    actor=SYSTEM,
                    expected_version=record.version,
                    correlation_id=cause.stored.correlation_id,
                    causation_id=cause.stored.event_id,
                    reason=f"hand_over:{record.owner_id}",
                )
            )
        outcomes = await self._execute_many(requests)
        refused = [outcome.code for outcome in outcomes if isinstance(outcome, CrmError)]
        if refused:
            log.info("handing_over.looked_at_again", records=len(refused), error=refused[0])
        return len(outcomes) - len(refused)

    async def _cause(self, user_id: UUID) -> RecordedEvent:
        """The last event that says where this user's records go."""
        if user_id not in self._causes:
            for event in await self._store.stream(self._tenant_id, [user_id]):
                if isinstance(event.data, HandOverBegun):
                    self._causes[user_id] = event
        return self._causes[user_id]


def _command(record: OwnedRecord, to: HandOver) -> Command | None:
    """None where nobody follows: whoever asks for the user's records sees that one there."""
    if record.kind == "ticket" and to.ticket_queue is not None:
        return QueueTicket(ticket_id=record.record_id, queue=to.ticket_queue)
    if to.successor_id is None:
        return None
    match record.kind:
        case "customer":
            return AssignCustomerOwner(customer_id=record.record_id, owner_id=to.successor_id)
        case "opportunity":
            return AssignOpportunityOwner(opportunity_id=record.record_id, owner_id=to.successor_id)
        case "ticket":
            return AssignTicket(ticket_id=record.record_id, assignee_id=to.successor_id)
        case "task":
            return AssignTask(task_id=record.record_id, assignee_id=to.successor_id)
        case _:
            raise LookupError(record.kind)
