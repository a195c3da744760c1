"""What an operation costs, and who asks for too much."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from graphql import parse

from crm_api.app import create_app
from crm_api.graphql.cost import cost_of
from crm_api.http.allowance import Allowance, Buckets, Throttled
from crm_api.http.shared_allowance import SharedBuckets
from crm_api.schema import schema
from redis_server import RedisServer

TENANT = UUID(int=7)
PAGE = "query ($n: Int) { customers(first: $n) { nodes { id } pageInfo { hasNextPage } } }"


@pytest.mark.parametrize(
    ("document", "variables", "points"),
    [
        ("{ __typename }", {}, 1),
        ('{ customer(by: {id: "x"}) { id name } }', {}, 1),
        ('{ customer(by: {id: "x"}) { parent { parent { name } } } }', {}, 3),
        ("{ customers(first: 10) { totalCount } }", {}, 1),
        ("{ customers(first: 10) { nodes { id } } }", {}, 1 + 10),
        ("{ customers(first: 10) { edges { node { id } } } }", {}, 1 + 10 * 2),
        ("{ customers(first: 10) { nodes { tickets(last: 5) { nodes { id } } } } }", {},
         1 + 10 * (1 + 1 + 5)),
        ("{ customers(first: 10) { ...f } } fragment f on CustomerConnection { nodes { id } }",
         {}, 1 + 10),
        ("{ tickets(first: 2) { nodes { id } } ... { b: tickets(first: 3) { nodes { id } } } }",
         {}, 1 + 2 + 1 + 3),
        (PAGE, {"n": 7}, 1 + 7 + 1),
        (PAGE, {}, 1 + 100 + 1),
        ('mutation { customerRegisterPerson(input: {name: "X"}) { customer { id } } }', {}, 10 + 1),
    ],
)  # fmt: skip
def test_a_point_is_an_object_that_may_be_answered(
    document: str, variables: dict[str, Any], points: int
) -> None:
    assert cost_of(schema._schema, parse(document), None, variables) == points


def test_a_bucket_fills_up_again_and_never_over() -> None:
    now = 0.0
    buckets = Buckets(Allowance(maximum=100, restored=10), lambda: now)
    assert buckets.charge_here("ada", 60).left == 40
    assert buckets.charge_here("bob", 100).left == 0
    assert buckets.price("ada", 60).left == 40
    with pytest.raises(Throttled) as throttled:
        buckets.charge_here("ada", 60)
    assert throttled.value.seconds == 2
    now = 2.0
    assert buckets.charge_here("ada", 60).left == 0
    now = 1_000.0
    assert buckets.charge_here("ada", 1).left == 99
    with pytest.raises(Throttled) as never:
        buckets.charge_here("ada", 101)
    assert never.value.seconds is None


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "document", ["{ customers(first: 3) { nodes { id } } }", "{ viewer { id } }"]
)
async def test_every_answer_says_what_it_cost(by_get: Any, method: str, document: str) -> None:
    sent: dict[str, Any] = (
        {"json": {"query": document}} if method == "POST" else {"params": {"query": document}}
    )
    headers = by_get.headers("sales")
    response = await by_get.http.request(method, "/graphql", headers=headers, **sent)
    cost = response.json()["extensions"]["cost"]
    points = 4 if "customers" in document else 1
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (points, points)
    status = cost["throttleStatus"]
    assert set(status) == {"maximumAvailable", "currentlyAvailable", "restoreRate"}
    assert status["currentlyAvailable"] <= status["maximumAvailable"] - points


@pytest.fixture
async def tight(api: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The same company, where nobody may ask for much."""
    services = replace(api.services, buckets=Buckets(Allowance(maximum=50, restored=1)))
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://crm", headers=api.headers("admin")
    ) as http:
        yield http


async def test_who_asks_for_too_much_waits(tight: httpx.AsyncClient, api: Any) -> None:
    query = {"query": PAGE, "variables": {"n": 40}}
    assert (await tight.post("/graphql", json=query)).status_code == 200
    refused = await tight.post("/graphql", json=query)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 30
    assert refused.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
    other = await tight.post("/graphql", json=query, headers=api.headers("sales"))
    assert other.status_code == 200


async def test_what_nobody_can_afford_is_refused_for_good(tight: httpx.AsyncClient) -> None:
    refused = await tight.post("/graphql", json={"query": PAGE, "variables": {"n": 100}})
    assert "retry-after" not in refused.headers
    assert refused.json()["errors"][0]["extensions"]["code"] == "QUERY_TOO_LARGE"


async def test_a_dry_run_reckons_and_charges_nothing(tight: httpx.AsyncClient) -> None:
    query = """query ($dry: Boolean!, $n: Int) {
      limits: rateLimit(dryRun: $dry) { limit cost remaining restoreRate }
      customers(first: $n) { nodes { id } } }"""
    for _ in range(3):
        dry = await tight.post("/graphql", json={"query": query, "variables": {"dry": True}})
        assert dry.json()["data"] == {
            "limits": {"limit": 50, "cost": 102, "remaining": 50, "restoreRate": 1}
        }
        assert dry.json()["extensions"]["cost"]["actualQueryCost"] == 0
    real = await tight.post("/graphql", json={"query": query, "variables": {"dry": False, "n": 5}})
    assert real.json()["data"]["limits"]["remaining"] == 50 - 7
    assert "customers" in real.json()["data"]


# --- several processes ----------------------------------------------------------------------------


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


async def test_processes_share_the_points_and_none_gives_more(redis_server: RedisServer) -> None:
    """Three of them spend a bucket in odd portions: no more than it had leaves it."""
    allowance = Allowance(maximum=1_000, restored=1)
    processes = [SharedBuckets(redis_server.url, TENANT, allowance) for _ in range(3)]
    spent = 0
    for turn in range(600):
        with contextlib.suppress(Throttled):
            spent += (await processes[turn % 3].charge("ada", 1 + turn % 7)).actual
    # A portion may lie idle in each; a few points came back meanwhile.
    assert 1_000 - 3 * 20 <= spent <= 1_000 + 30
    assert (await processes[0].charge("bob", 5)).left == 995
    other = SharedBuckets(redis_server.url, uuid4(), allowance)
    assert (await other.charge("ada", 5)).left == 995
    with pytest.raises(Throttled) as never:
        await processes[0].charge("bob", 1_001)
    assert never.value.seconds is None
    for process in (*processes, other):
        await process.close()


async def test_few_requests_ask_redis(redis_server: RedisServer) -> None:
    buckets = SharedBuckets(redis_server.url, TENANT, Allowance(maximum=1_000, restored=1))
    for _ in range(100):
        await buckets.charge("ada", 1)
    with redis_server.client() as client:
        asked = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    await buckets.close()
    assert asked == 100 / 20 + 1  # the first finds no script there, and brings it


async def test_without_redis_each_process_charges_for_itself(redis_server: RedisServer) -> None:
    buckets = SharedBuckets(redis_server.url, TENANT, Allowance(maximum=100, restored=1))
    redis_server.kill()
    assert (await buckets.charge("ada", 60)).left == 40
    with pytest.raises(Throttled):
        await buckets.charge("ada", 60)
    redis_server.start()
    assert (await buckets.charge("ada", 60)).left == 40
    await buckets.close()
