"""A real Redis for a test: on a private socket, in a folder of its own, ended with the test."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

import redis

__all__ = ["RedisServer"]

_READY_SECONDS_MAX = 10.0


class RedisServer:
    """It can be killed, started again, stopped in its tracks, and flushed."""

    def __init__(self, folder: Path, *options: str) -> None:
        binary = shutil.which("redis-server")
        assert binary is not None, "redis-server is missing: apt-get install redis-server"
        self.socket = folder / "redis.sock"
        self._command = [binary, "--port", "0", "--unixsocket", str(self.socket), "--dir",
                         str(folder), "--save", "", "--daemonize", "no", *options]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket))

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + _READY_SECONDS_MAX
        while True:
            try:
                with self.client() as client:
                    client.ping()
            except redis.ConnectionError:
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.01)
            else:
                return

    def hang(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def flush(self) -> None:
        with self.client() as client:
            client.flushall()
            client.client_kill_filter(_type="pubsub")
            client.client_kill_filter(_type="normal", skipme=True)

    def listeners(self) -> int:
        """How many hear of ledgers that grow."""
        with self.client() as client:
            ((_, count),) = client.pubsub_numsub("crm.ledger")
            return int(count)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
