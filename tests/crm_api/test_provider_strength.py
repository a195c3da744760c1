"""What a provider says of how somebody has signed in there, and what is made of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from crm_api.providers.strength import MFA, Strength
from crm_api.services import Services, open_services
from crm_api.signing_in import BearerSettings, OidcSettings, SecondFactor, WaysIn
from crm_core import SYSTEM
from crm_core.identity import LinkIdentity
from oidc_provider import SigningProvider, provider
from signing_in_people import (
    Person,
    demanding,
    enrol_totp,
    new_client,
    new_person,
    opened_session,
    post,
    reason,
)

ROOT_KEY = bytes(range(32))
# The provider runs in a thread of this process, and uses what its libraries will give up one day.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

AUDIENCE = "https://api.example.com"
STRONG = Strength(amr=frozenset({"mfa"}), acr=frozenset({"phr"}))
OWED = (403, "session.factor_needed")
SAID_STRONG: list[dict[str, Any]] = [{"amr": ["pwd", "mfa"]}, {"acr": "phr"}]
SAID_WEAK: list[dict[str, Any]] = [
    {}, {"amr": ["pwd"]}, {"amr": []}, {"amr": "mfa"}, {"amr": {"mfa": True}}, {"amr": [["mfa"]]},
    {"amr": ["MFA"]}, {"amr": None}, {"acr": "mfa"}, {"acr": ["phr"]}, {"acr": "0"},
    {"amr": ["phr"]},
]  # fmt: skip


@pytest.fixture(scope="module")
def at() -> Iterator[SigningProvider]:
    with provider() as made:
        yield made


@pytest.fixture(autouse=True)
def honest(at: SigningProvider) -> Iterator[None]:
    yield
    at.forge = None


@pytest.fixture(scope="module")
async def served(shared_database_url: str, at: SigningProvider) -> AsyncIterator[Services]:
    ways_in = WaysIn(
        oidc=OidcSettings(
            at.address, "crm", "https://app.example.com/back", "a secret", strong=STRONG
        ),
        bearer=BearerSettings(at.address, AUDIENCE, f"{at.address}/jwks", strong=STRONG),
        second_factor=SecondFactor.DEMANDED,
    )
    async with open_services(shared_database_url, ROOT_KEY, ways_in=ways_in) as opened:
        yield opened


@pytest.fixture
async def http(served: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with new_client(served) as client:
        yield client


@pytest.fixture
async def rosa(served: Services, at: SigningProvider) -> Person:
    """Somebody whom the provider knows by the same name."""
    who = await new_person(served)
    link = LinkIdentity(user_id=who.user_id, issuer=at.address, subject=str(who.user_id))
    await served.crm.execute(link, SYSTEM)
    return who


async def sign_in(
    http: httpx.AsyncClient, at: SigningProvider, who: Person, said: dict[str, Any]
) -> httpx.Response:
    """At the provider, which says this of it beside the rest."""
    at.forge = lambda claims: at.signed(claims | said)
    begun = (await post(http, "/login/provider")).json()
    back = await at.authorize(begun["url"], str(who.user_id))
    answer: httpx.Response = await post(http, "/login/provider/finish", flow=begun["flow"], **back)
    return answer


async def viewer(http: httpx.AsyncClient, bearer: str) -> tuple[int, str]:
    return reason(await post(http, "/graphql", bearer, query="{ viewer { id } }"))


@pytest.mark.parametrize("said", SAID_STRONG, ids=str)
async def test_where_the_provider_has_seen_two_factors_none_of_ours_is_asked_for(
    http: httpx.AsyncClient,
    served: Services,
    at: SigningProvider,
    rosa: Person,
    said: dict[str, Any],
) -> None:
    await enrol_totp(http, rosa)
    signed_in = (await sign_in(http, at, rosa, said)).json()
    assert signed_in["owesFactor"] is False
    assert await viewer(http, signed_in["token"]) == (200, "in")
    assert (await opened_session(served, signed_in["token"])).is_strong


@pytest.mark.parametrize("said", SAID_WEAK, ids=str)
async def test_who_has_a_factor_shows_it_where_the_provider_has_seen_one(
    http: httpx.AsyncClient,
    served: Services,
    at: SigningProvider,
    rosa: Person,
    said: dict[str, Any],
) -> None:
    totp, _ = await enrol_totp(http, rosa)
    asked = await sign_in(http, at, rosa, said)
    assert reason(asked) == (401, "login.code_required")
    beside = asked.json()["errors"][0]["extensions"]
    assert beside["factors"] == ["TOTP"]
    signed_in = await post(http, "/login/code", flow=beside["flow"], code=totp.now())
    assert await viewer(http, signed_in.json()["token"]) == (200, "in")
    assert (await opened_session(served, signed_in.json()["token"])).is_strong


async def test_who_has_none_sets_one_up_after_the_provider(
    http: httpx.AsyncClient, at: SigningProvider, rosa: Person
) -> None:
    signed_in = (await sign_in(http, at, rosa, {"amr": ["pwd"]})).json()
    assert signed_in["owesFactor"] is True
    assert await viewer(http, signed_in["token"]) == OWED
    rosa.token = signed_in["token"]
    await enrol_totp(http, rosa)
    assert await viewer(http, rosa.token) == (200, "in")


async def test_where_it_is_offered_the_second_factor_is_the_providers_business(
    served: Services, at: SigningProvider, rosa: Person
) -> None:
    async with new_client(demanding(served, SecondFactor.OFFERED)) as http:
        await enrol_totp(http, rosa)
        for said, is_strong in (({"amr": ["pwd"]}, False), ({"amr": ["mfa"]}, True)):
            signed_in = (await sign_in(http, at, rosa, said)).json()
            assert await viewer(http, signed_in["token"]) == (200, "in")
            assert (await opened_session(served, signed_in["token"])).is_strong is is_strong


async def test_the_provider_is_told_which_contexts_count(
    http: httpx.AsyncClient, served: Services
) -> None:
    """So that it may ask for more (OpenID Connect Core 1.0, section 3.1.2.1)."""
    begun = (await post(http, "/login/provider")).json()
    assert parse_qs(urlsplit(begun["url"]).query)["acr_values"] == ["phr"]
    assert served.oidc is not None
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(served.oidc, "settings", replace(served.oidc.settings, strong=MFA))
        plain = (await post(http, "/login/provider")).json()
    assert "acr_values" not in plain["url"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [*((said, (200, "in")) for said in SAID_STRONG), *((said, OWED) for said in SAID_WEAK)],
    ids=str,
)
async def test_a_bearer_token_of_the_issuer_is_as_strong_as_it_says(
    http: httpx.AsyncClient,
    served: Services,
    at: SigningProvider,
    rosa: Person,
    said: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    claims = {"iss": at.address, "sub": str(rosa.user_id), "aud": AUDIENCE, "jti": uuid4().hex,
              "iat": int(time.time()), "exp": int(time.time()) + 300}  # fmt: skip
    token = at.signed(claims | said, typ="at+jwt")
    assert await viewer(http, token) == expected
    async with new_client(demanding(served, SecondFactor.OFFERED)) as elsewhere:
        assert await viewer(elsewhere, token) == (200, "in")
    # It is of no sign-in here, so no way in is changed by it.
    assert reason(await post(http, "/account/totp", token)) == (401, "session.proof_needed")


def test_nothing_counts_where_nothing_is_named() -> None:
    for said in SAID_STRONG + SAID_WEAK:
        assert not Strength().is_in(said)
    assert MFA.is_in({"amr": ["mfa"]})
    assert not MFA.is_in({"acr": "mfa"})
