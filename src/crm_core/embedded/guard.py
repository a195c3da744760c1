"""A server that ends with the process that started it, however that process ends."""

import fcntl
import os
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import IO

from crm_core.embedded.account import Account

# The parent holds the other end of the pipe on fd 3 and never writes; when the parent is gone, even
# by kill -9, the kernel closes it and `read` returns. (PR_SET_PDEATHSIG would not do: it fires when
# the starting *thread* ends, and a change of user clears it.)
#
# SIGINT is postgres's fast shutdown. SIGTERM goes first for the moment before postgres has its
# handlers: SIGINT is ignored then, because a shell starts its background commands so, but SIGTERM
# ends it. The `trap` comes after the server for that reason, and is there because a service manager
# sends SIGTERM to every process of the service, also to those that are to see it out.
#
# Fd 4 is the lock of the data directory. Only postgres keeps it, so it is free when the last of its
# processes is gone.
_GUARD = """
sockets=$1; shift
exec 3<&0 4<&1 </dev/null >&2
"$@" 3<&- &
server=$!
trap '' HUP INT QUIT TERM
exec 4<&-
{ read -r _ <&3; kill -TERM $server; kill -INT $server; } 2>/dev/null &
watcher=$!
exec 3<&-
wait $server
exec 2>/dev/null
kill -KILL $watcher
wait $watcher
rm -f "$sockets"/.s.PGSQL.*; rmdir "$sockets"
"""

_lifelines: set[int] = set()
"""What we hold as owners: pipes and locks. A forked child must not keep a server alive, so it drops
them.
"""


def _let_go(lifelines: Collection[int]) -> None:
    for lifeline in tuple(lifelines):
        _lifelines.discard(lifeline)
        os.close(lifeline)


os.register_at_fork(after_in_child=lambda: _let_go(_lifelines))


class Guard:
    """A running server command and what keeps it alive. `start`, look at `ended`, `end`."""

    def __init__(self, process: subprocess.Popen[bytes], lifelines: tuple[int, ...]) -> None:
        self._process = process
        self._lifelines = lifelines
        self._owner_pid = os.getpid()

    @classmethod
    def start(
        cls,
        account: Account,
        command: Sequence[str | Path],
        *,
        sockets: Path,
        lock: int,
        owner_lock: Path,
        log: IO[bytes],
    ) -> "Guard":
        """Run `command` in a session of its own, so that Ctrl-C in the terminal does not reach it.

        It holds `lock` while it runs, and we hold `owner_lock` while it shall run. It prints to
        `log`. `sockets` is removed at its end.
        """
        # All close-on-exec: no other child of ours has them.
        owner = os.open(owner_lock, os.O_RDWR | os.O_CREAT, 0o600)
        reader, writer = os.pipe()
        lifelines = (writer, owner)
        _lifelines.update(lifelines)
        try:
            fcntl.flock(owner, fcntl.LOCK_EX)  # at once: others only glance at it
            process = account.popen(
                ["/bin/sh", "-c", _GUARD, "crm-postgres-guard", sockets, *command],
                stdin=reader,
                stdout=lock,
                stderr=log,
                new_session=True,
            )
        except BaseException:
            _let_go(lifelines)
            raise
        finally:
            os.close(reader)
        return cls(process, lifelines)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def end(self, *, seconds_max: float) -> bool:
        """Shut the server down; False if it still is at it then. A forked child does nothing."""
        if os.getpid() != self._owner_pid:
            return True
        _let_go(self._lifelines)
        self._lifelines = ()
        try:
            self._process.wait(seconds_max)
        except subprocess.TimeoutExpired:
            return False
        return True
