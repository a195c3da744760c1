"""A script that runs in Redis for all processes, and fails in silence: each then counts alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from crm_api.http.attempts import hashed

__all__ = ["SharedScript"]

log = structlog.get_logger()

_ANSWER_SECONDS_MAX = 1.0
_AWAY = (TimeoutError, RedisError, OSError)


class SharedScript:
    """Keys are of one tenant and of one `purpose`, and hashed: they name people."""

    def __init__(self, url: str, tenant_id: UUID, purpose: str, script: str) -> None:
        self._tenant_id = tenant_id
        self._purpose = purpose
        self._client = Redis.from_url(
            url,
            socket_connect_timeout=_ANSWER_SECONDS_MAX,
            socket_timeout=_ANSWER_SECONDS_MAX,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._client.register_script(script)
        self._is_away = False

    async def run(self, keys: Sequence[str], args: Sequence[Any]) -> Any | None:
        """What the script answers; None while Redis is away."""
        try:
            answer = await self._script(keys=[self._name(key) for key in keys], args=args)
        except _AWAY as error:
            self._fails(error)
            return None
        self._is_away = False
        return answer

    async def forget(self, key: str) -> None:
        try:
            await self._client.delete(self._name(key))
        except _AWAY as error:
            self._fails(error)

    async def close(self) -> None:
        await self._client.aclose()

    def _fails(self, error: Exception) -> None:
        if not self._is_away:
            log.warning(f"{self._purpose}.counted_here_only", error=type(error).__name__)
        self._is_away = True

    def _name(self, key: str) -> str:
        return f"crm.{self._purpose}:{hashed(f'{self._tenant_id} {key}').hex()}"
