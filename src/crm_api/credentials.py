"""What a client proves who it is by: a signed-in user's token, a program's API key, or the token
of another issuer that is configured.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from crm_api.graphql.errors import ErrorCode
from crm_api.http.refusals import HttpRefusal
from crm_api.issued_secrets import is_key, parsed_key
from crm_api.providers.fetching import ProviderAway
from crm_api.providers.strength import MFA, Strength
from crm_api.providers.verifier import Verifier
from crm_api.signing_in import SecondFactor
from crm_api.tokens import Session, Tokens
from crm_core import Actor, ActorKind, Crm

__all__ = [
    "RECENT_MINUTES",
    "Credentials",
    "factor_needed",
]

log = structlog.get_logger()

RECENT_MINUTES = 15
_EPOCH_SECONDS_MAX = 253_402_300_799  # the year 9999 ends: datetimes go no further


def factor_needed() -> HttpRefusal:
    return HttpRefusal(ErrorCode.FORBIDDEN, "session.factor_needed")


class Credentials:
    """Asks the directory, so that what was revoked opens nothing within a second.

    `strong`: how a token of another issuer says that more than one factor was seen.
    """

    def __init__(
        self,
        crm: Crm,
        tokens: Tokens,
        others: Verifier | None = None,
        *,
        strong: Strength = MFA,
        second_factor: SecondFactor = SecondFactor.OFFERED,
    ) -> None:
        self._crm = crm
        self._tokens = tokens
        self._others = others
        self._strong = strong
        self.demands_factor = second_factor is SecondFactor.DEMANDED

    async def bearer(self, header: str) -> Session | None:
        """Who speaks by an Authorization header `Bearer <token or key>`; None where nobody does.

        Raises HttpRefusal `session.factor_needed` for who has shown one factor where two are
        demanded.
        """
        session = await self.anybody(header)
        if session is not None and self.owes_factor(session):
            raise factor_needed()
        return session

    def owes_factor(self, session: Session) -> bool:
        """Whether its user is to show a second factor first. A key is a program's, and has none."""
        is_person = session.actor.kind is ActorKind.USER
        return self.demands_factor and is_person and not session.is_strong

    async def anybody(self, header: str) -> Session | None:
        """As `bearer`, and who owes a factor too: for the few requests that such a one may send."""
        scheme, _, credential = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        credential = credential.strip()
        if is_key(credential):
            return await self._by_key(credential)
        session = self._tokens.read(credential) or await self._by_others(credential)
        return None if session is None else await self._going_on(session)

    async def is_good(self, session: Session) -> bool:
        """Whether the session has neither run out nor been ended since."""
        return self._tokens.is_valid(session) and await self._going_on(session) is not None

    async def is_recent(self, session: Session) -> bool:
        """Whether its user has signed in within the last `RECENT_MINUTES`."""
        if session.session_id is None:
            return False
        now = self._crm.store.ledger.clock.now()
        known = (await self._crm.authority.directory()).session(session.session_id, now)
        return known is not None and now < known.opened_at + timedelta(minutes=RECENT_MINUTES)

    async def _by_key(self, credential: str) -> Session | None:
        parsed = parsed_key(credential)
        if parsed is None:
            return None
        now = self._crm.store.ledger.clock.now()
        known = (await self._crm.authority.directory()).key(*parsed, now)
        if known is None:
            return None
        return Session(known.actor, known.expires_at, only_trusted=known.only_trusted)

    async def _by_others(self, token: str) -> Session | None:
        """The user who is linked to whom another issuer's token is about."""
        try:
            claims = None if self._others is None else await self._others.claims(token)
        except ProviderAway as away:
            log.error("bearer.keys_away", cause=away.cause)
            claims = None
        if claims is None:
            return None
        identity = (claims["iss"], claims["sub"])
        user_id = (await self._crm.authority.directory()).linked(*identity)
        if user_id is None:
            return None
        expires_at = datetime.fromtimestamp(min(claims["exp"], _EPOCH_SECONDS_MAX), UTC)
        is_strong = self._strong.is_in(claims)
        return Session(Actor.user(user_id), expires_at, identity=identity, is_strong=is_strong)

    async def _going_on(self, session: Session) -> Session | None:
        directory = await self._crm.authority.directory()
        if session.identity is not None:
            linked_id = directory.linked(*session.identity)
            return session if session.actor.id == str(linked_id) else None
        if session.session_id is None:
            return session
        known = directory.session(session.session_id, self._crm.store.ledger.clock.now())
        if known is None:
            return None
        return replace(session, actor=known.actor, is_strong=known.is_strong)
