"""Whose word counts, and how it must be signed. It imports no library that speaks to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from crm_api.providers.strength import MFA, Strength

__all__ = [
    "ACCESS_TYPE",
    "ALGORITHMS",
    "STANDARD_ALGORITHMS",
    "BearerSettings",
    "OidcSettings",
    "is_loopback",
]

ALGORITHMS: Final = frozenset(
    f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)
) | {"EdDSA", "Ed25519"}
"""Those that may be pinned; none of them works with a secret that is shared."""

STANDARD_ALGORITHMS: Final = ("RS256", "ES256")
ACCESS_TYPE: Final = "at+jwt"
"""The type (`typ`) of an access token (RFC 9068, section 2.1)."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """`redirect_uri` is the client's page to which the provider sends people back. `strong`: how
    it says that it has seen more than one factor.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str | None = field(default=None, repr=False)
    algorithms: tuple[str, ...] = STANDARD_ALGORITHMS
    scope: str = "openid email"
    matches_email: bool = False
    strong: Strength = MFA


@dataclass(frozen=True, slots=True)
class BearerSettings:
    """Whose bearer tokens are taken beside ours. `keys`: a JWKS, by file or by https. `strong`:
    how a token says that more than one factor has shown whom it is about.
    """

    issuer: str
    audience: str
    keys: str
    algorithms: tuple[str, ...] = STANDARD_ALGORITHMS
    token_type: str = ACCESS_TYPE
    strong: Strength = MFA


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
