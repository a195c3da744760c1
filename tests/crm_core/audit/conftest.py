"""A ledger in a database of its own, and its audit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crm_core.audit.log import AuditLog, Signer
from crm_core.audit.signing import AuditKeys, Memory, new_key_line
from crm_core.audit.store import AuditStore
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger

from .events import TENANT, made_event


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, "crm_app")
    yield opened
    await opened.close()


@pytest.fixture
def ledger(pool: Pool) -> PostgresLedger:
    return PostgresLedger(pool)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(AuditKeys.parse(new_key_line()), Memory(tmp_path / "signed"))


@pytest.fixture
def audit(pool: Pool, ledger: PostgresLedger, signer: Signer) -> AuditLog:
    return AuditLog(ledger, AuditStore(pool), signer)


async def fill(ledger: PostgresLedger, first: int, last: int) -> None:
    await ledger.restore(TENANT, [made_event(position) for position in range(first, last + 1)])
