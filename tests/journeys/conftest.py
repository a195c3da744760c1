"""The command line as a person uses it: real processes, a data folder of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Crm = Callable[..., "subprocess.CompletedProcess[str]"]

COMMAND = (sys.executable, "-c", "from crm_api.cli.main import app; app()")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A data folder; as root, one that the server's own user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="crm-journey-"))
    folder.chmod(0o755)
    yield folder / "data"
    shutil.rmtree(folder)


def environment(place: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    return kept | {"CRM_DATA_DIR": str(place), "COLUMNS": "200"} | more


@pytest.fixture(scope="module")
def crm(place: Path) -> Crm:
    """Runs a command to its end."""

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            env=environment(place, **more),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
