"""`PERSISTENCE_MODULE=crm_core.persistence.memory`: the same over a ledger in memory, for tests."""

from __future__ import annotations

from eventsourcing.persistence import AggregateRecorder
from eventsourcing.popo import POPOAggregateRecorder

from crm_core.ledger.ledger import Ledger
from crm_core.ledger.memory import InMemoryLedger
from crm_core.persistence import factory  # not its class: the library wants one in this namespace

__all__ = ["InMemoryLedgerFactory"]


class InMemoryLedgerFactory(factory.LedgerFactory):
    """A ledger for each application, gone with it."""

    async def _opening(self) -> Ledger:
        return InMemoryLedger()

    def _snapshot_recorder(self) -> AggregateRecorder:
        return POPOAggregateRecorder()
