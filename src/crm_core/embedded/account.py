"""The system user that postgres runs as, and the one door through which we start its programs."""

import errno
import os
import pwd
import shutil
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from crm_core.embedded.errors import EmbeddedPostgresError

_DISTRIBUTION_USER = "postgres"
_OUR_USER = "crm-postgres"

_FIRST_CLOSED = 'for d; do [ -x "$d" ] || { printf %s "$d"; exit; }; done'


@dataclass(frozen=True)
class Account:
    """A user by number; `name` is for messages only, a number may have none."""

    name: str
    uid: int
    gid: int

    def popen(
        self,
        command: Sequence[str | Path],
        *,
        stdin: int,
        stdout: int,
        stderr: int | IO[bytes],
        lend: Collection[int] = (),
        new_session: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a program as this user; `lend` names descriptors that it keeps open.

        PermissionError when the user may not run it. The environment is clean, because PG* and
        LC_* variables change what the programs do; the directory is `/`, because ours may be
        closed to the user.
        """
        switch = self.uid != os.geteuid()
        try:
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=tuple(lend),
                start_new_session=new_session,
                cwd="/",
                env={
                    "LC_ALL": "C.UTF-8",
                    "TZ": "UTC",
                    "PATH": os.environ.get("PATH", os.defpath),
                    # postgres asks it when it judges a stale pid file: a restarted container gives
                    # the same small numbers out again, and this one is surely not a server.
                    "PG_GRANDPARENT_PID": str(os.getpid()),
                },
                user=self.uid if switch else None,
                group=self.gid if switch else None,
                extra_groups=[] if switch else None,
            )
        except OSError as error:
            # Containers that know no other user say EINVAL; a program closed to the user is EACCES.
            if switch and error.errno in (errno.EPERM, errno.EINVAL):
                raise root_refused(f"changing to the user {self.name} is not permitted") from error
            raise

    def run(self, command: Sequence[str | Path], *, lend: Collection[int] = ()) -> tuple[int, str]:
        """Run a program as this user to its end: its exit code and all it printed."""
        process = self.popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            lend=lend,
        )
        with process:
            try:
                output, _ = process.communicate()
            except BaseException:
                process.kill()
                raise
        return process.returncode, output.decode(errors="replace")

    def first_closed(self, directory: Path) -> Path | None:
        """The outermost directory on the way to `directory` that this user cannot enter, if any.

        The kernel is asked as that user: mode bits alone do not tell (access lists, mounts).
        """
        if self.uid == os.geteuid():
            return None  # our own attempts tell
        way = [*reversed(directory.parents), directory]
        _, closed = self.run(["/bin/sh", "-c", _FIRST_CLOSED, "sh", *way])
        return Path(closed) if closed else None


NOBODY = Account("nobody", 65534, 65534)
"""Stands for a system user that is not made yet."""


def account_for(cluster: Path) -> Account:
    """Who runs the server of `cluster`: we ourselves, unless we are root.

    For root it is the cluster's owner, and for a new cluster a system user, made if need be.
    EmbeddedPostgresError `embedded.root_refused` if that cannot be.
    """
    uid = os.geteuid()
    if uid != 0:
        return _account(uid, os.getegid())
    try:
        owner = cluster.stat()
    except FileNotFoundError:
        return known_system_account() or _make_system_account()
    if owner.st_uid == 0:  # restored from a backup by root
        return known_system_account() or _make_system_account()
    return _account(owner.st_uid, owner.st_gid)


def known_system_account() -> Account | None:
    for name in (_DISTRIBUTION_USER, _OUR_USER):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    return None


def root_refused(reason: str) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        "embedded.root_refused",
        f"PostgreSQL does not run as root, and no other user could be used: {reason}. Run as "
        f"another user, or create one for the server (useradd --system {_OUR_USER}), or set "
        f"CRM_DATABASE_URL to a server that runs elsewhere.",
    )


def _account(uid: int, gid: int) -> Account:
    try:
        return Account(pwd.getpwuid(uid).pw_name, uid, gid)
    except KeyError:
        return Account(str(uid), uid, gid)


def _make_system_account() -> Account:
    useradd = shutil.which("useradd") or shutil.which("useradd", path="/usr/sbin:/sbin")
    if useradd is None:
        raise root_refused(f"there is no user {_DISTRIBUTION_USER} and no useradd to make one")
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    made = subprocess.run(
        [useradd, *options, "--shell", shutil.which("nologin") or "/usr/sbin/nologin", _OUR_USER],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    # Another process may have made it meanwhile, so the user counts, not the exit code.
    if (account := known_system_account()) is None:
        problem = made.stderr.decode(errors="replace").strip()
        raise root_refused(f"useradd ended with {made.returncode}: {problem}")
    return account
