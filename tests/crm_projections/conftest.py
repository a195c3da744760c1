"""A runner over a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from crm_core import Crm
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner


@pytest.fixture
async def projector(database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database_url, "crm_projector", size=6)
    yield pool
    await pool.close()


@pytest.fixture
async def runner(crm: Crm, projector: Pool) -> ProjectionRunner:
    made = ProjectionRunner(crm.store, projector, PROJECTIONS)
    await made.prepare()
    return made
