"""What the log of reads costs: `reads.py [--seconds N]`, in each of its modes.

The application is asked in this process, without a network, by 16 askers at once. The modes take
turns; medians. CPU is that of this process, the askers' own small part of it included, and that of
PostgreSQL's processes.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from uuid import uuid4

import msgspec
import psycopg
import typer
from company import Size, customer_id, fill
from starlette.applications import Starlette

from crm_api.app import create_app
from crm_api.cli.serving import log_to_stderr
from crm_api.graphql.ids import global_id
from crm_api.http.allowance import Allowance
from crm_api.services import open_services
from crm_core import SYSTEM
from crm_core.audit.reads import ReadMode
from crm_core.embedded import EmbeddedPostgres
from crm_core.identity.user.commands import ActivateUser, GrantRole, InviteUser
from crm_core.ledger.postgres.migrate import migrate

ASKERS, TURNS = 16, 5
ROOT_KEY = bytes(range(32))
SMALL = Size(2_000, 4_000, 6_000, 4_000)

Body: TypeAlias = dict[str, Any]

BY_ID = "query ($id: ID!) { customer(by: {id: $id}) { id name email lifecycle } }"
PAGE = """{ customers(first: 50, orderBy: [{field: NAME, direction: ASC}]) {
    nodes { id name email lifecycle } } }"""
LOADS: dict[str, Callable[[int], Body]] = {
    "by id": lambda number: {
        "query": BY_ID,
        "variables": {"id": global_id("Customer", customer_id(number % SMALL.organizations))},
    },
    "page of 50": lambda _: {"query": PAGE},
}


def main(seconds: Annotated[float, typer.Option(help="Of each turn.")] = 1.0) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crm-bench-")))
        folder.chmod(0o755)
        server = stack.enter_context(EmbeddedPostgres.start(folder / "data"))
        asyncio.run(_run(server.url(), seconds))


async def _run(url: str, seconds: float) -> None:
    log_to_stderr()
    await migrate(url)
    async with open_services(url, ROOT_KEY, allowance=Allowance(10**12, 10**12)) as services:
        await fill(url, services.crm.tenant_id, SMALL)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("analyze")
        user_id = uuid4()
        for command in (
            InviteUser(user_id=user_id, name="Bench", email=f"{user_id}@example.com"),
            ActivateUser(user_id=user_id),
            GrantRole(user_id=user_id, role="admin"),
        ):
            await services.crm.execute(command, actor=SYSTEM)
        ask = asker(create_app(services), services.tokens.issue(user_id)[0])
        print("| what | mode | requests/s | our CPU, µs | PostgreSQL's CPU, µs |")
        print("|---|---|---|---|---|")
        for load, body in LOADS.items():
            taken: dict[ReadMode, list[tuple[float, float, float]]] = {}
            for mode in [*ReadMode] * TURNS:
                services.read_log.mode = mode
                await turn(url, ask, body, 0.2)
                taken.setdefault(mode, []).append(await turn(url, ask, body, seconds))
            for mode, turns in taken.items():
                rate, own, database = (statistics.median(of) for of in zip(*turns, strict=True))
                print(f"| {load} | {mode} | {rate:,.0f} | {own:,.0f} | {database:,.0f} |")
    with psycopg.connect(url) as connection:
        size = connection.execute(
            "select count(*), sum(cardinality(record_ids)), pg_table_size('audit.reads'),"
            " pg_indexes_size('audit.reads') from audit.reads"
        ).fetchone()
    print("rows, ids in them, bytes of the table, bytes of its indexes:", size)


def asker(app: Starlette, token: str) -> Callable[[Body], Awaitable[None]]:
    """Asks the application as a server would, and looks whether it answers with data."""
    headers = [
        (b"content-type", b"application/json"),
        (b"accept", b"application/json"),
        (b"authorization", f"Bearer {token}".encode()),
    ]

    async def ask(body: Body) -> None:
        scope = {
            "type": "http", "method": "POST", "path": "/graphql", "query_string": b"",
            "headers": headers, "scheme": "http", "server": ("crm", 80),
        }  # fmt: skip
        text, answer = msgspec.json.encode(body), bytearray()

        async def receive() -> Body:
            return {"type": "http.request", "body": text}

        async def send(message: Body) -> None:
            answer.extend(message.get("body", b""))

        await app(scope, receive, send)
        assert b'"errors"' not in answer, bytes(answer)

    return ask


async def turn(
    url: str, ask: Callable[[Body], Awaitable[None]], body: Callable[[int], Body], seconds: float
) -> tuple[float, float, float]:
    """Requests a second, and the microseconds of CPU for each: ours, and PostgreSQL's."""
    asked, until = 0, time.perf_counter() + seconds

    async def go_on() -> None:
        nonlocal asked
        while time.perf_counter() < until:
            asked += 1
            await ask(body(asked))

    began, own, database = time.perf_counter(), time.process_time(), database_seconds(url)
    await asyncio.gather(*(go_on() for _ in range(ASKERS)))
    took = time.perf_counter() - began
    own, database = time.process_time() - own, database_seconds(url) - database
    return asked / took, own / asked * 1e6, database / asked * 1e6


def database_seconds(url: str) -> float:
    """The CPU time of the server's processes that are there."""
    with psycopg.connect(url) as connection:
        parent = _stat(connection.info.backend_pid)[1]
    ticks = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                of = _stat(int(folder.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
            ticks += of[11] + of[12] if of[1] == parent else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[int]:
    """The numbers after the name in proc(5)'s stat: parent at 1, user and system time at 11, 12."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [0, *map(int, fields[1:])]


if __name__ == "__main__":
    typer.run(main)
