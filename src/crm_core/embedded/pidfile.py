"""postmaster.pid: what a server says of itself to others."""

import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PidFile:
    """`lines` as postgres wrote them; after a power cut they may be few, or rubbish.

    1 pid, 2 data directory, 3 start time, 4 port, 5 socket directory, 6 address, 7 shared memory,
    8 status (https://www.postgresql.org/docs/18/storage-file-layout.html).
    """

    lines: tuple[str, ...]

    @classmethod
    def read(cls, cluster: Path) -> "PidFile | None":
        try:
            text = (cluster / "postmaster.pid").read_text(errors="replace")
        except FileNotFoundError:
            return None
        return cls(tuple(line.strip() for line in text.splitlines()))

    @property
    def port(self) -> str:
        return self.lines[3] if len(self.lines) > 3 else ""

    @property
    def sockets(self) -> str:
        return self.lines[4] if len(self.lines) > 4 else ""

    @property
    def ready(self) -> bool:
        return len(self.lines) > 7 and self.lines[7] == "ready"

    def is_stale(self) -> bool:
        """Whether surely no server stands behind it. Look only while holding the lock.

        postgres takes any living process of its own user behind the number for a server, so an
        innocent one blocks it; and it refuses a file that a power cut emptied. A server, however,
        listens on the socket that it names.
        """
        if not self.sockets or not self.port.isdigit():
            return len(self.lines) < 7  # a whole file that names no socket: a server by TCP only
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(f"{self.sockets}/.s.PGSQL.{self.port}")
            except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
                return True
            except OSError:
                return False
        return False
