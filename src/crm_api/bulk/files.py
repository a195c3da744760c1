"""Files of bulk operations: uploads, results, lists of refused rows. They are kept for 7 days.

What is in them is personal data in plain, so they belong to the server alone, and an erasure
takes all of the tenant's away: whom a file is about, its name does not say.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from crm_core import Rejected
from crm_core.exchange import BulkFormat, BulkKind, BulkStatus
from crm_core.privacy import StoreReceipt

__all__ = ["KEPT_DAYS", "UPLOAD_BYTES_MAX", "Files"]

KEPT_DAYS = 7
UPLOAD_BYTES_MAX = 256 * 1024 * 1024


class Files:
    """The files of one tenant, in a folder that only this server's user can read."""

    def __init__(self, folder: Path, tenant_id: UUID) -> None:
        self._folder = folder / tenant_id.hex
        self._tenant_id = tenant_id
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def upload(self, upload_id: UUID) -> Path:
        return self._folder / f"{upload_id}.upload"

    def result(self, operation_id: UUID) -> Path:
        return self._folder / f"{operation_id}.jsonl"

    def columns(self, operation_id: UUID) -> Path:
        return self._folder / f"{operation_id}.parquet"

    def errors(self, operation_id: UUID) -> Path:
        return self._folder / f"{operation_id}.errors.jsonl"

    def exported(self, operation: Any) -> Path | None:
        """What a completed export has written, in its format, while it is kept."""
        is_over = operation.status is BulkStatus.COMPLETED
        if operation.kind is not BulkKind.EXPORT or not is_over:
            return None
        in_columns = operation.format is BulkFormat.PARQUET
        return _kept((self.columns if in_columns else self.result)(operation.id))

    def refused(self, operation: Any) -> Path | None:
        """The refused rows of an import, while they are kept."""
        return _kept(self.errors(operation.id)) if operation.refused else None

    async def receive(self, upload_id: UUID, chunks: AsyncIterator[bytes]) -> int:
        """Stores an upload, whole or not at all; how many bytes it has.

        Raises Rejected `bulk.upload_too_large`.
        """
        path = self.upload(upload_id)
        part = path.with_suffix(".part")
        size = 0
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as to:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > UPLOAD_BYTES_MAX:
                        raise Rejected("bulk.upload_too_large", limit=UPLOAD_BYTES_MAX)
                    await asyncio.to_thread(to.write, chunk)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return size

    def expire(self) -> int:
        """Removes what is older than 7 days; how many files that were."""
        since = time.time() - KEPT_DAYS * 86_400
        return self._remove(lambda path: path.stat().st_mtime < since)

    async def forget(
        self, tenant_id: UUID, subject_ids: Sequence[UUID], destroyed_at: int
    ) -> Sequence[StoreReceipt]:
        """All of them, for an erasure (`crm_core.erasing.Forgets`)."""
        removed = await asyncio.to_thread(self._remove, lambda _: True)
        return [StoreReceipt(store="bulk files", count=removed, note="uploads and exports removed")]

    def _remove(self, goes: Callable[[Path], bool]) -> int:
        removed = 0
        for path in self._folder.iterdir():
            try:
                if goes(path):
                    path.unlink()
                    removed += 1
            except FileNotFoundError:  # another server was there first
                continue
        return removed


def _kept(path: Path) -> Path | None:
    return path if path.exists() else None
