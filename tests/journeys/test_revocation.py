"""What one process revokes, another one refuses within two seconds (docs/guides/access.md)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from redis_server import RedisServer

from .revoking import REVOCATIONS, Servers, two_servers

SECONDS_MAX = 2.0
LAZY = (
    sys.executable,
    "-c",
    "import crm_core.authority as it; it._LOOK_SECONDS = 5.0;"
    "from crm_api.cli.main import app; app()",
)


async def refused_in_time(servers: Servers) -> None:
    lags = await asyncio.gather(*map(servers.revoke, REVOCATIONS))
    for what, lag in zip(REVOCATIONS, lags, strict=True):
        assert lag.request < SECONDS_MAX, what
        assert lag.subscription < SECONDS_MAX, what


async def test_what_is_revoked_is_refused_by_another_process_within_two_seconds(
    database_url: str, tmp_path: Path
) -> None:
    redis = RedisServer(tmp_path)
    redis.start()
    try:
        async with two_servers(database_url, redis.url) as servers:
            await refused_in_time(servers)
            redis.kill()  # who hears nothing looks by himself
            await refused_in_time(servers)
    finally:
        redis.kill()


async def test_a_process_that_looks_too_seldom_is_found(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: a directory that is believed for longer than was promised."""
    redis = RedisServer(tmp_path)
    redis.start()
    monkeypatch.setattr("tests.journeys.revoking.COMMAND", LAZY)
    try:
        async with two_servers(database_url, redis.url) as servers:
            with pytest.raises(AssertionError):
                await refused_in_time(servers)
    finally:
        redis.kill()
