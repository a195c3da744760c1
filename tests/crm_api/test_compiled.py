"""A compiled query answers as Strawberry's own way does: data, errors, nulls and order."""

from __future__ import annotations

import json
import os
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from crm_api.app import create_app
from crm_api.graphql.compiled.answers import CompiledReads
from crm_api.graphql.context import Context
from crm_api.graphql.loading import Loaders
from crm_api.schema import schema
from crm_api.services import Services, open_services
from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.connections import open_pool

from .conftest import ROOT_KEY, database, make_user
from .random_company import fill
from .random_queries import Asked, query

BATCHES = 20
QUERIES = 1_000 if os.environ.get("CRM_SOAK") else 100  # in a batch


class Both:
    """Asks the same in front of Strawberry and through it."""

    def __init__(self, services: Services, token: str, http: httpx.AsyncClient) -> None:
        self._services = services
        self._compiled = CompiledReads(schema, services)
        self._token = token
        self._http = http

    async def compiled(self, asked: Asked) -> Any:
        services = self._services
        context = Context(services, Loaders(services.crm, services.reads))
        context.session = services.tokens.read(self._token)
        answer = await self._compiled.answer(context, asked.text, None, asked.variables)
        return None if answer is None else _read(answer)

    async def stock(self, asked: Asked) -> Any:
        """By GET, which is never compiled."""
        parameters = {"query": asked.text, "variables": json.dumps(asked.variables)}
        headers = {"authorization": f"Bearer {self._token}"}
        response = await self._http.get("/graphql", params=parameters, headers=headers)
        return _read(response.content)


def _read(text: bytes) -> Any:
    """With the order of the members of each object."""
    return json.loads(text, object_pairs_hook=list)


@pytest.fixture(scope="module")
def quiet_url(postgres: EmbeddedPostgres, migrated: str) -> Iterator[str]:
    with database(postgres, migrated, "compiled") as url:
        yield url


@pytest.fixture(scope="module")
async def quiet(quiet_url: str) -> AsyncIterator[Services]:
    """A company of its own, which nobody writes to."""
    async with open_services(quiet_url, ROOT_KEY) as services:
        pool = await open_pool(quiet_url, "crm_projector", size=1)
        await fill(pool, services.crm.tenant_id, random.Random(20250101))
        await pool.close()
        yield services


@pytest.fixture(scope="module")
async def both(quiet: Services) -> AsyncIterator[dict[str, Both]]:
    transport = httpx.ASGITransport(create_app(quiet))
    async with httpx.AsyncClient(transport=transport, base_url="http://crm") as http:
        made = {}
        for role in ("admin", "sales", "service"):
            token, _ = quiet.tokens.issue(await make_user(quiet, role))
            made[role] = Both(quiet, token, http)
        yield made


@pytest.mark.parametrize("batch", range(BATCHES))
async def test_generated_queries_are_answered_the_same_both_ways(
    both: dict[str, Both], batch: int
) -> None:
    chance = random.Random(batch)
    cursors: list[str] = ["nonsense"]
    covered = 0
    for _ in range(QUERIES):
        asked = query(chance, cursors)
        ways = both[chance.choice(sorted(both))]
        compiled = await ways.compiled(asked)
        stock = await ways.stock(asked)
        _collect(stock, cursors)
        if compiled is not None:
            covered += 1
            assert compiled == stock, f"{asked.text}\n{asked.variables}"
    assert covered > QUERIES * 0.6, "most of what is asked is compiled"


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
