"""Our API beside stock Strawberry and PostGraphile: `run.py [--full] [--seconds N] [--only WORD]`.

One server process each over the same rows of one database; closed loops of 16 and of 64
connections from this process. The answers are compared before anything is timed. The contenders
take turns at each load, twice, and of each the better turn counts.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Annotated, Any, cast

import msgspec
import psycopg
import typer
import uvloop
from company import DEFAULT, FULL, fill
from contenders import LOADS, Contender, NpmMissing, ours, postgraphile, stock

from crm_api.services import open_services
from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.migrate import migrate

CONNECTIONS = (16, 64)
TURNS = 2
WARM_UP_SECONDS = 0.5
ROOT_KEY = bytes(range(32))


def main(
    seconds: Annotated[float, typer.Option(help="Of each turn.")] = 2.0,
    full: Annotated[bool, typer.Option("--full", help="Five times the rows.")] = False,
    only: Annotated[str, typer.Option(help="A word in a contender's name; ours runs anyway.")] = "",
) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crm-bench-")))
        folder.chmod(0o755)
        server = stack.enter_context(EmbeddedPostgres.start(folder / "data"))
        uvloop.run(_prepare(server.url(), full))
        log = stack.enter_context((folder / "log").open("wb"))
        contenders = _contenders(server.url(), folder / "npm", only)
        for contender in contenders:
            stack.enter_context(_serving(contender, log))
        _compare(contenders)
        print(f"load average before: {os.getloadavg()[0]:.1f}")
        print("| what | connections | contender | requests/s | ours ÷ it | p50, ms | p99, ms |")
        print("|---|---|---|---|---|---|---|")
        for load in LOADS:
            for connections in CONNECTIONS:
                _measure(contenders, load, connections, seconds)
        print(f"load average after: {os.getloadavg()[0]:.1f}")


async def _prepare(url: str, full: bool) -> None:
    await migrate(url)
    async with open_services(url, ROOT_KEY) as services:
        await fill(url, services.crm.tenant_id, FULL if full else DEFAULT)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute((Path(__file__).parent / "peer.sql").read_bytes())


def _contenders(url: str, folder: Path, only: str) -> list[Contender]:
    made = [ours(url, _port()), ours(url, _port(), "--uvloop"), stock(url, _port())]
    try:
        made.append(postgraphile(url, _port(), folder))
    except NpmMissing as error:
        print(f"PostGraphile is left out: {error}")
    return [found for found in made if only.lower() in found.name.lower() or found.says_token]


def _port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def _serving(contender: Contender, log: IO[bytes]) -> Iterator[None]:
    process = subprocess.Popen(
        contender.command, cwd=contender.cwd, stdout=subprocess.PIPE, stderr=log, text=True
    )
    try:
        if contender.says_token:
            assert process.stdout is not None
            contender.token = process.stdout.readline().strip()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                uvloop.run(_ask(contender, "by id", 1))
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def _compare(contenders: list[Contender]) -> None:
    for load in LOADS:
        if load not in contenders[0].rows:
            continue
        said = {
            contender.name: contender.rows[load](uvloop.run(_ask(contender, load, 3)))
            for contender in contenders
        }
        first = said[contenders[0].name]
        assert all(first == other for other in said.values()), f"{load}: {said}"


async def _ask(contender: Contender, load: str, number: int) -> Any:
    client = await _connected(contender)
    answer = msgspec.json.decode(await client.ask(_request(contender, load, number)))
    client.close()
    assert not answer.get("errors"), answer
    return answer["data"]


def _request(contender: Contender, load: str, number: int) -> bytes:
    body = msgspec.json.encode(contender.ask[load](number))
    head = (
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"accept: application/json\r\nauthorization: Bearer {contender.token}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _measure(contenders: list[Contender], load: str, connections: int, seconds: float) -> None:
    best: dict[str, tuple[float, float, float]] = {}
    for _ in range(TURNS):
        for contender in contenders:
            samples = uvloop.run(_turn(contender, load, connections, seconds))
            percent = statistics.quantiles([taken * 1000 for taken in samples], n=100)
            figures = (len(samples) / seconds, percent[49], percent[98])
            best[contender.name] = max(best.get(contender.name, figures), figures)
    own = best[contenders[0].name][0]
    for name, (rate, p50, p99) in best.items():
        print(
            f"| {load} | {connections} | {name} | {rate:,.0f} | {own / rate:.2f} | {p50:.1f}"
            f" | {p99:.1f} |",
            flush=True,
        )


async def _turn(contender: Contender, load: str, connections: int, seconds: float) -> list[float]:
    clients = [await _connected(contender) for _ in range(connections)]
    begin = time.perf_counter() + WARM_UP_SECONDS
    end = begin + seconds
    samples: list[float] = []

    async def loop(index: int, client: _Client) -> None:
        number = index
        while (sent := time.perf_counter()) < end:
            answer = await client.ask(_request(contender, load, number))
            done = time.perf_counter()
            assert b'"errors":' not in answer, answer[:300]
            if begin < done < end:
                samples.append(done - sent)
            number += connections

    await asyncio.gather(*(loop(*pair) for pair in enumerate(clients)))
    for client in clients:
        client.close()
    return samples


class _Client(asyncio.Protocol):
    """One connection, one request at a time; the answer's body, by its content-length or chunks."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lowered = head.lower()
        assert b" 200 " in head[:20], self._buffer[:500]
        _, found, rest = lowered.partition(b"content-length:")
        if found:
            length = int(rest.split(b"\r\n", 1)[0])
            if len(body) < length:
                return
        elif not body.endswith(b"0\r\n\r\n"):
            return
        self._buffer = b""
        assert self._answer is not None
        self._answer.set_result(body)


async def _connected(contender: Contender) -> _Client:
    port = int(contender.command[3])
    _, client = await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", port)
    return client


if __name__ == "__main__":
    typer.run(main)
