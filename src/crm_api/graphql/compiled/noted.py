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
    for kind, personal, key in sorted(set(zip(parts[1::4], parts[2::4], parts[3::4], strict=True))):
        records[kind.decode(), UUID(key.decode())] = personal == b"1"  # the last one is right
    return b"".join(parts[::4]), records


_NOTE = re.compile(b"\x1e([a-z_]+) ([01]) ([0-9a-f-]{36})\x1f")
