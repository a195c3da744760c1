"""An export as a Parquet file, for tools that count and join. Needs the extra `parquet`.

A column for each field of the query, typed by what is in it; an object is a struct, a list a list.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from crm_core import Rejected

__all__ = ["require_parquet", "write_columns"]


def write_columns(lines: Path, path: Path) -> None:
    """Writes the objects of a file, one a line, as columns.

    Raises Rejected `export.no_parquet`, `bulk.no_columns` where there is none, or where a field is
    of two kinds.
    """
    arrow, reader, parquet = require_parquet()
    part = path.with_suffix(".part")
    try:
        parquet.write_table(reader.read_json(lines), part)
    except arrow.ArrowInvalid:
        raise Rejected("bulk.no_columns") from None
    part.chmod(0o600)
    part.replace(path)


def require_parquet() -> tuple[Any, Any, Any]:
    try:
        return (
            import_module("pyarrow"),
            import_module("pyarrow.json"),
            import_module("pyarrow.parquet"),
        )
    except ImportError:
        raise Rejected("export.no_parquet") from None
