"""Wake-ups between processes by Redis: one that appends tells those that wait.

Best effort: nobody waits for Redis and nothing is raised, whatever becomes of it. Wake-ups are lost
then, and who waits finds events by looking (`watch`). Redis keeps nothing, so flushing it loses
nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from crm_core.kernel.ending import end
from crm_core.kernel.errors import SetupError

__all__ = ["RedisSignal"]

log = structlog.get_logger()

_CHANNEL = "crm.ledger"
_ANSWER_SECONDS_MAX = 2.0  # Redis hangs that does not answer by then
_SILENCE_SECONDS_MAX = 5.0  # then it is asked whether it is there
_PAUSE_SECONDS_MIN = 0.005  # between two sends: what comes meanwhile goes together
_PAUSE_SECONDS_MAX = 5.0  # between two tries while it is away
_LAST_WORDS_SECONDS_MAX = 0.5  # for a command line that appends and ends


class RedisSignal:
    """A `Relay`. `url`: redis://, rediss:// (TLS) or unix://. Raises SetupError `redis.bad_url`.

    Connects once there is something to say or to hear, and again, with growing pauses, where that
    fails. The log says once that Redis is away, and once that it is back.
    """

    def __init__(self, url: str) -> None:
        try:
            self._client = Redis.from_url(
                url,
                socket_connect_timeout=_ANSWER_SECONDS_MAX,
                socket_timeout=_ANSWER_SECONDS_MAX,
                retry=Retry(NoBackoff(), 0),  # the tasks below try again
            )
        except ValueError:
            raise SetupError(
                "redis.bad_url", "CRM_REDIS_URL begins with redis://, rediss:// or unix://"
            ) from None
        self._unsent: dict[UUID, int] = {}  # the last position of each tenant
        self._sending: asyncio.Task[None] | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._failing: set[str] = set()

    def publish(self, tenant_id: UUID, position: int) -> None:
        self._unsent[tenant_id] = position
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(), name="redis sender")

    def listen(self, heard: Callable[[UUID, int], None]) -> None:
        self._hearing = asyncio.create_task(self._hear(heard), name="redis listener")

    async def close(self) -> None:
        if self._sending is not None and not self._failing:
            await asyncio.wait([self._sending], timeout=_LAST_WORDS_SECONDS_MAX)
        await end(self._sending, self._hearing)
        await self._client.aclose()

    async def _send(self) -> None:
        pause = _PAUSE_SECONDS_MIN
        while self._unsent:
            sending, self._unsent = self._unsent, {}
            try:
                pipeline = self._client.pipeline(transaction=False)
                for tenant_id, position in sending.items():
                    pipeline.publish(_CHANNEL, f"{tenant_id} {position}")
                await pipeline.execute()
            except Exception as error:  # noqa: BLE001 - no fault of Redis is one of the append's
                self._fails("sending", error)
                self._unsent = sending | self._unsent
                pause = _longer(pause)
            else:
                self._works("sending")
                pause = _PAUSE_SECONDS_MIN
            await asyncio.sleep(pause)

    async def _hear(self, heard: Callable[[UUID, int], None]) -> None:
        pause = _PAUSE_SECONDS_MIN
        while True:
            try:
                async with self._client.pubsub() as channel:
                    await channel.subscribe(_CHANNEL)
                    async for message in _messages(channel):
                        self._works("hearing")
                        pause = _PAUSE_SECONDS_MIN
                        said = _parsed(message["data"]) if message["type"] == "message" else None
                        if said is not None:
                            heard(*said)
            except Exception as error:  # noqa: BLE001 - nor one of those who wait
                self._fails("hearing", error)
            pause = _longer(pause)
            await asyncio.sleep(pause)

    def _fails(self, what: str, error: Exception) -> None:
        if not self._failing:
            # The type only: its text could hold what the address says of a password.
            log.warning("redis.away", error=type(error).__name__)
        self._failing.add(what)

    def _works(self, what: str) -> None:
        if what in self._failing:
            self._failing.discard(what)
            if not self._failing:
                log.info("redis.back")


async def _messages(channel: PubSub) -> AsyncIterator[dict[str, Any]]:
    """All that comes, answers to our own questions included. Raises TimeoutError on no answer."""
    is_asked = False
    while True:
        message = await channel.get_message(timeout=_SILENCE_SECONDS_MAX)
        if message is not None:
            is_asked = False
            yield message
        elif is_asked:
            raise TimeoutError
        else:
            await channel.ping()
            is_asked = True


def _parsed(said: bytes) -> tuple[UUID, int] | None:
    """Tenant and position; None for what is not ours."""
    with contextlib.suppress(ValueError):
        tenant_id, position = said.decode().split()
        return UUID(tenant_id), int(position)
    return None


def _longer(pause: float) -> float:
    return min(2 * pause, _PAUSE_SECONDS_MAX)
