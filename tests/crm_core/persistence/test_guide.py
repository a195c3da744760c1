"""The guide is typed in as it stands, and shows what it says."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
from pathlib import Path

import pytest

from crm_core.embedded.binaries import server_binaries

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "eventsourcing-library.md"


def blocks() -> list[tuple[str, str]]:
    """Language and content of each block, in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


def printed(code: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, GUIDE.name, "exec"), {"__name__": "guide"})
    return out.getvalue()


def test_an_application_of_the_library_runs_on_the_ledger(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, exports, day, said, query, table, who = (content for _, content in blocks())
    (tmp_path / "bank.py").write_text(bank)
    monkeypatch.syspath_prepend(tmp_path)
    for name, value in re.findall(r"^export (\w+)=(\S+)$", exports, re.MULTILINE):
        monkeypatch.setenv(name, database_url if name == "CRM_DATABASE_URL" else value)
    assert printed(day) == said
    monkeypatch.setenv("PATH", f"{server_binaries()}:{os.environ['PATH']}")
    shown = subprocess.run(["sh", "-c", query], capture_output=True, text=True, check=True)
    assert lines(shown.stdout) == lines(table)
    printed(who)


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]
