"""Start an embedded server, or share the one that runs on the same data directory."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlencode

import psycopg

from crm_core.embedded.account import Account, account_for
from crm_core.embedded.binaries import Binaries, runnable_binaries
from crm_core.embedded.cluster import OWNER, ensure_cluster, last_lines, read_password
from crm_core.embedded.errors import EmbeddedPostgresError
from crm_core.embedded.guard import Guard
from crm_core.embedded.pidfile import PidFile
from crm_core.embedded.places import PORT, DataDirectory, make_socket_directory
from crm_core.embedded.unfinished import remove_unfinished

DATABASE = "crm"

_SETTINGS = {
    "port": str(PORT),
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # The log keeps no personal data: not the statement that failed, nor (see _FIRST_STATEMENTS)
    # the values that a constraint refused.
    "log_min_error_statement": "panic",
}

_FIRST_STATEMENTS = (
    # For sessions only, not by _SETTINGS: why a server does not start shall be logged in full.
    "ALTER ROLE ALL SET log_error_verbosity = 'terse'",
    f"CREATE DATABASE {DATABASE}",  # the last one: it tells that all were run
)

_SHARE_SECONDS_MAX = 60.0
_STOP_SECONDS_MAX = 60.0
_REFUSED_SECONDS_MAX = 10.0
"""How long a ready server may refuse us: the first start makes the database just after `ready`."""


class EmbeddedPostgres:
    """A PostgreSQL server on a private unix socket.

    `owned`: this process started it, and it ends with this process (or at `stop`, or at the end of
    the `with` block). Otherwise it is shared, and ends with the process that owns it.
    """

    def __init__(
        self, *, sockets: str, port: str, password: str, guard: Guard | None, log: Path
    ) -> None:
        self._sockets = sockets
        self._port = port
        self._password = password
        self._guard = guard
        self._log = log

    @classmethod
    def start(cls, data_dir: Path) -> Self:
        """Start the server of `data_dir`, made if it is not there; or share the one that runs.

        It answers when this returns, and has the database `crm`. After a crash that takes as long
        as the recovery. Raises EmbeddedPostgresError, whose codes errors.py lists.
        """
        place = DataDirectory(data_dir.resolve())
        try:
            place.make()
            return cls._own_or_share(place)
        except OSError as error:
            raise EmbeddedPostgresError(
                "embedded.unusable_directory",
                f"The data directory {place.root} cannot be used: {error}. Choose one that this "
                f"user can write, on a disk with some 100 MB free (CRM_DATA_DIR).",
            ) from error

    @property
    def owned(self) -> bool:
        return self._guard is not None

    def url(
        self, database: str = DATABASE, *, user: str = OWNER, password: str | None = None
    ) -> str:
        """A connection URI for libpq, password included: do not log it.

        `user` defaults to the superuser, whose password need not be given.
        """
        if password is None and user == OWNER:
            password = self._password
        secret = "" if password is None else f":{quote(password, safe='')}"
        query = urlencode({"host": self._sockets, "port": self._port})
        return f"postgresql://{quote(user, safe='')}{secret}@/{quote(database, safe='')}?{query}"

    def stop(self) -> None:
        """Shut an owned server down, dropping its sessions, and wait for it; else do nothing."""
        if self._guard is not None and not self._guard.end(seconds_max=_STOP_SECONDS_MAX):
            raise EmbeddedPostgresError(
                "embedded.stop_failed",
                f"PostgreSQL is still shutting down after {_STOP_SECONDS_MAX:.0f} s and goes on "
                f"by itself. Its log: {self._log}",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @classmethod
    def _own_or_share(cls, place: DataDirectory) -> Self:
        give_up = time.monotonic() + _SHARE_SECONDS_MAX
        refused_since: float | None = None
        while True:
            with _locked(place.lock) as lock:
                if lock is not None:
                    return cls._own(place, lock)
            pid_file = PidFile.read(place.cluster)
            try:
                if pid_file is not None and pid_file.ready and _is_locked(place.owner_lock):
                    return cls._share(place, pid_file)
            except EmbeddedPostgresError:
                refused_since = refused_since or time.monotonic()
                if time.monotonic() - refused_since > _REFUSED_SECONDS_MAX:
                    raise
            if time.monotonic() > give_up:
                raise EmbeddedPostgresError(
                    "embedded.busy",
                    f"Another process has been starting or stopping the server of {place.root} "
                    f"for {_SHARE_SECONDS_MAX:.0f} s (a recovery?). Try later. Its log: "
                    f"{place.log}",
                )
            time.sleep(0.01)

    @classmethod
    def _share(cls, place: DataDirectory, pid_file: PidFile) -> Self:
        server = cls(
            sockets=pid_file.sockets,
            port=pid_file.port,
            password=read_password(place),
            guard=None,
            log=place.log,
        )
        server._connect(DATABASE).close()
        return server

    @classmethod
    def _own(cls, place: DataDirectory, lock: int) -> Self:
        remove_unfinished(place.root)
        account = account_for(place.cluster)
        place.require_open_to(account)
        binaries = runnable_binaries(account, place.root)
        password = ensure_cluster(place, account, binaries, lock)
        if (started := cls._launch(place, account, binaries, password, lock)) is not None:
            return started
        pid_file = PidFile.read(place.cluster)
        if pid_file is not None and not pid_file.is_stale():
            return cls._share(place, pid_file)  # somebody started it by hand
        if pid_file is not None:
            # Had we erred, no data would be at risk: postgres still refuses while the shared memory
            # of this directory is in use.
            (place.cluster / "postmaster.pid").unlink()
            if (started := cls._launch(place, account, binaries, password, lock)) is not None:
                return started
        raise EmbeddedPostgresError(
            "embedded.start_failed",
            f"PostgreSQL does not start on {place.cluster}. The last lines of {place.log}:\n"
            f"{last_lines(place.log.read_text(errors='replace'))}",
        )

    @classmethod
    def _launch(
        cls, place: DataDirectory, account: Account, binaries: Binaries, password: str, lock: int
    ) -> Self | None:
        """Run postgres until it is ready; None when it ended instead."""
        sockets = make_socket_directory(account)
        settings = {**_SETTINGS, "unix_socket_directories": str(sockets)}
        command: list[str | Path] = [binaries.directory / "postgres", "-D", place.cluster]
        command += [f"--{name}={value}" for name, value in settings.items()]
        try:
            with open(place.log, "ab", opener=_private) as log:
                guard = Guard.start(
                    account,
                    command,
                    sockets=sockets,
                    lock=lock,
                    owner_lock=place.owner_lock,
                    log=log,
                )
        except BaseException:
            sockets.rmdir()
            raise
        server = cls(
            sockets=str(sockets), port=str(PORT), password=password, guard=guard, log=place.log
        )
        try:
            # No time limit: to end a long recovery is to begin it again at the next start.
            while not _is_ready(place.cluster, sockets):
                if guard.ended:
                    guard.end(seconds_max=0)
                    return None
                time.sleep(0.002)
            server._ensure_database()
        except BaseException:
            guard.end(seconds_max=_STOP_SECONDS_MAX)
            raise
        return server

    def _ensure_database(self) -> None:
        try:
            with self._connect("postgres") as connection:
                found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
                if found.rowcount == 0:
                    for statement in _FIRST_STATEMENTS:
                        connection.execute(statement)
        except psycopg.Error as error:
            raise EmbeddedPostgresError(
                "embedded.start_failed",
                f"The server of {self._log.parent} runs, but the database {DATABASE} could not be "
                f"made in it: {error}. Its log: {self._log}",
            ) from error

    def _connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        try:
            return psycopg.connect(self.url(database), autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            raise EmbeddedPostgresError(
                "embedded.connection_refused",
                f"The server of {self._log.parent} runs, but does not let us in: {error}. Is the "
                f"file {self._log.parent / 'password'} the one that was made with it?",
            ) from error


@contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    """The lock of a data directory as an open descriptor; None while another process has it.

    A kernel lock, because it cannot be stale: it goes with the last process that has it open, and
    the server is given it. It holds between containers that share a directory too, where pid files
    and shared memory tell nothing.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def _is_locked(path: Path) -> bool:
    """Whether a living process holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_ready(cluster: Path, sockets: Path) -> bool:
    """Whether the server of this very start is ready: the file may still be an older one."""
    pid_file = PidFile.read(cluster)
    return pid_file is not None and pid_file.ready and pid_file.sockets == str(sockets)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
