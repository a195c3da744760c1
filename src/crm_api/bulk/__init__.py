"""Bulk operations carried out: files in and out, queries page by page, rows to mutations."""

from __future__ import annotations

from dataclasses import dataclass

from crm_api.bulk.files import Files

__all__ = ["EXPORT_ROWS_MAX", "Bulk"]

EXPORT_ROWS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Bulk:
    """Where the files are, and how many records leave in one of them at most."""

    files: Files
    rows_max: int = EXPORT_ROWS_MAX
