"""A compiled query answers as Strawberry's own way does: data, errors, nulls and order."""

from __future__ import annotations

import json
import os
import random
from collections.abc import AsyncIterator, Awaitable, Iterator
from copy import copy
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg import sql

from crm_api.app import create_app
from crm_api.graphql.compiled import compiler
from crm_api.graphql.compiled.answers import CompiledReads
from crm_api.graphql.compiled.kept import KeptTexts
from crm_api.graphql.compiled.noted import noted
from crm_api.graphql.compiled.places import ReportField
from crm_api.graphql.compiled.resolving import Writing
from crm_api.graphql.context import LOOK_SECONDS, Context
from crm_api.graphql.ids import global_id
from crm_api.schema import schema
from crm_api.services import Services, open_services
from crm_core import SYSTEM
from crm_core.access.records import OWNER_FIELDS
from crm_core.audit.reads import Read, ReadMode
from crm_core.embedded import EmbeddedPostgres
from crm_core.identity import DefineRole, RoleRule, Scope
from crm_core.ledger.postgres.connections import open_pool
from crm_projections.checkpoints import Reached
from crm_projections.customer_directory.projection import CUSTOMERS
from crm_projections.reading import NotAnswered
from crm_projections.reading.trees import Sql, Value

from .conftest import ROOT_KEY, database, make_user
from .random_company import fill, key
from .random_queries import Asked, query

BATCHES = 20
READERS = ["admin", "sales", "sales", "service", "customers", "narrow"]
QUERIES = 1_000 if os.environ.get("CRM_SOAK") else 100  # in a batch


class Both:
    """Asks the same in front of Strawberry and through it."""

    def __init__(self, services: Services, token: str, http: httpx.AsyncClient) -> None:
        self._services = services
        self.reads = CompiledReads(schema, services)
        self._token = token
        self._http = http

    async def compiled(self, asked: Asked) -> Any:
        services = self._services
        context = Context(services)
        context.session = services.tokens.read(self._token)
        answer = await self.reads.answer(context, asked.text, None, asked.variables)
        return None if answer is None else ordered(answer)

    async def post(self, asked: Asked) -> Any:
        """As clients do."""
        response = await self._http.post(
            "/graphql",
            json={"query": asked.text, "variables": asked.variables},
            headers={"authorization": f"Bearer {self._token}"},
        )
        return ordered(response.content)

    async def stock(self, asked: Asked) -> Any:
        """By GET, which is never compiled."""
        parameters = {"query": asked.text, "variables": json.dumps(asked.variables)}
        headers = {"authorization": f"Bearer {self._token}"}
        response = await self._http.get("/graphql", params=parameters, headers=headers)
        return ordered(response.content)


def ordered(text: bytes) -> Any:
    """Without the cost, with the order of the members of each object."""
    read = json.loads(text, object_pairs_hook=list)
    return [member for member in read if member[0] != "extensions"]


@pytest.fixture(scope="module")
def quiet_url(postgres: EmbeddedPostgres, migrated: str) -> Iterator[str]:
    with database(postgres, migrated, "compiled") as url:
        yield url


@pytest.fixture(scope="module")
async def quiet(quiet_url: str) -> AsyncIterator[Services]:
    """A company of its own, which nobody writes to."""
    async with open_services(quiet_url, ROOT_KEY, takes_get=True) as services:
        pool = await open_pool(quiet_url, "crm_projector", size=1)
        await fill(pool, services.crm.tenant_id, random.Random(20250101))
        await pool.close()
        yield services


@pytest.fixture(scope="module")
async def both(quiet: Services, quiet_url: str) -> AsyncIterator[dict[str, Both]]:
    transport = httpx.ASGITransport(create_app(quiet))
    async with httpx.AsyncClient(transport=transport, base_url="http://crm") as http:
        made = {}
        await quiet.crm.execute(DefineRole(name="narrow", rules=NARROW), SYSTEM)
        alone = (RoleRule(kind="customer", actions=("read",)),)
        await quiet.crm.execute(DefineRole(name="customers", rules=alone), SYSTEM)
        await quiet.crm.execute(DefineRole(name="own", rules=OWN), SYSTEM)
        users = {
            name: await make_user(quiet, role)
            for role in ("admin", "sales", "service", "customers", "narrow", "own")
            for name in ([role] if role != "own" else ["own", "owns nothing"])
        }
        for name, user_id in users.items():
            token, _ = quiet.tokens.issue(user_id)
            made[name] = Both(quiet, token, http)
        await give_some(quiet_url, users["narrow"], ["0", "2", "4"])
        await give_some(quiet_url, users["own"], ["1", "3"])
        await quiet.runner.wait_for(quiet.crm.tenant_id, await quiet.crm.position(), seconds=20)
        yield made


