"""Bearer tokens: signed with a key of their own, valid for 12 hours, for one user of one tenant."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cachetools import LRUCache
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from crm_core import Actor, Clock, SystemClock

__all__ = ["Session", "Tokens"]

TOKEN_HOURS = 12
_ALGORITHM = "HS256"
_ISSUER = "crm"
_LENGTH_MAX = 2_048
_KNOWN_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """Who a credential speaks for, and until when; `session_id` of one who has signed in,
    `identity` of one whom another issuer vouches for: the issuer and its subject. `only_trusted`
    says that other than trusted documents are not run for it; `is_strong`, that more than one
    factor has shown who it is.
    """

    actor: Actor
    expires_at: datetime
    session_id: UUID | None = None
    identity: tuple[str, str] | None = None
    only_trusted: bool = False
    is_strong: bool = False


class Tokens:
    """JSON Web Tokens (RFC 7519) of one tenant; no other algorithm than HS256 is ever accepted."""

    def __init__(self, secret: bytes, tenant_id: UUID, clock: Clock | None = None) -> None:
        key = hmac.digest(secret, b"crm-api tokens", hashlib.sha256)
        self._key = OctKey.import_key(key)
        self._tenant = str(tenant_id)
        self._clock = clock or SystemClock()
        # By digest: a client sends one token with thousands of requests, and what was said under
        # our key stays said. Whether it is over, or was revoked, is asked each time.
        self._known: LRUCache[bytes, Session] = LRUCache(_KNOWN_MAX)

    def issue(self, user_id: UUID, session_id: UUID | None = None) -> tuple[str, Session]:
        """A token that is good for 12 hours, as long as the session, if it is of one, goes on."""
        now = self._clock.now()
        expires_at = now + timedelta(hours=TOKEN_HOURS)
        session = Session(Actor.user(user_id), expires_at, session_id)
        claims = {
            "iss": _ISSUER,
            "sub": str(user_id),
            "tenant": self._tenant,
            "iat": int(now.timestamp()),
            "exp": int(session.expires_at.timestamp()),
        }
        if session_id is not None:
            claims["sid"] = str(session_id)
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key, algorithms=[_ALGORITHM]), session

    def read(self, token: str) -> Session | None:
        """The session of a token, or None where it is not ours, not this tenant's or over."""
        if len(token) > _LENGTH_MAX:
            return None
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        session = self._known.get(digest) or self._verified(token)
        if session is None or not self.is_valid(session):
            return None
        self._known[digest] = session
        return session

    def _verified(self, token: str) -> Session | None:
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
            if claims["iss"] != _ISSUER or claims["tenant"] != self._tenant:
                return None
            return Session(
                Actor.user(UUID(claims["sub"])),
                datetime.fromtimestamp(claims["exp"], UTC),
                UUID(claims["sid"]) if "sid" in claims else None,
            )
        except (JoseError, KeyError, TypeError, ValueError, AttributeError):
            return None

    def is_valid(self, session: Session) -> bool:
        """Whether the session is not over."""
        return self._clock.now() < session.expires_at
