"""Keeps one row a bulk operation: what their list is filtered and sorted by.

How far one is comes from its events, which are never behind.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from msgspec.structs import replace

from crm_core import RecordedEvent
from crm_core.exchange import BulkKind, BulkStatus
from crm_core.exchange.bulk_operation import events as e
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.tables import Row, Table

__all__ = ["BULK_OPERATIONS", "BulkList", "BulkOperationRow"]

_STATUS_AFTER = {
    e.BulkCompleted: BulkStatus.COMPLETED,
    e.BulkFailed: BulkStatus.FAILED,
    e.BulkCancelled: BulkStatus.CANCELLED,
}


class BulkOperationRow(Row, frozen=True, kw_only=True):
    """The key is `id`, as the aggregate has it; `owner_id` is who asked."""

    id: UUID
    owner_id: UUID | None
    kind: BulkKind
    status: BulkStatus = BulkStatus.RUNNING
    created_at: datetime
    ended_at: datetime | None = None


BULK_OPERATIONS = Table(
    "bulk_operation",
    BulkOperationRow,
    key=("id",),
    indexes=("created_at, id", "owner_id, created_at"),
)


class BulkList(Projection):
    name = "bulk_list"
    version = 1
    tables = (BULK_OPERATIONS,)
    reads: ClassVar[tuple[str, ...]] = ("exchange.bulk_operation.",)
    by_stream = True

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        row = rows.get(BULK_OPERATIONS, event.record_id)
        if row is None:
            rows.put(BULK_OPERATIONS, _begun(event))
        elif type(event.data) in _STATUS_AFTER:
            status = _STATUS_AFTER[type(event.data)]
            rows.put(BULK_OPERATIONS, replace(row, status=status, ended_at=event.happened_at))


def _begun(event: RecordedEvent) -> BulkOperationRow:
    fact = event.data
    assert isinstance(fact, e.BulkExportRequested | e.BulkImportRequested), "it begins its stream"
    return BulkOperationRow(
        id=event.record_id,
        owner_id=fact.owner_id,
        kind=BulkKind.IMPORT if isinstance(fact, e.BulkImportRequested) else BulkKind.EXPORT,
        created_at=event.happened_at,
    )
