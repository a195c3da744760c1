"""What can be asked of a bulk operation."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from crm_core.exchange.bulk_operation.events import BulkFormat, ErrorPolicy, MappedColumn
from crm_core.exchange.bulk_operation.operation import BulkOperation
from crm_core.kernel.errors import Denied
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Actor, ActorKind, Command, Work
from crm_core.privacy.erasure.commands import Erases

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Document = Annotated[str, Meta(min_length=1, max_length=20_000)]
Variables = Annotated[str, Meta(max_length=20_000)]
Mapping = Annotated[tuple[MappedColumn, ...], Meta(max_length=200)]


class OnBulkOperation(Command, frozen=True, kw_only=True):
    TARGET = "bulk_operation_id"


class RunBulkExport(OnBulkOperation, frozen=True, kw_only=True):
    """Writes all records that a query lists into a file: a JSON object a line, or Parquet.

    The document has one field at its root, which is a list such as `customers`, without `first`,
    `after`, `last` and `before`: all its pages are read, one after another, with your rights.
    `variables` is a JSON object.
    """

    NAME = "bulk_operation.export"
    bulk_operation_id: UUID = field(default_factory=new_id)
    query: Document
    variables: Variables | None = None
    format: BulkFormat = BulkFormat.JSONL

    async def handle(self, work: Work) -> None:
        work.add(
            BulkOperation.begin_export(
                self.bulk_operation_id,
                work.at,
                owner_id=_owner(work.actor),
                document=self.query,
                variables=self.variables,
                format=self.format,
            )
        )


class RunBulkImport(OnBulkOperation, frozen=True, kw_only=True):
    """Sends every row of an upload to a mutation, such as `customerRegisterPerson`, with your
    rights.

    A row of JSONL is the mutation's input. A row of CSV has its fields in columns: those that
    `mapping` names, or else those that are called like a field, `money.amount`; an empty cell is
    no value. A row has one effect, however often the operation is broken off and goes on.
    """

    NAME = "bulk_operation.import"
    bulk_operation_id: UUID = field(default_factory=new_id)
    upload_id: UUID
    mutation: Name
    format: BulkFormat = BulkFormat.JSONL
    mapping: Mapping = ()
    error_policy: ErrorPolicy = ErrorPolicy.CONTINUE
    only_rehearses: bool = False

    async def handle(self, work: Work) -> None:
        work.add(
            BulkOperation.begin_import(
                self.bulk_operation_id,
                work.at,
                owner_id=_owner(work.actor),
                mutation=self.mutation,
                upload_id=self.upload_id,
                format=self.format,
                mapping=self.mapping,
                error_policy=self.error_policy,
                only_rehearses=self.only_rehearses,
            )
        )


class CancelBulkOperation(OnBulkOperation, frozen=True, kw_only=True):
    """Ends it after the rows it is at; what was done before stays."""

    NAME = "bulk_operation.cancel"
    bulk_operation_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(BulkOperation, self.bulk_operation_id)).cancel()


class EraseBulkOperation(Erases, frozen=True, kw_only=True):
    """Forgets for ever what an export's query said; that there was one stays."""

    NAME = "bulk_operation.erase"
    TARGET = "bulk_operation_id"
    bulk_operation_id: UUID

    async def handle(self, work: Work) -> None:
        self.erase_alone(work, await work.load(BulkOperation, self.bulk_operation_id))


class _ByTheServer(OnBulkOperation, frozen=True, kw_only=True):
    async def _running(self, work: Work, operation_id: UUID) -> BulkOperation:
        if work.actor.kind is not ActorKind.SYSTEM:
            raise Denied(self.NAME)
        return await work.load(BulkOperation, operation_id)


class TakeBulkOperation(_ByTheServer, frozen=True, kw_only=True):
    """Records which server works on it, for so many seconds at first."""

    NAME = "bulk_operation.take"
    bulk_operation_id: UUID
    worker_id: UUID
    seconds: int

    async def handle(self, work: Work) -> None:
        operation = await self._running(work, self.bulk_operation_id)
        operation.take(self.worker_id, work.at + timedelta(seconds=self.seconds))


class NoteBulkProgress(_ByTheServer, frozen=True, kw_only=True):
    """Records how far it is, where it goes on from after a break."""

    NAME = "bulk_operation.note_progress"
    bulk_operation_id: UUID
    worker_id: UUID
    rows: int
    refused: int
    error_bytes: int = 0

    async def handle(self, work: Work) -> None:
        operation = await self._running(work, self.bulk_operation_id)
        operation.note_progress(self.worker_id, self.rows, self.refused, self.error_bytes)


class CompleteBulkOperation(_ByTheServer, frozen=True, kw_only=True):
    """Records that all rows are done."""

    NAME = "bulk_operation.complete"
    bulk_operation_id: UUID
    rows: int
    refused: int

    async def handle(self, work: Work) -> None:
        operation = await self._running(work, self.bulk_operation_id)
        operation.complete(self.rows, self.refused)


class FailBulkOperation(_ByTheServer, frozen=True, kw_only=True):
    """Records that it cannot go on."""

    NAME = "bulk_operation.fail"
    bulk_operation_id: UUID
    code: Name

    async def handle(self, work: Work) -> None:
        (await self._running(work, self.bulk_operation_id)).fail(self.code)


def _owner(actor: Actor) -> UUID | None:
    """The user who asks, by himself or through a key."""
    user_id = actor.id if actor.kind is ActorKind.USER else actor.on_behalf_of
    return None if user_id is None else UUID(user_id)
