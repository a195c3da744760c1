"""Attempts counted for all processes together, in Redis: more processes give no more guesses."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from crm_api.http.attempts import Attempts, Limit, hashed

__all__ = ["SharedAttempts"]

log = structlog.get_logger()

_ANSWER_SECONDS_MAX = 1.0

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
        self._tenant_id = tenant_id
        self._client = Redis.from_url(
            url,
            socket_connect_timeout=_ANSWER_SECONDS_MAX,
            socket_timeout=_ANSWER_SECONDS_MAX,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._client.register_script(_TAKE)
        self._is_away = False

    async def take(self, limits: Sequence[Limit]) -> float:
        here = await super().take(limits)
        if here > 0:
            return here
        given = [f"{value}" for at in limits for value in (at.attempts_max, at.window_ms)]
        try:
            wait = await self._script(
                keys=[self._name(at.key) for at in limits], args=[secrets.token_hex(8), *given]
            )
        except (TimeoutError, RedisError, OSError) as error:
            self._fails(error)
            return 0.0
        self._is_away = False
        return float(wait) / 1_000

    async def forget(self, key: str) -> None:
        await super().forget(key)
        try:
            await self._client.delete(self._name(key))
        except (TimeoutError, RedisError, OSError) as error:
            self._fails(error)

    async def close(self) -> None:
        await self._client.aclose()

    def _fails(self, error: Exception) -> None:
        if not self._is_away:
            log.warning("attempts.counted_here_only", error=type(error).__name__)
        self._is_away = True

    def _name(self, key: str) -> str:
        return f"crm.attempts:{hashed(f'{self._tenant_id} {key}').hex()}"