OWN = (
    RoleRule(kind="opportunity", actions=("read",), scope=Scope.OWN),
    RoleRule(kind="ticket", actions=("read",), scope=Scope.OWN),
    RoleRule(kind="pipeline", actions=("read",)),
)
NARROW = (
    RoleRule(kind="customer", actions=("read",), scope=Scope.OWN, withheld=("contact",)),
    RoleRule(kind="opportunity", actions=("read",), scope=Scope.OWN),
    RoleRule(kind="opportunity", actions=("read",), withheld=("amount",)),
    RoleRule(kind="ticket", actions=("read",), scope=Scope.TEAM, withheld=("satisfaction",)),
    RoleRule(kind="task", actions=("read",), scope=Scope.SHARED),
    RoleRule(kind="product", actions=("read",)),
    RoleRule(kind="pipeline", actions=("read",)),
    RoleRule(kind="user", actions=("read",), scope=Scope.OWN),
)


async def give_some(url: str, user_id: UUID, ends: list[str]) -> None:
    """Makes the records whose ids end so this user's."""
    pool = await open_pool(url, "crm_projector", size=1)
    async with pool.connection() as connection:
        for kind in ("customer", "opportunity", "ticket"):
            owner = sql.Identifier(OWNER_FIELDS[kind])
            key = sql.Identifier(f"{kind}_id")
            await connection.execute(
                sql.SQL("update {} set {} = %s where right({}::text, 1) = any(%s)").format(
                    sql.Identifier("read_model", kind), owner, key
                ),
                [user_id, ends],
            )
    await pool.close()


@pytest.mark.parametrize("batch", range(BATCHES))
async def test_generated_queries_are_answered_the_same_both_ways(
    both: dict[str, Both], batch: int
) -> None:
    chance = random.Random(batch)
    cursors: list[str] = ["nonsense"]
    covered = left_out = 0
    for _ in range(QUERIES):
        asked = query(chance, cursors)
        ways = both[chance.choice(READERS)]
        compiled = await ways.compiled(asked)
        stock = await ways.stock(asked)
        _collect(stock, cursors)
        if compiled is not None:
            covered += 1
            assert compiled == stock, f"{asked.text}\n{asked.variables}"
            if "Report" in asked.text:
                assert await ways.compiled(asked) == stock, "also from what was kept"
        elif not _has_errors(stock):
            left_out += 1
    assert covered > QUERIES * 0.3, "what is asked is compiled, unless it is refused"
    assert left_out < QUERIES * 0.02, "but for wrong arguments below what is not there"


def _has_errors(answer: Any) -> bool:
    return any(name == "errors" for name, _ in answer)


