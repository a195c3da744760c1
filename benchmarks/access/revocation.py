"""How long until another process refuses what one has revoked: `revocation.py [--times N]`.

Two processes of `crm serve`, one PostgreSQL, one Redis; ten users at once. Run it with
`PYTHONPATH=tests`, whose two servers it takes.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer

from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.migrate import migrate
from journeys.revoking import REVOCATIONS, Lag, Servers, two_servers
from redis_server import RedisServer

AT_ONCE = 10


def main(times: Annotated[int, typer.Option(help="Revocations in all.")] = 100) -> None:
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        redis = RedisServer(folder)
        redis.start()
        try:
            with EmbeddedPostgres.start(folder / "data") as server:
                asyncio.run(_measure(server.url(), redis.url, times))
        finally:
            redis.kill()


async def _measure(url: str, redis_url: str, times: int) -> None:
    await migrate(url)
    kinds = list(islice(cycle(REVOCATIONS), times))
    print(f"load average before: {os.getloadavg()[0]:.1f}")
    async with two_servers(url, redis_url) as servers:
        lags = await _revoked(servers, kinds)
    print("| revoked | times | refused to | p50, s | p99, s | longest, s |")
    print("|---|---|---|---|---|---|")
    for kind in (*REVOCATIONS, "all"):
        of = [lag for k, lag in zip(kinds, lags, strict=True) if kind in (k, "all")]
        _print(kind, "a request", sorted(lag.request for lag in of))
        _print(kind, "a subscription", sorted(lag.subscription for lag in of))
    print(f"load average after: {os.getloadavg()[0]:.1f}")


async def _revoked(servers: Servers, kinds: list[str]) -> list[Lag]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(kind: str) -> Lag:
        async with turns:
            return await servers.revoke(kind)

    return await asyncio.gather(*map(one, kinds))


def _print(kind: str, whom: str, lags: list[float]) -> None:
    p50, p99 = (lags[min(len(lags) - 1, len(lags) * share // 100)] for share in (50, 99))
    print(f"| {kind} | {len(lags)} | {whom} | {p50:.2f} | {p99:.2f} | {lags[-1]:.2f} |")


if __name__ == "__main__":
    typer.run(main)
