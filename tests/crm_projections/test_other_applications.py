"""What an application of the `eventsourcing` library records beside the CRM disturbs neither."""

from __future__ import annotations

import asyncio
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate

from crm_core import SYSTEM, Crm
from crm_core.customers import RegisterPerson
from crm_projections.runner import ProjectionRunner


def record_something(url: str) -> None:
    env = {"PERSISTENCE_MODULE": "crm_core.persistence", "CRM_DATABASE_URL": url}
    with Application[UUID](env=env) as application:
        application.save(Aggregate(), Aggregate())


async def test_the_runner_passes_the_events_of_other_applications_by(
    crm: Crm, runner: ProjectionRunner, database_url: str
) -> None:
    await asyncio.to_thread(record_something, database_url)
    receipt = await crm.execute(RegisterPerson(name="Ada"), actor=SYSTEM)
    heads = await crm.store.ledger.heads()
    assert heads[crm.tenant_id] == receipt.position
    assert sum(heads.values()) == receipt.position + 2
    for tenant_id in heads:
        assert await runner.catch_up(tenant_id) == heads[tenant_id]
    assert not any(status.stopped_at for status in await runner.status())
