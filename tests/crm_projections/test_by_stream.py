"""A projection that says its rows depend on one stream only is told streams one by one."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_core import SYSTEM, Command, Crm, RecordedEvent, Request
from crm_core.demo import make_demo
from crm_projections.digest import digest_of
from crm_projections.projection import Projection, project
from crm_projections.registry import PROJECTIONS
from crm_projections.rows import Rows
from projecting import Visits
from strategies import customer_commands

BY_STREAM = [projection for projection in PROJECTIONS if projection.by_stream]


def stream_by_stream(projection: Projection, events: list[RecordedEvent]) -> Rows:
    streams: defaultdict[UUID, list[RecordedEvent]] = defaultdict(list)
    for event in events:
        streams[event.record_id].append(event)
    rows = Rows()
    for stream_id in sorted(streams):
        alone = project(projection, streams[stream_id])
        for table in projection.tables:
            for row in alone.changed(table):
                rows.put(table, row)
    return rows


def assert_by_stream(projection: Projection, events: list[RecordedEvent]) -> None:
    alone = digest_of(projection, stream_by_stream(projection, events))
    assert alone == digest_of(projection, project(projection, events)), projection.name


async def events_of(crm: Crm) -> list[RecordedEvent]:
    return [event async for page in crm.events() for event in page]


@given(st.lists(customer_commands(), max_size=25))
@settings(max_examples=30)
def test_streams_one_by_one_make_the_same_rows(commands: list[Command]) -> None:
    async def check() -> None:
        crm = Crm.in_memory()
        await crm.execute_many([Request(command=command, actor=SYSTEM) for command in commands])
        for projection in BY_STREAM:
            assert_by_stream(projection, await events_of(crm))

    asyncio.run(check())


@pytest.fixture(scope="module")
async def company() -> list[RecordedEvent]:
    """Nine months of a made-up company: deals, tickets, calls."""
    crm = Crm.in_memory()
    await make_demo(crm, now=datetime(2026, 1, 5, tzinfo=UTC), password="not a secret")
    return await events_of(crm)


@pytest.mark.parametrize("projection", BY_STREAM, ids=lambda projection: projection.name)
def test_a_companys_streams_one_by_one_make_the_same_rows(
    projection: Projection, company: list[RecordedEvent]
) -> None:
    assert_by_stream(projection, company)


def test_a_projection_whose_rows_depend_on_many_streams_is_found_out(
    company: list[RecordedEvent],
) -> None:
    with pytest.raises(AssertionError):
        assert_by_stream(Visits(), company)
