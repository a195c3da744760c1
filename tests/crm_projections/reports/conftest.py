"""A database for reports, and a loop that property tests can use again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
import pytest

from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.event_store import PAGE_EVENTS, EventStore
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_projections.registry import REPORTS
from crm_projections.reporting import Past, Question, Report, answer
from crm_projections.runner import ProjectionRunner

from .histories import TEAMS, World
from .story import story

T = TypeVar("T")

KEPT = {report.kept_by for report in REPORTS}


class Desk:
    """Keeps the read models of worlds in PostgreSQL, and asks reports about them."""

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        self._runner = runner
        self._pools: tuple[Pool, Pool] = self.run(_pools(url))
        self._ledger = self.run(_ledger(url))

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def close(self) -> None:
        self.run(self._ledger.close())
        for pool in self._pools:
            self.run(pool.close())

    async def keep_up(self, world: World) -> None:
        """Takes over what was recorded since, and applies it."""
        tenant_id, source = world.crm.tenant_id, world.crm.store
        head = (await self._ledger.head(tenant_id)).position
        while page := await source.ledger.page(tenant_id, after=head, limit=PAGE_EVENTS):
            await self._ledger.restore(tenant_id, page)
            head = page[-1].position
        store = EventStore(self._ledger, source.keyring)
        runner = ProjectionRunner(store, self._pools[1], [of() for of in KEPT])
        await runner.prepare()
        await runner.catch_up(tenant_id)

    async def ask(
        self,
        report: Report[Any, Any],
        world: World,
        past: Past,
        question: Question | None = None,
        since: Past | None = None,
    ) -> list[Any]:
        tenant_id = world.crm.tenant_id
        return await answer(
            report, self._pools[0], tenant_id, past, question, since=since, teams=TEAMS
        )


async def _pools(url: str) -> tuple[Pool, Pool]:
    return await open_pool(url, "crm_app"), await open_pool(url, "crm_projector")


async def _ledger(url: str) -> PostgresLedger:
    return PostgresLedger(await open_pool(url, "crm_app"))


@pytest.fixture(scope="session")
def desk(postgres: EmbeddedPostgres, migrated: str) -> Iterator[Desk]:
    name = f"reports_{uuid4().hex}"
    with (
        psycopg.connect(postgres.url(), autocommit=True) as connection,
        asyncio.Runner() as runner,
    ):
        connection.execute(f"create database {name} template {migrated}")
        made = Desk(runner, postgres.url(name))
        yield made
        made.close()
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def lived(desk: Desk) -> World:
    """The world after the story."""

    async def live() -> World:
        world = await World.founded()
        before = world.position
        await world.take(*story())
        assert world.position > before + len(story()), "every step was accepted"
        await desk.keep_up(world)
        return world

    return desk.run(live())
