"""Carries bulk operations out, one at a time in a server; what was broken off goes on.

The ledger says which are running, and which server works on each: who has said nothing for two
minutes has lost it to whoever takes it then, and is told so by its next note.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
import structlog

from crm_api.bulk.columns import write_columns
from crm_api.bulk.exporting import list_query
from crm_api.bulk.importing import RowForm
from crm_api.bulk.rows import Row, rows_of
from crm_api.graphql.compiled.answers import CompiledReads
from crm_api.graphql.context import Context
from crm_api.graphql.errors import ErrorCode, code_of, user_error
from crm_api.messages import Language
from crm_api.schema import schema
from crm_api.services import Services
from crm_api.tokens import Session
from crm_api.tracing import answering
from crm_core import (
    SYSTEM,
    Actor,
    CrmError,
    Receipt,
    Rejected,
    Request,
    Selection,
    Unavailable,
    derived_id,
    new_id,
)
from crm_core.audit.reads import How
from crm_core.exchange import (
    BulkFormat,
    BulkKind,
    BulkOperation,
    BulkStatus,
    CompleteBulkOperation,
    ErrorPolicy,
    FailBulkOperation,
    NoteBulkProgress,
    TakeBulkOperation,
)
from crm_core.exchange.bulk_operation.events import BulkCancelled, BulkCompleted, BulkFailed
from crm_core.kernel.events import Created, plain
from crm_core.privacy import DisclosureKind, RecordDisclosure

__all__ = ["BulkRunner"]

log = structlog.get_logger()

_OPERATIONS = Selection(categories=[BulkOperation.TOPIC])
_ENDS = (BulkCompleted, BulkFailed, BulkCancelled)
_TAKEN_SECONDS = 120  # without a word; then another server may go on with it
_BATCH_ROWS = 500
_NOTED_ROWS = 1_000  # of an export, between two notes of its progress
_PAGE_SECONDS_MAX = 600  # that an export speaks for its asker at a time
_LOOK_SECONDS = 5.0  # at what another server has in hand, and for files that are too old


class BulkRunner:
    """The bulk operations of one tenant."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._crm = services.crm
        self._files = services.bulk.files
        self._compiled = CompiledReads(schema, services)
        self._worker_id = new_id()
        self._taken_at = 0.0

    async def run(self) -> None:
        """Carries out what is running, now and as it comes, until it is cancelled."""
        pending: dict[UUID, Actor] = {}
        following = self._crm.subscribe(_OPERATIONS)
        while True:
            page = await following.next_page(seconds=_LOOK_SECONDS)
            for event in page:
                if isinstance(event.data, Created):
                    pending[event.record_id] = event.stored.actor
                elif isinstance(event.data, _ENDS):
                    pending.pop(event.record_id, None)
            if page.scanned_to < await self._crm.position():
                continue  # most of those that were asked for have ended
            await asyncio.to_thread(self._files.expire)
            for operation_id, actor in list(pending.items()):
                if await self._carry_out(operation_id, actor):
                    del pending[operation_id]

    async def _carry_out(self, operation_id: UUID, actor: Actor) -> bool:
        """Whether it has ended; else another server has it, or the database is away."""
        operation = await self._crm.get(BulkOperation, operation_id)
        if operation.status is not BulkStatus.RUNNING:
            return True
        try:
            await self._take(operation_id)
            work = self._export if operation.kind is BulkKind.EXPORT else self._import
            with answering(operation_id.hex):  # so that the log of reads names it
                rows, refused = await work(operation, actor)
            await self._crm.execute(
                CompleteBulkOperation(bulk_operation_id=operation_id, rows=rows, refused=refused),
                SYSTEM,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the next one has its turn
            return await self._ended_by(operation_id, error)
        log.info("bulk.completed", id=str(operation_id), rows=rows, refused=refused)
        return True

    async def _ended_by(self, operation_id: UUID, error: Exception) -> bool:
        if code_of(error) is ErrorCode.UNAVAILABLE:
            log.warning("bulk.waits", id=str(operation_id), error=type(error).__name__)
            return False
        code = error.code if isinstance(error, CrmError) else "bulk.internal"
        if code == "bulk.taken":
            return False
        if code == "bulk.ended":  # cancelled meanwhile
            return True
        log.warning("bulk.failed", id=str(operation_id), code=code, error=type(error).__name__)
        await self._crm.execute(
            FailBulkOperation(bulk_operation_id=operation_id, code=code), SYSTEM
        )
        return True

    async def _take(self, operation_id: UUID) -> None:
        """Raises Rejected `bulk.taken` where another server has it, `bulk.ended`."""
        take = TakeBulkOperation(
            bulk_operation_id=operation_id, worker_id=self._worker_id, seconds=_TAKEN_SECONDS
        )
        await self._crm.execute(take, SYSTEM)
        self._taken_at = monotonic()

    async def _note(
        self, operation_id: UUID, rows: int, refused: int, error_bytes: int = 0
    ) -> None:
        """Raises Rejected `bulk.ended` where it was cancelled."""
        await self._crm.execute(
            NoteBulkProgress(
                bulk_operation_id=operation_id,
                worker_id=self._worker_id,
                rows=rows,
                refused=refused,
                error_bytes=error_bytes,
            ),
            SYSTEM,
        )
        if monotonic() - self._taken_at > _TAKEN_SECONDS / 4:
            await self._take(operation_id)

    # --- out ----------------------------------------------------------------------------------

    async def _export(self, operation: BulkOperation, actor: Actor) -> tuple[int, int]:
        """From its beginning, also after a break. The rights are asked again for every page."""
        document = plain(operation.document)
        if document is None:
            raise Rejected("bulk.erased")
        await self._disclose(operation.id)
        query = list_query(document, schema)
        given = msgspec.json.decode(plain(operation.variables) or "{}")
        path = self._files.result(operation.id)
        part = path.with_suffix(".part")
        end = b',"_exportId":"%b"}\n' % str(operation.id).encode()
        rows, cursor = 0, None
        with _private(part) as file:
            while True:
                page = await self._page(query.text, query.variables(given, cursor), actor)
                nodes = query.nodes(page)
                rows += len(nodes)
                if rows > self._services.bulk.rows_max:
                    part.unlink()
                    raise Rejected("bulk.too_many_rows", limit=self._services.bulk.rows_max)
                lines = [msgspec.json.encode(node)[:-1] + end for node in nodes]
                await asyncio.to_thread(file.writelines, lines)
                if rows - operation.rows >= _NOTED_ROWS:
                    await self._note(operation.id, rows, 0)
                    operation.rows = rows
                cursor = query.next_cursor(page)
                if cursor is None:
                    break
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        if operation.format is BulkFormat.PARQUET:
            await asyncio.to_thread(write_columns, path, self._files.columns(operation.id))
        return rows, 0

    async def _page(self, text: str, variables: dict[str, Any], actor: Actor) -> dict[str, Any]:
        """The data of an answer. Raises Rejected `bulk.query_refused` where it has errors."""
        now = self._crm.store.ledger.clock.now()
        session = Session(actor, now + timedelta(seconds=_PAGE_SECONDS_MAX))
        context = Context(self._services, session=session, how=How.EXPORT)
        answer = await self._compiled.answer(context, text, None, variables)
        if answer is not None:
            data: dict[str, Any] = msgspec.json.decode(answer)["data"]
            return data
        result = await schema.execute(text, variable_values=variables, context_value=context)
        if result.errors or result.data is None:
            errors = result.errors or []
            code = (errors[0].extensions or {})["code"] if errors else ErrorCode.INTERNAL.value
            if code == ErrorCode.UNAVAILABLE:
                raise Unavailable("database.busy", problem="bulk")
            raise Rejected("bulk.query_refused", reason=code)
        return result.data

    async def _disclose(self, operation_id: UUID) -> None:
        """Before anything leaves, and once, so that an erasure names this copy."""
        disclosure_id = derived_id(self._crm.tenant_id, "bulk", operation_id, "disclosure")
        try:
            await self._crm.execute(
                RecordDisclosure(
                    disclosure_id=disclosure_id,
                    kind=DisclosureKind.BULK_EXPORT,
                    up_to=await self._crm.position(),
                ),
                SYSTEM,
                correlation_id=operation_id,
            )
        except Rejected as refusal:
            if refusal.code != "record.exists":  # it was begun before
                raise

    # --- in -----------------------------------------------------------------------------------

    async def _import(self, operation: BulkOperation, actor: Actor) -> tuple[int, int]:
        """From where it was noted last. What is done again has no further effect."""
        form = RowForm(schema, operation.mutation or "")
        assert operation.upload_id is not None
        path = self._files.upload(operation.upload_id)
        rows = rows_of(path, operation.format, operation.mapping, form.input_type)
        done, refused = operation.rows, operation.refused
        left = islice(rows, done, None)
        with _private(self._files.errors(operation.id), kept=operation.error_bytes) as file:
            while batch := await asyncio.to_thread(list, islice(left, _BATCH_ROWS)):
                found = await self._send(operation, form, batch, actor)
                done += len(found)
                lines = [line for line in found if line]
                refused += len(lines)
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
                await self._note(operation.id, done, refused, file.tell())
                if lines and operation.error_policy is ErrorPolicy.STOP:
                    raise Rejected("bulk.row_refused", row=done)
        return done, refused

    async def _send(
        self, operation: BulkOperation, form: RowForm, batch: Sequence[Row], actor: Actor
    ) -> list[bytes]:
        """By row, the line about its refusal; nothing where it was taken. Where the first refusal
        ends the operation, rows go one by one and no more than up to it.
        """
        if operation.error_policy is ErrorPolicy.CONTINUE and not operation.only_rehearses:
            return await self._send_together(operation.id, form, batch, actor)
        found = []
        for row in batch:
            if operation.only_rehearses:
                found.append(await self._rehearse(operation.id, form, row, actor))
            else:
                found += await self._send_together(operation.id, form, [row], actor)
            if found[-1] and operation.error_policy is ErrorPolicy.STOP:
                break
        return found

    async def _send_together(
        self, operation_id: UUID, form: RowForm, batch: Sequence[Row], actor: Actor
    ) -> list[bytes]:
        outcomes: dict[int, Receipt | CrmError] = {}
        requests: dict[int, Request] = {}
        for row in batch:
            try:
                requests[row.number] = form.request(row, self._crm.tenant_id, operation_id, actor)
            except CrmError as refusal:
                outcomes[row.number] = refusal
        if requests:
            done = await self._crm.execute_many(list(requests.values()))
            outcomes |= zip(requests, done, strict=True)
        return [_line(row.number, outcomes[row.number]) for row in batch]

    async def _rehearse(self, operation_id: UUID, form: RowForm, row: Row, actor: Actor) -> bytes:
        try:
            request = form.request(row, self._crm.tenant_id, operation_id, actor)
            await self._crm.rehearse(
                request.command,
                actor,
                effective_at=request.effective_at,
                expected_version=request.expected_version,
            )
        except CrmError as refusal:
            return _line(row.number, refusal)
        return b""


def _line(number: int, outcome: Receipt | CrmError) -> bytes:
    """The row and its errors as a line of JSON. Raises what is no fault of the row."""
    if isinstance(outcome, Receipt):
        return b""
    error = user_error(outcome, Language.EN)
    if error is None:
        raise outcome
    said = {"code": error.code, "message": error.message, "path": error.path}
    return msgspec.json.encode({"row": number, "errors": [said]}) + b"\n"


def _private(path: Path, *, kept: int = 0) -> BinaryIO:
    """The file, for this server's user alone, with so many of the bytes that it had."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    file.truncate(kept)
    file.seek(kept)
    return file
