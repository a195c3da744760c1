"""Points counted for all processes together, in Redis: more processes give no more points."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple
from uuid import UUID

from cachetools import LRUCache

from crm_api.http.allowance import Allowance, Buckets, Charge, Throttled
from crm_api.http.shared_script import SharedScript

__all__ = ["SharedBuckets"]

_PORTIONS = 50  # a process takes so much of a bucket out at once, and asks again when it is used up
_HELD_MAX = 50_000

# Fills the bucket up by the clock of Redis, and takes out what is wanted, or at least what is
# needed. Answers what was taken, and what is left then.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local most, restored = tonumber(ARGV[1]), tonumber(ARGV[2])
local needed, wanted = tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
local level = most
if kept[1] then
    level = math.min(most, kept[1] + (now - kept[2]) * restored)
end
local taken = 0
if level >= needed then
    taken = math.floor(math.min(level, wanted))
    level = level - taken
end
redis.call('HSET', KEYS[1], 'level', tostring(level), 'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(most / restored) + 1)
return {taken, tostring(level)}
"""


class SharedBuckets(Buckets):
    """As `Buckets`, which it goes on to be while Redis is away.

    A portion of a bucket is taken out at once and used up here, so few requests ask Redis.
    """

    def __init__(self, url: str, tenant_id: UUID, allowance: Allowance) -> None:
        super().__init__(allowance)
        self._shared = SharedScript(url, tenant_id, "points", _TAKE)
        self._portion = max(1, allowance.maximum // _PORTIONS)
        self._held: LRUCache[str, _Held] = LRUCache(_HELD_MAX)

    async def charge(self, principal: str, cost: int) -> Charge:
        if self._of(principal).here < cost and not await self._fetched(principal, cost):
            return self.charge_here(principal, cost)
        held = self._of(principal)
        if held.here < cost:  # what is here stays: it was taken out
            seconds = ceil((cost - held.here - held.there) / self._allowance.restored)
            raise Throttled(max(1, seconds) if cost <= self._allowance.maximum else None)
        self._held[principal] = held = _Held(held.here - cost, held.there)
        return Charge(cost, cost, self._left_of(held), self._allowance)

    async def _fetched(self, principal: str, cost: int) -> bool:
        """Takes points out of what is there for all; whether Redis has answered."""
        needed = cost - self._of(principal).here
        wanted = max(needed, self._portion)
        answer = await self._shared.run(
            [principal], [self._allowance.maximum, self._allowance.restored, needed, wanted]
        )
        if answer is None:
            return False
        taken, level = answer
        self._held[principal] = _Held(self._of(principal).here + taken, int(float(level)))
        return True

    def price(self, principal: str, cost: int) -> Charge:
        return Charge(cost, 0, self._left_of(self._of(principal)), self._allowance)

    async def close(self) -> None:
        await self._shared.close()

    def _of(self, principal: str) -> _Held:
        return self._held.get(principal, _Held(0, self._allowance.maximum))

    def _left_of(self, held: _Held) -> int:
        return min(held.here + held.there, self._allowance.maximum)


class _Held(NamedTuple):
    """The points that were taken out for this process, and those that were left for all then."""

    here: int
    there: int
