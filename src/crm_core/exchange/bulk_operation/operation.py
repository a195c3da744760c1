"""The rules of a bulk operation."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from crm_core.exchange.bulk_operation import events as e
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Rejected
from crm_core.kernel.events import OptionalPersonalText

__all__ = ["BulkOperation", "BulkStatus"]


class BulkStatus(StrEnum):
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class BulkOperation(Aggregate):
    """`rows` is never more than before, so a watcher's count never goes back."""

    TOPIC = "exchange.bulk_operation"

    kind: e.BulkKind = e.BulkKind.EXPORT
    status: BulkStatus = BulkStatus.RUNNING
    owner_id: UUID | None = None
    mutation: str | None = None
    document: OptionalPersonalText = None
    variables: OptionalPersonalText = None
    upload_id: UUID | None = None
    format: e.BulkFormat = e.BulkFormat.JSONL
    mapping: tuple[e.MappedColumn, ...] = ()
    error_policy: e.ErrorPolicy = e.ErrorPolicy.CONTINUE
    only_rehearses: bool = False
    worker_id: UUID | None = None
    taken_until: datetime | None = None
    rows: int = 0
    refused: int = 0
    error_bytes: int = 0
    error_code: str | None = None
    ended_at: datetime | None = None

    @classmethod
    def begin_export(
        cls,
        operation_id: UUID,
        at: datetime,
        *,
        owner_id: UUID | None,
        document: str,
        variables: str | None,
        format: e.BulkFormat,
    ) -> BulkOperation:
        return cls.start(
            e.BulkExportRequested,
            operation_id,
            at,
            owner_id=owner_id,
            document=document,
            variables=variables,
            format=format,
        )

    @classmethod
    def begin_import(
        cls,
        operation_id: UUID,
        at: datetime,
        *,
        owner_id: UUID | None,
        mutation: str,
        upload_id: UUID,
        format: e.BulkFormat,
        mapping: tuple[e.MappedColumn, ...],
        error_policy: e.ErrorPolicy,
        only_rehearses: bool,
    ) -> BulkOperation:
        return cls.start(
            e.BulkImportRequested,
            operation_id,
            at,
            owner_id=owner_id,
            mutation=mutation,
            upload_id=upload_id,
            format=format,
            mapping=mapping,
            error_policy=error_policy,
            only_rehearses=only_rehearses,
        )

    def take(self, worker_id: UUID, until: datetime) -> None:
        self._require_running()
        if self.taken_until is not None and self.taken_until > self.at:
            self._require_worker(worker_id)
        self.record(e.BulkTaken, worker_id=worker_id, until=until)

    def note_progress(self, worker_id: UUID, rows: int, refused: int, error_bytes: int) -> None:
        self._require_running()
        self._require_worker(worker_id)
        if rows > self.rows:
            self.record(e.BulkProgressed, rows=rows, refused=refused, error_bytes=error_bytes)

    def complete(self, rows: int, refused: int) -> None:
        self._require_running()
        self.record(e.BulkCompleted, rows=rows, refused=refused)

    def fail(self, code: str) -> None:
        self._require_running()
        self.record(e.BulkFailed, code=code)

    def cancel(self) -> None:
        self._require_running()
        self.record(e.BulkCancelled)

    def _require_worker(self, worker_id: UUID) -> None:
        if self.worker_id != worker_id:
            raise Rejected("bulk.taken", until=str(self.taken_until))

    def _require_running(self) -> None:
        if self.status is not BulkStatus.RUNNING:
            raise Rejected("bulk.ended", status=self.status.value)

    def when(self, event: Any) -> None:
        match event:
            case e.BulkExportRequested():
                self.owner_id, self.format = event.owner_id, event.format
                self.document, self.variables = event.document, event.variables
            case e.BulkImportRequested():
                self.kind = e.BulkKind.IMPORT
                self.owner_id, self.mutation = event.owner_id, event.mutation
                self.upload_id, self.format, self.mapping = (
                    event.upload_id, event.format, event.mapping
                )  # fmt: skip
                self.error_policy = event.error_policy
                self.only_rehearses = event.only_rehearses
            case e.BulkTaken():
                self.worker_id, self.taken_until = event.worker_id, event.until
            case e.BulkProgressed():
                self.rows, self.refused, self.error_bytes = (
                    event.rows, event.refused, event.error_bytes
                )  # fmt: skip
            case e.BulkCompleted():
                self.rows, self.refused = event.rows, event.refused
                self._end(BulkStatus.COMPLETED, event)
            case e.BulkFailed():
                self.error_code = event.code
                self._end(BulkStatus.FAILED, event)
            case e.BulkCancelled():
                self._end(BulkStatus.CANCELLED, event)
            case _:
                assert_never(event)

    def _end(self, status: BulkStatus, event: Any) -> None:
        self.status, self.ended_at = status, event.timestamp
