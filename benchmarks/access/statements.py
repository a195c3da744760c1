"""What access rules cost the database alone: `statements.py`; see `run.py`.

The statements that `run.py` has the server send, for the same readers on the same rows, asked one
after the other on one connection: no HTTP, no Python in between, nothing that takes turns. Of each
statement the shortest of some rounds counts.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import psycopg
from graphql import OperationType
from run import (
    FIRST,
    LOADS,
    ROOT_KEY,
    ROWS,
    SCOPES,
    customer_id,
    of_all,
    of_asker,
    ours,
    prepare,
    user_id,
)

from crm_api.graphql.compiled.compiler import compile_query
from crm_api.graphql.compiled.document import KnownDocuments
from crm_api.graphql.compiled.reader import Reader
from crm_api.graphql.compiled.selection import Given
from crm_api.schema import schema
from crm_api.services import Services, open_services
from crm_core import Actor
from crm_core.access.rights import ALL_RIGHTS
from crm_core.embedded import EmbeddedPostgres
from crm_core.identity import Scope
from crm_projections.reading.pipeline import Binary

ROUNDS, TIMES = 40, 100
OF_TEAM = 7  # of the 10,000 who ask by turns

Sent = tuple[str, Sequence[bytes | None]]


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedPostgres.start(folder / "data") as server:
            await prepare(server.url())
            async with open_services(server.url(), ROOT_KEY) as services:
                sent = {of: one async for of, one in _statements(services)}
                tenant_id = services.crm.tenant_id
            with psycopg.connect(server.url(), autocommit=True) as connection:
                connection.execute("set role crm_tenant")
                connection.execute("select set_config('crm.tenant', %s, false)", [str(tenant_id)])
                tell(sent, measured(connection, sent))


async def _statements(services: Services) -> AsyncIterator[tuple[tuple[str, str], Sent]]:
    """By load and by who asks."""
    crm = services.crm
    asking = {"rules off": Reader.of(crm.tenant_id, ALL_RIGHTS, False)}
    users = {scope: FIRST.index(scope) for scope in SCOPES} | {Scope.TEAM: len(FIRST) + OF_TEAM}
    for scope, number in users.items():
        rights = await crm.rights(crm.tenant_id, Actor.user(user_id(number)))
        asking[scope.value] = Reader.of(crm.tenant_id, rights, False)
    documents = KnownDocuments(schema, OperationType.QUERY)
    for load in LOADS:
        for who, reader in asking.items():
            body = dict(ours("", 0).ask[load](1))
            if load == "by id":
                number = of_asker(OF_TEAM) if who == Scope.TEAM else of_all(1)
                body["variables"] = {"id": str(customer_id(number))}
            document = documents.find(body["query"], None)
            assert document is not None
            given = Given(schema, document, body.get("variables") or {})
            plan = compile_query(given, reader, document.variables(given.variables).late)
            assert plan.statement is not None
            yield (load, who), (plan.statement, await plan.sent(given, crm, reader.sight))


def measured(
    connection: psycopg.Connection, sent: Mapping[tuple[str, str], Sent]
) -> dict[tuple[str, str], float]:
    """Seconds of each."""
    shortest = dict.fromkeys(sent, float("inf"))
    for place, (statement, _) in enumerate(sent.values()):
        connection.pgconn.prepare(b"s%d" % place, statement.encode())
    for _ in range(ROUNDS):
        for place, (of, (_, parameters)) in enumerate(sent.items()):
            formats = [int(isinstance(value, Binary)) for value in parameters]
            started = time.perf_counter()
            for _ in range(TIMES):
                answer = connection.pgconn.exec_prepared(b"s%d" % place, parameters, formats)
            shortest[of] = min(shortest[of], (time.perf_counter() - started) / TIMES)
            value = answer.get_value(0, 0)
            assert (value or b"").count(b'"uuid"') == ROWS[of[0]], (of, answer.error_message)
    return shortest


def tell(sent: Mapping[tuple[str, str], Sent], seconds: Mapping[tuple[str, str], float]) -> None:
    print("| what | who asks | µs | ÷ without rules | bytes sent |")
    print("|---|---|---|---|---|")
    for (load, who), (_, parameters) in sent.items():
        took = seconds[load, who]
        print(
            f"| {load} | {who} | {took * 1e6:,.0f} | {took / seconds[load, 'rules off']:.2f}"
            f" | {sum(len(value or b'') for value in parameters):,} |"
        )


if __name__ == "__main__":
    asyncio.run(main())
