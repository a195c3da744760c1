"""Links to a file, signed: whoever has one may get that file until it runs out."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from pathlib import Path

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from crm_core import Clock

__all__ = ["Links"]

_ALGORITHM = "HS256"
_ISSUER = "crm files"
_HOURS = 24


class Links:
    """`/files/<ticket>`, where the ticket is a JSON Web Token (RFC 7519) under a key of its own."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._key = OctKey.import_key(hmac.digest(secret, b"crm-api files", hashlib.sha256))
        self._clock = clock

    def link(self, path: Path) -> str:
        """The link, to be put behind the server's address; it is good for a day."""
        until = self._clock.now() + timedelta(hours=_HOURS)
        claims = {"iss": _ISSUER, "sub": path.name, "exp": int(until.timestamp())}
        ticket = jwt.encode({"alg": _ALGORITHM}, claims, self._key, algorithms=[_ALGORITHM])
        return f"/files/{ticket}"

    def named(self, ticket: str) -> str | None:
        """The name of the file, or None where the link is none of ours, or has run out."""
        try:
            claims = jwt.decode(ticket, self._key, algorithms=[_ALGORITHM]).claims
            good = claims["iss"] == _ISSUER and self._clock.now().timestamp() < claims["exp"]
            return str(claims["sub"]) if good else None
        except (JoseError, KeyError, TypeError, ValueError, AttributeError):
            return None
