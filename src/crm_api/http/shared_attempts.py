"""Attempts counted for all processes together, in Redis: more processes give no more guesses."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from uuid import UUID

from crm_api.http.attempts import Attempts, Limit
from crm_api.http.shared_script import SharedScript

__all__ = ["SharedAttempts"]

# Looks at every key before it counts on any, by the clock of Redis. Answers milliseconds to wait.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
for i, key in ipairs(KEYS) do
    local most, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
    if redis.call('ZCARD', key) >= most then
        local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
        wait = math.max(wait, first[2] + window - now)
    end
end
if wait == 0 then
    for i, key in ipairs(KEYS) do
        redis.call('ZADD', key, now, ARGV[1])
        redis.call('PEXPIRE', key, ARGV[2 * i + 1])
    end
end
return wait
"""


class SharedAttempts(Attempts):
    """As `Attempts`, which it goes on to be while Redis is away; it counts there in any case."""

    def __init__(self, url: str, tenant_id: UUID) -> None:
        super().__init__()
        self._shared = SharedScript(url, tenant_id, "attempts", _TAKE)

    async def take(self, limits: Sequence[Limit]) -> float:
        here = await super().take(limits)
        if here > 0:
            return here
        given = [f"{value}" for at in limits for value in (at.attempts_max, at.window_ms)]
        wait = await self._shared.run([at.key for at in limits], [secrets.token_hex(8), *given])
        return 0.0 if wait is None else float(wait) / 1_000

    async def forget(self, key: str) -> None:
        await super().forget(key)
        await self._shared.forget(key)

    async def close(self) -> None:
        await self._shared.close()
