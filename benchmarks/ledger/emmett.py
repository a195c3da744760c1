"""Emmett's event store for PostgreSQL, in one Node process (emmett.mjs)."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from measuring import Load, Reading, Samples
from npm import node
from ours import TEXT
from reading import DECODED, EVENTS, PAGE_EVENTS, STREAM_EVENTS, stage_change_text

__all__ = ["Emmett"]


class Emmett:
    name = "Emmett"

    def __init__(self, url: str, packages: Path) -> None:
        self.url = url
        self._script = packages / "emmett.mjs"  # beside the packages, which it imports
        shutil.copy(Path(__file__).with_name("emmett.mjs"), self._script)
        self._run("migrate", {})

    def takes(self, load: Load) -> bool:
        return load.tenants == 1

    def append(self, load: Load, seconds: int) -> Samples:
        how = {"writers": load.writers, "events": load.events, "seconds": seconds, "data": TEXT}
        return [(ended, taken) for ended, taken in self._run("append", how)]

    def readings(self) -> Mapping[str, Reading]:
        how = {"events": EVENTS, "streamEvents": STREAM_EVENTS, "data": stage_change_text()}
        after = self._run("fill", how)
        page = {"after": after, "pageEvents": PAGE_EVENTS, "events": EVENTS}
        return {DECODED: lambda: float(self._run("read", page))}

    def _run(self, what: str, how: Mapping[str, object]) -> Any:
        run = subprocess.run(
            [node(), self._script, what, self.url, json.dumps(how)], capture_output=True, text=True
        )
        if run.returncode:
            raise RuntimeError(f"emmett.mjs failed:\n{run.stderr[-2000:]}")
        return json.loads(run.stdout)
