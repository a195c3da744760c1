"""Documents of a provider over HTTP: bounded in time and size, never redirected."""

from __future__ import annotations

from typing import Any

import httpx2
import msgspec

__all__ = ["ProviderAway", "fetch_object", "new_client"]

SECONDS_MAX = 5.0
_BYTES_MAX = 1_000_000


class ProviderAway(Exception):
    """The provider does not answer, or not as it should; the cause is a word for the log."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def new_client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=SECONDS_MAX, follow_redirects=False)


async def fetch_object(client: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    """The JSON object there. Raises ProviderAway."""
    body = bytearray()
    try:
        async with client.stream("GET", url, headers={"accept": "application/json"}) as response:
            if response.status_code != 200:
                raise ProviderAway(f"status {response.status_code}")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _BYTES_MAX:
                    raise ProviderAway("too large")
        return msgspec.json.decode(bytes(body), type=dict[str, Any])
    except (httpx2.HTTPError, httpx2.InvalidURL, msgspec.DecodeError) as error:
        raise ProviderAway(type(error).__name__) from error
