"""Opening and closing what the API stands on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from crm_api import services as module
from crm_api.services import open_services
from crm_core import SYSTEM, Crm, SetupError
from crm_core.customers import Customer, CustomerStatus, RegisterPerson
from crm_core.privacy import RetentionAction, SetRetention
from crm_projections import retention
from crm_projections.runner import ProjectionRunner

ROOT_KEY = bytes(range(32))


async def test_open_services_project_by_themselves_and_close_whole(database_url: str) -> None:
    async with open_services(database_url, ROOT_KEY) as services:
        crm = services.crm
        receipt = await crm.execute(RegisterPerson(name="Ada"), actor=SYSTEM)
        await services.runner.wait_for(crm.tenant_id, receipt.position, seconds=10)
    assert services.pool.closed
    running = {getattr(task.get_coro(), "cr_frame", None) for task in asyncio.all_tasks()}
    held = [frame.f_locals.get("runner") for frame in running if frame is not None]
    assert services.runner not in held


async def test_a_projector_that_fails_is_started_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, failures = ProjectionRunner.run, iter([RuntimeError("the secret of ada@example.com")])

    async def fail_once(runner: ProjectionRunner) -> None:
        for failure in failures:
            raise failure
        await run(runner)

    monkeypatch.setattr(ProjectionRunner, "run", fail_once)
    monkeypatch.setattr(module, "_RESTART_SECONDS", 0.01)
    with structlog.testing.capture_logs() as logs:
        async with open_services(database_url, ROOT_KEY) as services:
            receipt = await services.crm.execute(RegisterPerson(name="Ada"), actor=SYSTEM)
            await services.runner.wait_for(services.crm.tenant_id, receipt.position, seconds=10)
    assert [entry["event"] for entry in logs] == ["projector.failed"]
    assert "ada@example.com" not in str(logs)


async def test_a_server_does_what_a_retention_policy_says(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_LAGGING_SECONDS", 0.1)
    quiet, policy = (
        RegisterPerson(name="Ada"),
        SetRetention(idle_days=9, action=RetentionAction.ARCHIVE),
    )
    async with await Crm.open(database_url, root_key=ROOT_KEY) as crm:
        long_ago = datetime.now(UTC) - timedelta(days=10)
        await crm.execute(quiet, SYSTEM, effective_at=long_ago)
        await crm.execute(policy, SYSTEM)
    async with open_services(database_url, ROOT_KEY) as services, asyncio.timeout(30):
        status = CustomerStatus.ACTIVE
        while status is not CustomerStatus.ARCHIVED:
            await asyncio.sleep(0.05)
            status = (await services.crm.get(Customer, quiet.customer_id)).status


async def test_a_database_that_is_not_there_says_so() -> None:
    with pytest.raises(SetupError) as refused:
        async with open_services("postgresql://nobody@127.0.0.1:1/none", ROOT_KEY):
            pass
    assert refused.value.code == "database.unreachable"


async def test_an_address_of_redis_that_is_none_is_refused(database_url: str) -> None:
    with pytest.raises(SetupError, match=r"redis\.bad_url"):
        async with open_services(database_url, ROOT_KEY, redis_url="localhost:6379"):
            pass