@pytest.fixture
def recorded(quiet: Services, monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    return all_recorded(quiet, monkeypatch)


def all_recorded(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    """The reads that are recorded, while all of them are."""
    reads: list[Read] = []
    record = services.read_log.record

    async def noticed(read: Read) -> None:
        await record(read)
        reads.append(replace(read, request_id=""))

    monkeypatch.setattr(services.read_log, "mode", ReadMode.ALL)
    monkeypatch.setattr(services.read_log, "record", noticed)
    return reads


async def differences(
    both: dict[str, Both], recorded: list[Read], batch: int
) -> tuple[int, list[Asked]]:
    """How many records were read in a batch of queries; and those queries whose answers or whose
    reads differ by the way they are answered.
    """
    chance, found, read = random.Random(f"reads {batch}"), [], 0
    for _ in range(QUERIES):
        asked, ways = query(chance, []), both[chance.choice(READERS)]
        recorded.clear()
        compiled, one = await ways.compiled(asked), list(recorded)
        recorded.clear()
        stock, other = await ways.stock(asked), list(recorded)
        if compiled is not None and (compiled, one) != (stock, other):
            found.append(asked)
        read += sum(len(of.records) for of in one)
    return read, found


@pytest.mark.parametrize("batch", range(5))
async def test_both_ways_record_the_same_reads(
    both: dict[str, Both], recorded: list[Read], batch: int
) -> None:
    read, found = await differences(both, recorded, batch)
    assert found == []
    assert read > QUERIES / 4, "there was something to be recorded"


@pytest.mark.parametrize("forgotten", ["a kind", "what is personal", "what has links"])
async def test_a_statement_that_notes_too_little_is_caught(
    both: dict[str, Both],
    recorded: list[Read],
    quiet: Services,
    monkeypatch: pytest.MonkeyPatch,
    forgotten: str,
) -> None:
    def forgetful(kind: str, key: Value, shape: Sql, *, personal: bool) -> Sql:
        if (forgotten == "a kind" and kind == "ticket") or (
            forgotten == "what has links" and "x1e" in shape.text
        ):
            return shape
        return noted(kind, key, shape, personal=personal and forgotten != "what is personal")

    for ways in both.values():
        monkeypatch.setattr(ways, "reads", CompiledReads(schema, quiet))
    monkeypatch.setattr(compiler, "noted", forgetful)
    _, found = await differences(both, recorded, 0)
    assert found


def _collect(answer: Any, cursors: list[str]) -> None:
    match answer:
        case [[str(name), str(value)], *rest] if "ursor" in name:
            cursors.append(value)
            _collect(rest, cursors)
            del cursors[:-30]
        case [*parts]:
            for part in parts:
                _collect(part, cursors)
        case _:
            pass


# --- when no statement answers --------------------------------------------------------------------

CUSTOMERS_QUERY = "{ customers(first: 3) { totalCount nodes { id name } pageInfo { endCursor } } }"


async def test_a_query_is_one_statement(both: dict[str, Both], quiet: Services) -> None:
    asked = []
    ask = quiet.pipelines.ask

    async def counted(statement: str, parameters: Any) -> bytes:
        asked.append(statement)
        return await ask(statement, parameters)

    deep = """{ customers(first: 5) { nodes { opportunities(first: 5) { totalCount nodes {
        pipeline { name } customer { tickets(first: 5) { nodes { id } } } } } } }
        tickets(last: 2) { edges { cursor } } }"""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(quiet.pipelines, "ask", counted)
        assert await both["admin"].compiled(Asked(deep, {})) is not None
    assert len(asked) == 1


@pytest.mark.parametrize("sqlstate", [None, "57014", "22003"])
async def test_a_statement_that_fails_changes_no_answer(
    both: dict[str, Both], quiet: Services, sqlstate: str | None
) -> None:
    """Lost, over its time, or out of range: Strawberry's own way answers."""
    asked = Asked(CUSTOMERS_QUERY, {})
    usual = await both["admin"].post(asked)

    async def fail(*_: Any) -> bytes:
        raise NotAnswered(sqlstate)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(quiet.pipelines, "ask", fail)
        assert await both["admin"].compiled(asked) is None
        assert await both["admin"].post(asked) == usual


async def test_a_query_waits_for_its_position_once(
    both: dict[str, Both], quiet: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "query ($at: Position) { customers(first: 1, minPosition: $at) { totalCount } }"
    for reached in (0, "0", 1):
        assert await both["admin"].compiled(Asked(query, {"at": reached})) is not None
    waits = []
    wait_for = quiet.runner.wait_for

    async def counted(*given: Any, seconds: float, **named: Any) -> None:
        waits.append(seconds)
        await wait_for(*given, seconds=seconds, **named)

    monkeypatch.setattr(quiet.runner, "wait_for", counted)
    monkeypatch.setattr("crm_api.graphql.context.WAIT_SECONDS", 0.2)
    assert "PROJECTION_LAGGING" in str(await both["admin"].post(Asked(query, {"at": 10**9})))
    assert waits == [0.2, LOOK_SECONDS]


async def test_a_plan_serves_every_id_and_no_id_of_another_type(both: dict[str, Both]) -> None:
    query = "query ($id: ID!) { customer(by: {id: $id}) { uuid } node(id: $id) { __typename } }"
    for number in range(3):
        record = key(CUSTOMERS, number)
        asked = Asked(query, {"id": global_id("Customer", record)})
        answer = await both["admin"].compiled(asked)
        assert answer == await both["admin"].stock(asked)
        assert str(record) in str(answer)
    plans = len(both["admin"].reads._plans)
    other = Asked(query, {"id": global_id("Ticket", key(CUSTOMERS, 0))})
    assert await both["admin"].compiled(other) is None
    await both["admin"].compiled(Asked(query, {"id": global_id("Customer", key(CUSTOMERS, 9))}))
    assert len(both["admin"].reads._plans) <= plans + 1


# --- reports --------------------------------------------------------------------------------------

REPORTS = [
    "{ salesPipelineReport { rows { stageId status deals amount { amount currencyCode } } } }",
    "{ salesPipelineReport { position rows { key deals pipeline { name } stage { name } } } }",
    "{ salesPipelineReport(groupBy: OWNER) { measuredAt definition rows { key deals } } }",
    "{ salesForecastReport(groupBy: MONTH) { rows { key forecastCategory deals } } }",
    "{ ticketBacklogReport(minPosition: 1) { rows { key status tickets __typename } } }",
    "{ a: ticketBacklogReport { rows { tickets } } b: customers(first: 1) { totalCount } }",
]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[ReportField]:
    """The reports that were written, and not kept."""
    reports: list[ReportField] = []
    text = KeptTexts.text

    async def noticed(kept: KeptTexts, place: ReportField, seen: object, write: Writing) -> str:
        def noted() -> Awaitable[str]:
            reports.append(place)
            return write()

        return await text(kept, place, seen, noted)

    monkeypatch.setattr(KeptTexts, "text", noticed)
    return reports


@pytest.mark.parametrize("document", REPORTS)
async def test_a_report_is_written_once_for_all_who_see_the_same(
    both: dict[str, Both], quiet: Services, written: list[ReportField], document: str
) -> None:
    reads, asked = CompiledReads(schema, quiet), Asked(document, {})
    for again in range(2):
        for role in ("admin", "own", "owns nothing", "narrow", "customers", "sales"):
            written.clear()
            ways = with_reads(both[role], reads)
            compiled, stock = await ways.compiled(asked), await ways.stock(asked)
            assert (compiled is None) == _has_errors(stock), role
            assert compiled in (None, stock), role
            assert compiled is None or again == 0 or written == [], "it is kept"


async def test_whose_records_one_sees_is_in_no_report_of_another(
    both: dict[str, Both], quiet: Services
) -> None:
    reads, asked = CompiledReads(schema, quiet), Asked(REPORTS[0], {})
    readers = ("admin", "own", "owns nothing")
    everything, own, nothing = [
        str(await with_reads(both[reader], reads).compiled(asked)) for reader in readers
    ]
    assert len(everything) > len(own) > len(nothing)
    assert "stageId" in own
    assert "stageId" not in nothing


async def test_a_report_is_written_anew_once_its_read_model_has_moved(
    both: dict[str, Both],
    quiet: Services,
    written: list[ReportField],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads = with_reads(both["admin"], CompiledReads(schema, quiet))
    position = await quiet.crm.position()

    async def shown(*_: Any) -> Reached:
        return Reached(at, False)

    monkeypatch.setattr(quiet.runner, "shown", shown)
    for at, times in [(1, 1), (1, 1), (position, 2), (position, 2), (1, 3), (1, 4), (position, 4)]:
        document = "{ salesPipelineReport { position } }"
        answer = await reads.compiled(Asked(document, {}))
        assert f"'position', {at})" in str(answer)
        assert len(written) == times


@pytest.mark.parametrize(
    "document",
    [
        "{ salesPipelineReport(groupBy: OWNER) { rows { label } } }",
        "{ salesPipelineReport { chart } }",
        "{ salesPipelineReport { rows { pipeline { history(first: 1) { totalCount } } } } }",
        "{ salesPipelineReport(asOf: {position: 3}) { rows { deals } } }",
        '{ salesPipelineReport(effectiveAt: "2025-02-01T00:00:00Z") { rows { deals } } }',
    ],
)
async def test_what_may_change_or_is_personal_is_resolved_each_time(
    both: dict[str, Both], written: list[ReportField], document: str
) -> None:
    asked = Asked(document, {})
    assert await both["admin"].compiled(asked) == await both["admin"].stock(asked)
    assert written == []


async def test_where_all_reads_are_recorded_nothing_is_taken_from_what_was_kept(
    both: dict[str, Both], written: list[ReportField], recorded: list[Read]
) -> None:
    assert await both["admin"].compiled(Asked(REPORTS[0], {})) is not None
    assert written == []


def with_reads(ways: Both, reads: CompiledReads) -> Both:
    other = copy(ways)
    other.reads = reads
    return other
