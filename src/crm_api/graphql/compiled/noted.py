"""Which records a statement's answer shows: written into it, and taken out again.

Each record begins with a note between two control characters. JSON has none, but for those that end
a line: what stands between the two is a note, whatever people have typed.
"""

from __future__ import annotations

import re
from uuid import UUID

from crm_core.audit.reads import Record
from crm_projections.reading.trees import Sql, Value

__all__ = ["noted", "taken"]


def noted(kind: str, key: Value, shape: Sql, *, personal: bool) -> Sql:
    """The shape of a record, behind the note that it is shown."""
    begin = f"E'\\x1e{kind} {'1' if personal else '0'} '"
    return Sql(f"concat({begin}, {key.sql}, E'\\x1f', {shape.text})", shape.parameters)


def taken(answer: bytes) -> tuple[bytes, dict[Record, bool]]:
    """The answer without its notes; the records that it shows, and whether a personal field is."""
    parts = _NOTE.split(answer)
    records: dict[Record, bool] = {}
    for note in sorted(set(parts[1::2])):  # of two notes on a record, that of `personal` is last
        kind, personal, key = note.decode().split(" ")
        records[kind, UUID(key)] = personal == "1"
    return b"".join(parts[::2]), records


_NOTE = re.compile(b"\x1e([^\x1f]+)\x1f")
