"""The Parquet file of an export holds every event of it, and says why where there is none."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from crm_core import Rejected
from crm_core.audit import export as module
from crm_core.audit.export import export
from crm_core.audit.integrator import Integrator
from crm_core.audit.log import AuditLog
from crm_core.audit.parquet import write_parquet
from crm_core.ledger.postgres.ledger import PostgresLedger

from .conftest import fill
from .events import TENANT


async def test_every_event_of_an_export_is_in_its_parquet_file(
    audit: AuditLog, ledger: PostgresLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEGMENT_EVENTS", 100)
    await fill(ledger, 1, 250)
    await Integrator(audit).turn()
    await export(audit, TENANT, tmp_path / "export")
    path = tmp_path / "events.parquet"
    assert write_parquet(tmp_path / "export", path) == 250
    lines = [
        json.loads(line)
        for segment in sorted((tmp_path / "export" / "events").iterdir())
        for line in segment.read_bytes().splitlines()
    ]
    rows = parquet.read_table(path).to_pylist()
    assert [as_written(row) for row in rows] == [
        line | {"position": int(line["position"])} | times(line) for line in lines
    ]
    assert set().union(*lines) <= set(rows[0])
    with pytest.raises(Rejected, match=r"export\.exists"):
        write_parquet(tmp_path / "export", path)


def as_written(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def times(line: dict[str, Any]) -> dict[str, datetime]:
    return {n: datetime.fromisoformat(line[n]) for n in ("time", "effectivetime") if n in line}


def test_without_the_extra_its_absence_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Rejected, match=r"export\.no_parquet"):
        write_parquet(tmp_path, tmp_path / "events.parquet")
