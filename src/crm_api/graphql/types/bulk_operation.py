"""The bulk operation in answers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import strawberry

from crm_api.graphql.context import Info
from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.records import RecordKind
from crm_api.graphql.types.node import Record
from crm_core.exchange import BulkFormat, BulkKind, BulkStatus, ErrorPolicy
from crm_core.exchange import BulkOperation as BulkOperationAggregate

__all__ = ["BULK_OPERATION", "BulkOperation"]

for _enum in (BulkFormat, BulkKind, BulkStatus, ErrorPolicy):
    graphql_enum(_enum)


@strawberry.type(description="An export or an import that goes on by itself until it is done.")
class BulkOperation(Record):
    KEY = "id"

    kind: BulkKind
    status: BulkStatus
    mutation: str | None = strawberry.field(description="Of an import: what each row is sent to.")
    format: BulkFormat = strawberry.field(description="Of the file.")
    only_rehearses: bool = strawberry.field(
        description="Of an import: it finds out which rows would be refused, and records nothing."
    )
    rows: int = strawberry.field(description="How many are done, those that were refused included.")
    refused: int = strawberry.field(description="How many rows were refused.")
    error_code: str | None = strawberry.field(description="Why it could not go on.")
    ended_at: datetime | None

    @resolver(
        "Of a completed export: GET the file here, in its format, with your credentials. A path on"
        " this server; null once the file is gone, after 7 days or an erasure."
    )
    def url(self, info: Info) -> str | None:
        return _address(info.context.services.bulk.files.exported(self.row))

    @resolver(
        "Of an import: GET the refused rows here, a line each with its number and the errors, with"
        " your credentials."
    )
    def errors_url(self, info: Info) -> str | None:
        return _address(info.context.services.bulk.files.refused(self.row))


def _address(path: Path | None) -> str | None:
    return None if path is None else f"/files/{path.name}"


BULK_OPERATION = RecordKind(BulkOperation, BulkOperationAggregate)
