"""Which ways in there are beside the password, and whose word counts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import msgspec

from crm_api.providers.settings import BearerSettings, OidcSettings
from crm_api.sent_codes import CodeSender

__all__ = [
    "HALFWAY_MINUTES",
    "PASSWORDS_ONLY",
    "BearerSettings",
    "Halfway",
    "OidcSettings",
    "PasskeySettings",
    "SecondFactor",
    "WaysIn",
]

HALFWAY_MINUTES = 10


class SecondFactor(StrEnum):
    OFFERED = "offered"  # to whoever wants one
    DEMANDED = "demanded"  # of everybody: by one factor, one may do nothing but set up another


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
