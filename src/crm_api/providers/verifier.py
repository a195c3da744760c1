"""Whether a token (JWT, RFC 7519) is what an issuer has said to us, by algorithms that we name.

What a token says of its own algorithm decides nothing (RFC 8725, 3.1): it must be one of those
that were pinned, and these are of public keys only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from crm_api.providers.keys import IssuerKeys, keys_at, keys_in
from crm_api.providers.settings import ALGORITHMS, STANDARD_ALGORITHMS, BearerSettings
from crm_core import Clock

__all__ = ["Verifier", "verifier_of"]

SUBJECT_LENGTH_MAX = 255  # OpenID Connect Core 1.0, section 2
_LEEWAY_SECONDS = 30
_LENGTH_MAX = 16_384


class Verifier:
    """Of one issuer's tokens for one audience; of one type, where that is given: what it says to
    who has signed in is no permission to ask for anything.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        keys: IssuerKeys,
        clock: Clock,
        algorithms: tuple[str, ...] = STANDARD_ALGORITHMS,
        token_type: str | None = None,
    ) -> None:
        assert ALGORITHMS.issuperset(algorithms), "the settings have looked"
        self.issuer = issuer
        self._audience = audience
        self._keys = keys
        self._algorithms = list(algorithms)
        self._clock = clock
        self._type = None if token_type is None else _plain_type(token_type)

    async def claims(self, token: str) -> Mapping[str, Any] | None:
        """What the token says, all of it checked; None where anything is wrong with it.

        Raises ProviderAway where the issuer's keys cannot be had.
        """
        if len(token) > _LENGTH_MAX or not token.isascii():
            return None
        try:
            key_id = self._key_id(token)
        except (JoseError, ValueError):
            return None
        keys = await self._keys.having(key_id)
        # Without a name of a key, which providers with one key may leave out, it may be by any.
        for key in (keys,) if key_id is not None else tuple(keys):
            claims = self._checked(token, key)
            if claims is not None:
                return claims
        return None

    def _checked(self, token: str, key: Key | KeySet) -> Mapping[str, Any] | None:
        try:
            claims = jwt.decode(token, key, algorithms=self._algorithms).claims
            self._rules().validate(claims)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return claims if self._is_for_us(claims) else None

    def _key_id(self, token: str) -> str | None:
        """Raises JoseError, before any key is asked for, where algorithm or type is another one."""
        header = jws.extract_compact(token.encode()).headers()
        if header.get("alg") not in self._algorithms:
            raise JoseError("algorithm")
        if self._type not in (None, _plain_type(header.get("typ"))):
            raise JoseError("type")
        key_id = header.get("kid")
        return key_id if isinstance(key_id, str) else None

    def _rules(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            sub={"essential": True},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            iat={"essential": True},
        )

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        """With several audiences it must say that it is for us (OpenID Connect Core 3.1.3.7)."""
        audiences = claims["aud"]
        party = claims.get("azp")
        several = isinstance(audiences, list) and len(audiences) > 1
        named = party == self._audience if several or party is not None else True
        return named and 0 < len(claims["sub"]) <= SUBJECT_LENGTH_MAX


def _plain_type(typ: object) -> str:
    """As it is compared (RFC 7515, 4.1.9); a token that says none is a JWT like any other."""
    return str(typ or "JWT").lower().removeprefix("application/")


def verifier_of(issuer: BearerSettings, client: httpx2.AsyncClient, clock: Clock) -> Verifier:
    """Raises SetupError where its keys are a file that has none."""
    by_address = issuer.keys.startswith(("https://", "http://"))
    keys = keys_at(client, issuer.keys) if by_address else keys_in(Path(issuer.keys))
    return Verifier(
        issuer.issuer, issuer.audience, keys, clock, issuer.algorithms, issuer.token_type
    )
