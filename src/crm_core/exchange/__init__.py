"""Much at once, out and in: exports of a query's records, imports of a file's rows.

A bulk operation is a record like any other: who asked for it, how far it is and how it ended are
events. Carrying it out is the door's, which knows queries and mutations (`crm_api.bulk`).
"""

from __future__ import annotations

from crm_core.exchange.bulk_operation.commands import (
    CancelBulkOperation,
    CompleteBulkOperation,
    EraseBulkOperation,
    FailBulkOperation,
    NoteBulkProgress,
    RunBulkExport,
    RunBulkImport,
    TakeBulkOperation,
)
from crm_core.exchange.bulk_operation.events import (
    BulkFormat,
    BulkKind,
    ErrorPolicy,
    MappedColumn,
)
from crm_core.exchange.bulk_operation.operation import BulkOperation, BulkStatus

__all__ = [
    "BulkFormat",
    "BulkKind",
    "BulkOperation",
    "BulkStatus",
    "CancelBulkOperation",
    "CompleteBulkOperation",
    "EraseBulkOperation",
    "ErrorPolicy",
    "FailBulkOperation",
    "MappedColumn",
    "NoteBulkProgress",
    "RunBulkExport",
    "RunBulkImport",
    "TakeBulkOperation",
]
