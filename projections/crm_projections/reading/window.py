"""Which part of a list: Relay's first, after, last and before, and the cursors they take.

A cursor is the sort values and the key of one row, with a digest of the query it belongs to, in
base64url. It carries nothing that its reader has not seen.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from crm_core import Rejected
from crm_projections.reading.filters import Filter
from crm_projections.reading.ordering import SortKey
from crm_projections.tables import Row, Table

__all__ = ["DIGEST_LENGTH", "PAGE_MAX", "Cursors", "Window", "query_digest", "query_text"]

PAGE_MAX = 100

_CURSOR_LENGTH_MAX = 4_096
DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Window:
    """`first` rows after a cursor or `last` rows before one; the other cursor may bound both."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        """Raises Rejected with a code under `paging.`"""
        if self.first is None and self.last is None:
            raise Rejected("paging.size_missing", limit=PAGE_MAX)
        if self.first is not None and self.last is not None:
            raise Rejected("paging.first_and_last")
        if self.size < 0:
            raise Rejected("paging.size_negative")
        if self.size > PAGE_MAX:
            raise Rejected("paging.size_too_large", limit=PAGE_MAX)

    @property
    def size(self) -> int:
        size = self.last if self.first is None else self.first
        assert size is not None
        return size

    @property
    def backwards(self) -> bool:
        return self.first is None

    @property
    def is_plain(self) -> bool:
        """Whether it takes the list from one of its ends."""
        return self.after is None and self.before is None


class Cursors:
    """Makes and reads the cursors of one query: one table, one filter, one order."""

    def __init__(self, table: Table[Any], where: Filter, keys: Sequence[SortKey]) -> None:
        self._keys = keys
        self._query = query_digest(query_text(table, where, keys))

    def of(self, row: Row) -> str:
        values = [_plain(getattr(row, key.column.name)) for key in self._keys]
        raw = msgspec.json.encode([self._query, *values])
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def values(self, cursor: str) -> tuple[Any, ...]:
        """The sort values. Raises `paging.bad_cursor` or `paging.cursor_of_another_query`."""
        query, *values = _parts(cursor)
        if query != self._query:
            raise Rejected("paging.cursor_of_another_query")
        if len(values) != len(self._keys):
            raise Rejected("paging.bad_cursor")
        return tuple(_typed(*pair) for pair in zip(self._keys, values, strict=True))


def query_text(table: Table[Any], where: Filter, keys: Sequence[SortKey]) -> str:
    """What a cursor belongs to, in words."""
    return repr((table.name, where, [(key.column.name, key.descending) for key in keys]))


def query_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def _plain(value: Any) -> Any:
    """A decimal number as PostgreSQL writes it, without an exponent."""
    return format(value, "f") if isinstance(value, Decimal) else value


def _parts(cursor: str) -> list[Any]:
    if len(cursor) > _CURSOR_LENGTH_MAX:
        raise Rejected("paging.bad_cursor")
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        raw = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        parts = msgspec.json.decode(raw, type=list[Any])
    except (binascii.Error, UnicodeEncodeError, msgspec.DecodeError, RecursionError) as error:
        raise Rejected("paging.bad_cursor") from error
    if not parts:
        raise Rejected("paging.bad_cursor")
    return parts


def _typed(key: SortKey, value: Any) -> Any:
    if value is None and key.column.nullable:
        return None
    of = key.column.python_type
    try:
        typed = msgspec.convert(value, of, strict=True)
    except msgspec.ValidationError as error:
        raise Rejected("paging.bad_cursor") from error
    if isinstance(typed, str) and "\0" in typed:
        raise Rejected("paging.bad_cursor")
    return typed.value if isinstance(typed, StrEnum) else typed
