"""What can happen to a bulk operation."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from crm_core.kernel.events import Created, Event, OptionalPersonalText, PersonalText


class BulkKind(StrEnum):
    EXPORT = "EXPORT"
    IMPORT = "IMPORT"


class BulkFormat(StrEnum):
    JSONL = "JSONL"  # a JSON object a line
    CSV = "CSV"  # RFC 4180, UTF-8, with a line of names; comes in only
    PARQUET = "PARQUET"  # goes out only


class ErrorPolicy(StrEnum):
    CONTINUE = "CONTINUE"  # refused rows are listed, the others are taken
    STOP = "STOP"  # the first refused row ends it; what was taken before stays


class MappedColumn(msgspec.Struct, frozen=True):
    """A column of a CSV file, and the field of the input that it fills: `money.amount`."""

    column: str
    field: str


class BulkExportRequested(Created):
    """The document may say whom it looks for, so it is personal."""

    TOPIC = "exchange.bulk_operation.export_requested"
    owner_id: UUID | None
    document: PersonalText
    variables: OptionalPersonalText
    format: BulkFormat


class BulkImportRequested(Created):
    """`mutation` is what each row of the upload is sent to."""

    TOPIC = "exchange.bulk_operation.import_requested"
    owner_id: UUID | None
    mutation: str
    upload_id: UUID
    format: BulkFormat
    mapping: tuple[MappedColumn, ...]
    error_policy: ErrorPolicy
    only_rehearses: bool


class BulkTaken(Event):
    """A server works on it from now on, and nobody else does until the moment, unless it goes on
    saying so.
    """

    TOPIC = "exchange.bulk_operation.taken"
    worker_id: UUID
    until: datetime


class BulkProgressed(Event):
    """So many rows in all are done, and so many of them were refused; the list of those has
    `error_bytes`.
    """

    TOPIC = "exchange.bulk_operation.progressed"
    rows: int
    refused: int
    error_bytes: int


class BulkCompleted(Event):
    TOPIC = "exchange.bulk_operation.completed"
    rows: int
    refused: int


class BulkFailed(Event):
    """`code` says why it could not go on; what was done before stays."""

    TOPIC = "exchange.bulk_operation.failed"
    code: str


class BulkCancelled(Event):
    TOPIC = "exchange.bulk_operation.cancelled"
