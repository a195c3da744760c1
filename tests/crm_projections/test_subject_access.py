"""Everything that is held about a customer is in one text; who carries it away needs a right."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from crm_core import SYSTEM, Actor, Crm, Denied
from crm_core.audit.reads import ReadLog
from crm_core.customers import MergeCustomers
from crm_core.identity import ActivateUser, GrantRole, InviteUser
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner
from crm_projections.subject_access import subject_access
from projecting import somebody, tell


@pytest.fixture
async def reads(crm: Crm, database_url: str) -> AsyncIterator[ReadLog]:
    pool = await open_pool(database_url, "crm_app", size=1)
    yield ReadLog(pool, crm.tenant_id)
    await pool.close()


async def people(crm: Crm) -> list[UUID]:
    return [
        event.record_id
        async for page in crm.events()
        for event in page
        if event.type == "customers.customer.registered"
    ]


async def test_all_that_were_merged_are_in_it(
    crm: Crm, runner: ProjectionRunner, projector: Pool, reads: ReadLog
) -> None:
    await tell(crm, *somebody("one"), *somebody("two"), *somebody("three"))
    one, two, _ = await people(crm)
    await tell(crm, MergeCustomers(customer_id=one, loser_ids=(two,)))
    await runner.catch_up(crm.tenant_id)
    text = await subject_access(crm, projector, reads, PROJECTIONS, two, SYSTEM)
    held = json.loads(text)
    assert held["subjects"] == [str(two), str(one)]
    assert b"About one" in text
    assert b"About two" in text
    assert b"three" not in text
    assert len(held["rows"]["ticket"]) == 2
    assert held["reads"]["reads"] == []
    again = json.loads(await subject_access(crm, projector, reads, PROJECTIONS, one, SYSTEM))
    (read,) = again["reads"]["reads"]
    assert read["how"] == "subject access"
    assert {str(one), str(two)} < {record["id"] for record in read["records"]}


@pytest.mark.parametrize("role", ["sales", "auditor"])
async def test_who_may_read_a_customer_may_not_yet_carry_it_away(
    crm: Crm, projector: Pool, reads: ReadLog, role: str
) -> None:
    anna = UUID(int=77)
    await tell(
        crm,
        *somebody("one"),
        InviteUser(user_id=anna, name="Anna"),
        ActivateUser(user_id=anna),
        GrantRole(user_id=anna, role=role),
    )
    (one,) = await people(crm)
    with pytest.raises(Denied, match=r"personal_data\.export"):
        await subject_access(crm, projector, reads, PROJECTIONS, one, Actor.user(anna))
