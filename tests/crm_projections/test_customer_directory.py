"""The directory shows what the events say, however they came about."""

from __future__ import annotations

import asyncio
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from crm_core import SYSTEM, Command, Crm, Request
from crm_core.customers import (
    AddContactPoint,
    ContactPointType,
    Customer,
    RegisterPerson,
    RemoveContactPoint,
)
from crm_projections.customer_directory.projection import CUSTOMERS, CustomerDirectory, CustomerRow
from crm_projections.projection import project
from strategies import MERGE_STORY, customer_commands


@given(st.lists(customer_commands(), max_size=25))
def test_a_row_is_what_the_record_is(commands: list[Command]) -> None:
    async def check() -> None:
        crm = Crm.in_memory()
        await crm.execute_many([Request(command=command, actor=SYSTEM) for command in commands])
        events = [event async for page in crm.events() for event in page]
        for row in project(CustomerDirectory(), events).all(CUSTOMERS):
            record = await crm.get(Customer, row.customer_id)
            assert shown(row) == known(record)

    asyncio.run(check())


@given(st.lists(customer_commands(), max_size=25))
@example(MERGE_STORY)
def test_a_row_is_made_without_what_was_erased(commands: list[Command]) -> None:
    async def check() -> None:
        crm = Crm.in_memory()
        await crm.execute_many([Request(command=command, actor=SYSTEM) for command in commands])
        ids = {event.record_id async for page in crm.events() for event in page}
        for customer_id in ids:
            await crm.store.keyring.destroy(crm.tenant_id, customer_id)
        events = [event async for page in crm.events() for event in page]
        rows = project(CustomerDirectory(), events).all(CUSTOMERS)
        assert {row.customer_id for row in rows} == ids
        assert {row.name for row in rows} <= {None}

    asyncio.run(check())


def test_the_oldest_address_follows_a_removed_primary_one() -> None:
    async def check() -> None:
        crm = Crm.in_memory()
        first, second = UUID(int=1), UUID(int=2)
        ada = RegisterPerson(name="Ada")
        for command in (
            ada,
            *(
                AddContactPoint(
                    customer_id=ada.customer_id,
                    point_id=point_id,
                    type=ContactPointType.EMAIL,
                    value=f"a{point_id.int}@example.com",
                )
                for point_id in (first, second)
            ),
            RemoveContactPoint(customer_id=ada.customer_id, point_id=first),
        ):
            await crm.execute(command, actor=SYSTEM)
        events = [event async for page in crm.events() for event in page]
        (row,) = project(CustomerDirectory(), events).all(CUSTOMERS)
        assert row.email == "a2@example.com"
        assert shown(row) == known(await crm.get(Customer, ada.customer_id))

    asyncio.run(check())


def shown(row: CustomerRow) -> dict[str, object]:
    return {
        "kind": row.kind,
        "name": row.name,
        "status": row.status,
        "lifecycle": row.lifecycle,
        "owner": row.owner_id,
        "parent": row.parent_id,
        "survivor": row.survivor_id,
        "tags": set(row.tags),
        "external": set(row.external_ids),
        "points": [(p.point_id, p.value, p.verified, p.primary) for p in row.points],
        "addresses": {a.label: a.address for a in row.addresses},
        "email": row.email,
        "merges": {m.plan_id for m in row.merges},
        "version": row.version,
    }


def known(record: Customer) -> dict[str, object]:
    points = list(record.points.values())
    return {
        "kind": record.kind,
        "name": record.name,
        "status": record.status,
        "lifecycle": record.lifecycle,
        "owner": record.owner_id,
        "parent": record.parent_id,
        "survivor": record.survivor_id,
        "tags": record.tags,
        "external": record.external_ids,
        "points": [(p.point_id, p.value, p.verified, p.primary) for p in points],
        "addresses": record.addresses,
        "email": next((p.value for p in points if p.type == "EMAIL" and p.primary), None),
        "merges": set(record.absorbed),
        "version": record.version,
    }
