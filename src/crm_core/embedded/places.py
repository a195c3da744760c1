"""Where things lie: the data directory, and the private directory of the socket."""

import errno
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from crm_core.embedded.account import NOBODY, Account, known_system_account
from crm_core.embedded.errors import EmbeddedPostgresError

PORT = 5432
"""Names the socket file; any number would do, because no other server has this directory."""

_SOCKET_PATH_BYTES_MAX = 103
"""The shortest limit of the systems we run on (macOS; Linux has 107)."""


def default_data_dir() -> Path:
    """`.crm` in the current directory.

    For root it is `/var/lib/crm/<8 hex digits of that path>` when the system user of the server
    could not enter the current directory.
    """
    here = Path.cwd() / ".crm"
    if os.geteuid() != 0:
        return here
    account = known_system_account() or NOBODY
    if account.first_closed(here if here.exists() else here.parent) is None:
        return here
    return Path("/var/lib/crm") / hashlib.sha256(os.fsencode(here)).hexdigest()[:8]


@dataclass(frozen=True)
class DataDirectory:
    """The files of one embedded server; `root` is absolute and without symbolic links."""

    root: Path

    @property
    def cluster(self) -> Path:
        return self.root / "postgres"

    @property
    def password_file(self) -> Path:
        return self.root / "password"

    @property
    def log(self) -> Path:
        return self.root / "postgres.log"

    @property
    def lock(self) -> Path:
        """Held by whoever makes or starts the server, then by the server as long as it lives."""
        return self.root / "postgres.lock"

    @property
    def owner_lock(self) -> Path:
        """Held by the process whose server it is; free while a server without one shuts down."""
        return self.root / "owner.lock"

    def make(self) -> None:
        missing = [p for p in (self.root, *self.root.parents) if not p.exists()]
        for directory in reversed(missing):
            directory.mkdir(exist_ok=True)
            if os.geteuid() == 0:
                directory.chmod(0o755)  # whatever root's umask: the system user has to pass through
        if not self.root.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "not a directory", str(self.root))

    def require_open_to(self, account: Account) -> None:
        if (closed := account.first_closed(self.root)) is not None:
            raise EmbeddedPostgresError(
                "embedded.unreachable_directory",
                f"PostgreSQL does not run as root, and the user {account.name}, which it runs as, "
                f"cannot enter {closed}, on the way to the data directory {self.root}. Choose a "
                f"data directory that {account.name} can enter, by CRM_DATA_DIR (for example "
                f"/var/lib/crm), or run as a user other than root.",
            )


def make_socket_directory(account: Account) -> Path:
    """A new directory that only the server's user (and root) can enter; the guard removes it.

    It is in the temporary folder, or in /tmp when that is too deep or closed to the user.
    """
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - mkdtemp is private
        longest = parent / "crm-xxxxxxxx" / f".s.PGSQL.{PORT}"
        if len(os.fsencode(longest)) <= _SOCKET_PATH_BYTES_MAX and not account.first_closed(parent):
            break
    directory = Path(tempfile.mkdtemp(prefix="crm-", dir=parent))
    os.chown(directory, account.uid, account.gid)
    return directory
