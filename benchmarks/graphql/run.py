"""Our API beside stock Strawberry and PostGraphile: `run.py [--full] [--seconds N] [--only WORD]`.

`--load WORD` measures the loads with the word in their names.

One server process each over the same rows of one database; closed loops of 16 and of 64
connections from this process. The answers are compared before anything is timed. The contenders
take turns at each load, twice, and of each the better turn counts.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
import psycopg
import typer
import uvloop
from company import DEFAULT, FULL, fill
from contenders import LOADS, Contender, NpmMissing, ours, postgraphile, stock
from load import connected, request, turn

from crm_api.services import open_services
from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.migrate import migrate

CONNECTIONS = (16, 64)
TURNS = 2
_END_SECONDS = 5
ROOT_KEY = bytes(range(32))


def main(
    seconds: Annotated[float, typer.Option(help="Of each turn.")] = 2.0,
    full: Annotated[bool, typer.Option("--full", help="Five times the rows.")] = False,
    only: Annotated[str, typer.Option(help="A word in a contender's name; ours runs anyway.")] = "",
    load: Annotated[str, typer.Option(help="A word in a load's name; all, if none.")] = "",
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
        for name in LOADS:
            for connections in CONNECTIONS if load in name else ():
                _measure(contenders, name, connections, seconds)
        print(f"load average after: {os.getloadavg()[0]:.1f}")


async def _prepare(url: str, full: bool) -> None:
    await migrate(url)
    async with open_services(url, ROOT_KEY) as services:
        await fill(url, services.crm.tenant_id, FULL if full else DEFAULT)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute((Path(__file__).parent / "peer.sql").read_bytes())
        await connection.execute("vacuum analyze")


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
            contender.tokens = [process.stdout.readline().strip()]
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
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:  # it waits for its connections
            process.kill()
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
    client = await connected(contender)
    answer = msgspec.json.decode(await client.ask(request(contender, load, number)))
    client.close()
    assert not answer.get("errors"), answer
    return answer["data"]


def _measure(contenders: list[Contender], load: str, connections: int, seconds: float) -> None:
    best: dict[str, tuple[float, float, float]] = {}
    for _ in range(TURNS):
        for contender in contenders:
            samples = uvloop.run(turn(contender, load, connections, seconds))
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


if __name__ == "__main__":
    typer.run(main)
