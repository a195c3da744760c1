"""A PostgreSQL of any major version that a test can kill, start again, fill up, and throw away."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import pytest

from crm_core.embedded.account import Account, account_for
from crm_core.embedded.binaries import server_binaries
from crm_core.embedded.guard import Guard
from crm_core.embedded.pidfile import PidFile

SUPPORTED = (15, 16, 17, 18)
SECONDS_MAX = 60.0

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "32MB",
    "max_connections": "60",
}


class Server:
    """A cluster of its own in `folder`, reached by a socket that only its user and root can enter.

    Its address stays the same however often it is killed and started. It ends with this process.
    """

    def __init__(self, major: int, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.cluster = folder / "cluster"
        self._sockets = folder / "sockets"
        self._settings = {**_SETTINGS, **(settings or {})}
        self._account = account_for(self.cluster)
        self.programs = _runnable(major, self._account, folder)
        self._guard: Guard | None = None

    def initdb(self, *options: str | Path) -> None:
        """Makes the cluster; it is not synced to the disk, because only processes die here."""
        self.own(self.cluster.parent)
        command: list[str | Path] = [self.programs / "initdb", f"--pgdata={self.cluster}"]
        fixed = ("--username=owner", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        code, said = self._account.run([*command, *fixed, *options])
        assert code == 0, said

    def start(self) -> None:
        """Returns when it answers; after a kill that takes as long as the recovery."""
        self._sockets.mkdir(mode=0o700, exist_ok=True)
        self.own(self._sockets)
        settings = {**self._settings, "unix_socket_directories": str(self._sockets)}
        command: list[str | Path] = [self.programs / "postgres", "-D", self.cluster]
        command += [f"--{name}={value}" for name, value in settings.items()]
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with open(self.folder / "log", "ab") as log:
                self._guard = Guard.start(
                    self._account,
                    command,
                    sockets=self._sockets,
                    lock=lock,
                    owner_lock=self.folder / "owner",
                    log=log,
                )
        finally:
            os.close(lock)
        give_up = time.monotonic() + SECONDS_MAX
        while not self._is_ready():
            if self._guard.ended or time.monotonic() > give_up:
                raise AssertionError(f"postgres did not start:\n{self.log()}")
            time.sleep(0.002)

    def stop(self) -> None:
        if self._guard is not None:
            assert self._guard.end(seconds_max=SECONDS_MAX)
            self._guard = None

    def wait_for_its_end(self) -> None:
        """For a server that goes down by itself."""
        give_up = time.monotonic() + SECONDS_MAX
        while self._guard is not None and not self._guard.ended:
            assert time.monotonic() < give_up, f"postgres goes on:\n{self.log()}"
            time.sleep(0.01)
        self.stop()

    def kill(self) -> None:
        """Ends every process of the server at once, with no chance to write anything more."""
        assert self._guard is not None
        postmaster = self.pid
        os.kill(postmaster, signal.SIGSTOP)  # it forks no more, so the list below is complete
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in (*map(int, children), postmaster):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.stop()

    @property
    def pid(self) -> int:
        found = PidFile.read(self.cluster)
        assert found is not None
        return int(found.lines[0])

    @property
    def socket(self) -> Path:
        return self._sockets / ".s.PGSQL.5432"

    def url(self, database: str = "postgres", *, sockets: Path | None = None) -> str:
        query = urlencode({"host": str(sockets or self._sockets)})
        return f"postgresql://owner@/{database}?{query}"

    def run(self, program: str, *arguments: str | Path, stdin: str | None = None) -> str:
        """What one of the server's programs prints: pg_dump, psql and so on."""
        done = subprocess.run(
            [self.programs / program, *arguments], input=stdin, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def _is_ready(self) -> bool:
        """Whether the server of this start answers; what a killed one left names no process."""
        found = PidFile.read(self.cluster)
        return found is not None and found.ready and Path(f"/proc/{found.lines[0]}").exists()

    def own(self, path: Path) -> None:
        """Gives a path to the user that the server runs as."""
        os.chown(path, self._account.uid, self._account.gid)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user can enter: as root, the server runs as another one."""
    folder = Path(tempfile.mkdtemp(prefix="crm-server-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def running_server(major: int = 18, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A new, empty server until the end of the block. Skips where this version is not at hand."""
    if major not in installed():
        pytest.skip(f"PostgreSQL {major} is not installed: `make servers`")
    with open_folder() as folder:
        server = Server(major, folder, settings)
        server.initdb()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@cache
def installed() -> dict[int, Path]:
    """The programs of each supported major version that is at hand: apt's, and those of wheels."""
    found: dict[int, Path] = {}
    for programs in (
        *sorted(Path(sys.prefix, "servers").glob("*/pginstall*/bin")),
        *sorted(Path("/usr/lib/postgresql").glob("*/bin")),
        server_binaries(),
    ):
        version = _version(programs)
        if version in SUPPORTED:
            found[version] = programs
    return found


def _version(programs: Path) -> int | None:
    try:
        said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True)
    except OSError:
        return None
    version = re.search(r"PostgreSQL\) (\d+)", said.stdout)
    return int(version[1]) if version else None


def _runnable(major: int, account: Account, folder: Path) -> Path:
    """The programs where the server's user can run them: a copy, if the checkout is closed."""
    programs = installed()[major]
    if account.first_closed(programs) is None:
        return programs
    package = programs.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, folder / "programs" / part.name, symlinks=True)
    return folder / "programs" / programs.relative_to(package.parent)
