"""Identifiers: time-ordered for new things, derived where a repeat must give the same id."""

from __future__ import annotations

import secrets
import time
from random import Random
from typing import Protocol
from uuid import UUID, uuid5

from crm_core.kernel.clock import Clock

__all__ = ["Ids", "RandomIds", "SeededIds", "derived_id", "new_id", "tenant_id_of"]

_ROOT = UUID("5f0c9e0e-6a0e-5c5b-9d4e-2f6f7f1f8a01")  # the namespace of every derived id


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, then random bits."""
    return _uuid7(time.time_ns() // 1_000_000, secrets.randbits(74))


def derived_id(tenant_id: UUID, *parts: object) -> UUID:
    """The UUIDv5 of the parts in the tenant's namespace: the same parts give the same id."""
    return uuid5(tenant_id, "\x1f".join(str(part) for part in parts))


def tenant_id_of(name: str) -> UUID:
    """A tenant's id from its name, so that every process and every replay agrees on it."""
    return uuid5(_ROOT, f"tenant:{name}")


class Ids(Protocol):
    def new(self) -> UUID:
        """An id that was never given before."""


class RandomIds:
    def new(self) -> UUID:
        return new_id()


class SeededIds:
    """The same seed and the same clock give the same ids; for generators and simulations."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self._random = Random(seed)  # noqa: S311 - ids of made-up companies, not secrets
        self._clock = clock

    def new(self) -> UUID:
        milliseconds = int(self._clock.now().timestamp() * 1000)
        return _uuid7(milliseconds, self._random.getrandbits(74))


def _uuid7(milliseconds: int, random_74: int) -> UUID:
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | (random_74 >> 62) << 64
    return UUID(int=high | 0b10 << 62 | random_74 & 0x3FFF_FFFF_FFFF_FFFF)
