"""The ledger as a persistence module of the `eventsourcing` library.

    PERSISTENCE_MODULE=crm_core.persistence
    CRM_DATABASE_URL=postgresql://…

These two lines put an application of the library, with its own aggregates, on this ledger;
docs/guides/eventsourcing-library.md has the rest. `crm_core.persistence.memory` is the same over a
ledger in memory.
"""

from __future__ import annotations

# The library looks for the one factory class in this namespace.
from crm_core.persistence.factory import LedgerFactory
from crm_core.persistence.recorders import (
    LedgerAggregateRecorder,
    LedgerApplicationRecorder,
    LedgerProcessRecorder,
    LedgerTrackingRecorder,
)

__all__ = [
    "LedgerAggregateRecorder",
    "LedgerApplicationRecorder",
    "LedgerFactory",
    "LedgerProcessRecorder",
    "LedgerTrackingRecorder",
]
