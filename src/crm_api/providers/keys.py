"""The public keys of an issuer (JWKS, RFC 7517), from its address or from a file, and their change.

A key that is not known yet is looked for anew, as issuers change keys without telling; at most
every half minute, so that tokens of nobody cannot make us ask without end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from crm_api.providers.fetching import ProviderAway, fetch_object

__all__ = ["IssuerKeys", "keys_at", "keys_in"]

_GOOD_SECONDS = 3_600.0
_ANEW_SECONDS = 30.0


class IssuerKeys:
    """`read` gives the set as it is at the issuer. What was read before is good while it fails."""

    def __init__(
        self,
        read: Callable[[], Awaitable[dict[str, Any]]],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self._known: KeySet | None = None
        self._read_at = -_GOOD_SECONDS
        self._reading = asyncio.Lock()

    async def having(self, key_id: str | None) -> KeySet:
        """The keys, read anew where this one is not among them. Raises ProviderAway."""
        if self._is_due(key_id):
            async with self._reading:
                if self._is_due(key_id):
                    await self._read_anew()
        if self._known is None:
            raise ProviderAway("no keys")
        return self._known

    def _is_due(self, key_id: str | None) -> bool:
        age = self._clock() - self._read_at
        if self._known is None or age >= _GOOD_SECONDS:
            return age >= _ANEW_SECONDS
        has = key_id is None or any(key.kid == key_id for key in self._known)
        return not has and age >= _ANEW_SECONDS

    async def _read_anew(self) -> None:
        self._read_at = self._clock()
        try:
            self._known = KeySet.import_key_set(await self._read())  # type: ignore[arg-type]
        except (JoseError, KeyError, TypeError, ValueError) as error:
            if self._known is None:
                raise ProviderAway(type(error).__name__) from error
        except ProviderAway:
            if self._known is None:
                raise


def keys_at(client: httpx2.AsyncClient, url: str) -> IssuerKeys:
    return IssuerKeys(lambda: fetch_object(client, url))


def keys_in(file: Path) -> IssuerKeys:
    """The file may be changed while the server runs."""

    async def read() -> dict[str, Any]:
        try:
            return msgspec.json.decode(await asyncio.to_thread(file.read_bytes), type=dict)
        except (OSError, msgspec.DecodeError) as error:
            raise ProviderAway(type(error).__name__) from error

    return IssuerKeys(read)
