"""Which ways in there are beside the password, and whose word counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import httpx2

from crm_api.providers.keys import keys_at, keys_in
from crm_api.providers.oidc import OidcSettings
from crm_api.providers.verifier import STANDARD_ALGORITHMS, Verifier
from crm_core import Clock

__all__ = ["PASSWORDS_ONLY", "BearerSettings", "WaysIn"]


@dataclass(frozen=True, slots=True)
class BearerSettings:
    """Whose bearer tokens are taken beside ours. `keys`: a JWKS, by file or by https."""

    issuer: str
    audience: str
    keys: str
    algorithms: tuple[str, ...] = STANDARD_ALGORITHMS

    def verifier(self, client: httpx2.AsyncClient, clock: Clock) -> Verifier:
        by_address = self.keys.startswith(("https://", "http://"))
        keys = keys_at(client, self.keys) if by_address else keys_in(Path(self.keys))
        return Verifier(self.issuer, self.audience, keys, clock, self.algorithms)


@dataclass(frozen=True, slots=True)
class WaysIn:
    oidc: OidcSettings | None = None
    bearer: BearerSettings | None = None


PASSWORDS_ONLY = WaysIn()
