"""The events of an export as one Parquet file, for tools that count and join.

A column for each attribute of a line (see lines.py), of the same name. It proves nothing: what can
be verified is the export that it is made from. Needs the extra `parquet`.
"""

from __future__ import annotations

import json
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from crm_core.audit.crm_verify import segment_name
from crm_core.audit.export import Export
from crm_core.kernel.errors import Rejected

__all__ = ["check_parquet", "write_parquet"]

_TEXTS = (
    "specversion", "id", "source", "type", "subject", "datacontenttype", "actorkind", "actorid",
    "onbehalfof", "commandid", "correlationid", "causationid", "reason", "subjectids", "tags",
    "data_base64",
)  # fmt: skip
_NUMBERS = ("position", "streamversion", "schemaversion")
_TIMES = ("time", "effectivetime")


def write_parquet(folder: Path, path: Path) -> int:
    """Writes the events of the export in a folder; how many there are. A segment is a row group.

    Raises what `check_parquet` raises, and Rejected `export.unreadable`.
    """
    arrow, parquet = check_parquet(path)
    export = Export(folder)
    schema = arrow.schema(
        [(name, arrow.string()) for name in _TEXTS]
        + [(name, arrow.int64()) for name in _NUMBERS]
        + [(name, arrow.timestamp("us", tz="UTC")) for name in _TIMES]
    )
    part, written = path.with_name(path.name + ".new"), 0
    with parquet.ParquetWriter(part, schema) as writer:
        for first, _ in export.manifest.segments:
            lines = (folder / segment_name("events", first)).read_bytes().splitlines()
            writer.write_table(arrow.Table.from_pylist([_row(line) for line in lines], schema))
            written += len(lines)
    part.replace(path)
    return written


def check_parquet(path: Path) -> tuple[Any, Any]:
    """What writes the file; Rejected `export.no_parquet` without the extra, `export.exists`."""
    if path.exists():
        raise Rejected("export.exists", folder=str(path))
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise Rejected("export.no_parquet") from None


def _row(line: bytes) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(line)
    row |= {name: int(row[name]) for name in _NUMBERS}
    return row | {name: datetime.fromisoformat(row[name]) for name in _TIMES if name in row}
