"""A canonical hash of a read model: equal digests, equal rows. One tool for many tests.

SHA-256 over the rows in the order of their keys, each as its table's name and its JSON.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.tables import Row, Table

__all__ = ["RowDigest", "digest_of"]


class RowDigest:
    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.rows = 0

    def add(self, table: Table[Any], rows: Iterable[Row]) -> None:
        """Takes the table's rows, in the order of their keys."""
        for row in rows:
            self._hash.update(table.name.encode() + b"\x1f" + msgspec.json.encode(row) + b"\n")
            self.rows += 1

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def digest_of(projection: Projection, rows: Rows) -> str:
    """The digest of a projection's rows in memory."""
    digest = RowDigest()
    for table in projection.tables:
        digest.add(table, rows.all(table))
    return digest.hexdigest()
