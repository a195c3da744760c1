"""How far the read models are, what stopped them, and what fills beside them, over the API."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from crm_core.ledger.postgres.connections import open_pool
from crm_projections.rebuilding.parts import begin_rebuild, end_rebuild
from crm_projections.status import Skip
from crm_projections.ticket_queue.projection import TicketQueue

STATUS = """{ projectionStatus { head projections {
    name version position lagEvents lagSeconds stoppedAt stoppedType stoppedBy
    skips { position eventType error reason decidedBy decidedAt }
    rebuild { version position head eventsPerSecond secondsLeft }
} } }"""


async def statuses(api: Any) -> dict[str, Any]:
    found = (await api.data(STATUS))["projectionStatus"]
    return {at["name"]: at for at in found["projections"]}


async def test_what_is_up_to_date_has_no_lag(api: Any) -> None:
    await api.shown()
    for at in (await statuses(api)).values():
        assert (at["lagEvents"], at["lagSeconds"], at["stoppedAt"]) == (0, 0.0, None)
        assert (at["skips"], at["rebuild"]) == ([], None)


async def test_what_stopped_it_and_what_was_decided_is_told(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = await api.services.runner.status()
    decided = Skip(
        3, "service.ticket.opened", "KeyError", "a bug of ours", "Kim",
        datetime(2026, 1, 5, tzinfo=UTC),
    )  # fmt: skip

    async def stopped() -> list[Any]:
        first = replace(
            real[0], stopped_at=5, stopped_type="service.ticket.closed", stopped_by="ValueError",
            skips=(decided,), lag_seconds=1.5,
        )  # fmt: skip
        return [first, *real[1:]]

    monkeypatch.setattr(api.services.runner, "status", stopped)
    at = (await statuses(api))[real[0].projection]
    assert (at["stoppedType"], at["stoppedBy"]) == ("service.ticket.closed", "ValueError")
    assert at["skips"] == [
        {
            "position": 3,
            "eventType": "service.ticket.opened",
            "error": "KeyError",
            "reason": "a bug of ours",
            "decidedBy": "Kim",
            "decidedAt": "2026-01-05T00:00:00Z",
        }
    ]
    health = (await api.http.get("/health")).json()["projections"][0]
    assert (health["lagSeconds"], health["stoppedBy"], health["skipped"]) == (1.5, "ValueError", 1)
    scraped = (await api.http.get("/metrics")).text
    name = health["name"]
    assert f'crm_projection_lag_seconds{{projection="{name}"}} 1.5' in scraped
    assert f'crm_projection_stopped{{projection="{name}"}} 1.0' in scraped
    assert f'crm_projection_skipped_events{{projection="{name}"}} 1.0' in scraped


async def test_a_rebuild_under_way_shows_its_progress(api: Any, api_url: str) -> None:
    await api.shown()
    rebuild_id = uuid4()
    pool = await open_pool(api_url, "crm_projector", size=1)
    async with pool.connection() as connection:
        made = await begin_rebuild(connection, rebuild_id, [TicketQueue()])
        progress = (await statuses(api))["ticket_queue"]["rebuild"]
        await end_rebuild(connection, rebuild_id, made.values())
    await pool.close()
    assert (progress["version"], progress["position"], progress["secondsLeft"]) == (2, 0, None)
    assert progress["head"] > 0
    assert (await statuses(api))["ticket_queue"]["rebuild"] is None
