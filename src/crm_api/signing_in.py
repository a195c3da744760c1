"""Which ways in there are beside the password, and whose word counts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import httpx2
import msgspec

from crm_api.providers.keys import keys_at, keys_in
from crm_api.providers.oidc import OidcSettings
from crm_api.providers.strength import MFA, Strength
from crm_api.providers.verifier import ACCESS_TYPE, STANDARD_ALGORITHMS, Verifier
from crm_api.sent_codes import CodeSender
from crm_core import Clock

__all__ = [
    "HALFWAY_MINUTES",
    "PASSWORDS_ONLY",
    "BearerSettings",
    "Halfway",
    "PasskeySettings",
    "SecondFactor",
    "WaysIn",
]

HALFWAY_MINUTES = 10


class SecondFactor(StrEnum):
    OFFERED = "offered"  # to whoever wants one
    DEMANDED = "demanded"  # of everybody: by one factor, one may do nothing but set up another


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

    def verifier(self, client: httpx2.AsyncClient, clock: Clock) -> Verifier:
        by_address = self.keys.startswith(("https://", "http://"))
        keys = keys_at(client, self.keys) if by_address else keys_in(Path(self.keys))
        return Verifier(self.issuer, self.audience, keys, clock, self.algorithms, self.token_type)


@dataclass(frozen=True, slots=True)
class PasskeySettings:
    """`rp_id`: the domain that passkeys are made for. `origins`: the pages, scheme and all, that
    may ask for them, such as `https://app.example.com`; of this domain or below it.
    """

    rp_id: str
    origins: tuple[str, ...]
    name: str = "CRM"


@dataclass(frozen=True, slots=True)
class WaysIn:
    oidc: OidcSettings | None = None
    bearer: BearerSettings | None = None
    passkeys: PasskeySettings | None = None
    code_sender: CodeSender | None = None
    second_factor: SecondFactor = SecondFactor.OFFERED


PASSWORDS_ONLY = WaysIn()


class Halfway(msgspec.Struct, frozen=True):
    """Who has shown one factor, and owes another; the client keeps it, sealed."""

    user_id: UUID
