"""Signing in at a real OpenID provider, and what it takes not to believe a wrong one."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import structlog
from joserfc import jwt
from joserfc.jwk import RSAKey

from crm_api.app import create_app
from crm_api.graphql.ids import global_id
from crm_api.http.account import open_session
from crm_api.providers import verifier as verifier_module
from crm_api.providers.fetching import new_client as new_fetching_client
from crm_api.providers.keys import IssuerKeys
from crm_api.providers.verifier import Verifier, verifier_of
from crm_api.services import Services, open_services
from crm_api.signing_in import BearerSettings, OidcSettings, WaysIn
from crm_core import SYSTEM, Crm, SystemClock
from crm_core.identity import (
    ActivateUser,
    GrantRole,
    InviteUser,
    LinkIdentity,
    SetPassword,
    SuspendUser,
    UnlinkIdentity,
)
from crm_core.identity.user import events as e
from oidc_provider import SigningProvider, provider
from signing_in_people import new_client

ROOT_KEY = bytes(range(32))
# The provider runs in a thread of this process, and uses what its libraries will give up one day.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SECRET = "the client's secret at the provider"
PASSWORD = "correct horse battery staple"
AUDIENCE = "https://api.example.com"


@pytest.fixture(scope="module")
def at() -> Iterator[SigningProvider]:
    with provider() as made:
        yield made


@pytest.fixture(scope="module")
async def served(shared_database_url: str, at: SigningProvider) -> AsyncIterator[Services]:
    ways_in = WaysIn(
        oidc=OidcSettings(
            issuer=at.address,
            client_id="crm",
            client_secret=SECRET,
            redirect_uri="https://app.example.com/back",
            matches_email=True,
        ),
        bearer=BearerSettings(at.address, AUDIENCE, f"{at.address}/jwks"),
    )
    async with open_services(shared_database_url, ROOT_KEY, ways_in=ways_in) as opened:
        yield opened


@pytest.fixture
async def http(served: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with new_client(served) as client:
        yield client


@pytest.fixture(autouse=True)
def honest(at: SigningProvider) -> Iterator[None]:
    yield
    at.forge = None


async def new_user(crm: Crm, **invited: Any) -> UUID:
    invite = InviteUser(name="Rosa", **invited)
    for command in (
        invite,
        ActivateUser(user_id=invite.user_id),
        GrantRole(user_id=invite.user_id, role="sales"),
    ):
        await crm.execute(command, SYSTEM)
    return invite.user_id


async def linked_user(served: Services, at: SigningProvider) -> tuple[UUID, str]:
    user_id, subject = await new_user(served.crm), uuid4().hex
    link = LinkIdentity(user_id=user_id, issuer=at.address, subject=subject)
    await served.crm.execute(link, SYSTEM)
    return user_id, subject


async def begin(http: httpx.AsyncClient) -> dict[str, str]:
    response = await http.post("/login/provider", json={})
    assert response.status_code == 200, response.text
    begun: dict[str, str] = response.json()
    return begun


async def sign_in(
    http: httpx.AsyncClient, at: SigningProvider, subject: str, **changed: str
) -> httpx.Response:
    begun = await begin(http)
    back = await at.authorize(begun["url"], subject)
    given = {"flow": begun["flow"], **back, **changed}
    return await http.post("/login/provider/finish", json=given)


def reason(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["extensions"]["reason"]


async def viewer(http: httpx.AsyncClient, bearer: str) -> str | None:
    response = await http.post(
        "/graphql",
        json={"query": "{ viewer { id } }"},
        headers={"authorization": f"Bearer {bearer}"},
    )
    return None if response.status_code == 401 else str(response.json()["data"]["viewer"]["id"])


REFUSED = (401, "login.provider_refused")


# --- the flow -------------------------------------------------------------------------------------


async def test_a_linked_user_gets_the_session_that_a_password_gives(
    http: httpx.AsyncClient, served: Services, at: SigningProvider
) -> None:
    user_id, subject = await linked_user(served, at)
    response = await sign_in(http, at, subject)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    answer = response.json()
    assert await viewer(http, answer["token"]) == answer["userId"] == global_id("User", user_id)
    again = await http.post("/session/refresh", json={"refreshToken": answer["refreshToken"]})
    assert again.status_code == 200
    await served.crm.execute(SuspendUser(user_id=user_id), SYSTEM)
    assert await viewer(http, again.json()["token"]) is None
    assert reason(await sign_in(http, at, subject)) == (401, "login.not_linked")


async def test_a_sign_in_at_the_provider_ends_the_session_that_it_comes_with(
    http: httpx.AsyncClient, served: Services, at: SigningProvider
) -> None:
    _, subject = await linked_user(served, at)
    former = (await sign_in(http, at, subject)).json()["token"]
    http.headers["authorization"] = f"Bearer {former}"
    try:
        again = await sign_in(http, at, subject)
    finally:
        del http.headers["authorization"]
    assert await viewer(http, former) is None
    assert await viewer(http, again.json()["token"]) is not None


async def test_whom_nobody_has_linked_gets_nothing(
    http: httpx.AsyncClient, at: SigningProvider
) -> None:
    assert reason(await sign_in(http, at, uuid4().hex)) == (401, "login.not_linked")


async def test_an_address_links_only_where_the_provider_has_verified_it(
    http: httpx.AsyncClient, served: Services, at: SigningProvider
) -> None:
    user_id = await new_user(served.crm, email="V@example.com")
    other_id = await new_user(served.crm, email="unverified@example.com")
    # The provider sends the subject as an address that nobody has verified.
    assert reason(await sign_in(http, at, "unverified@example.com")) == (401, "login.not_linked")
    response = await sign_in(http, at, "verified")
    assert response.json()["userId"] == global_id("User", user_id)
    kinds = [type(event.data) for event in await served.crm.history(user_id)]
    assert kinds.count(e.IdentityLinked) == 1
    assert (await sign_in(http, at, "verified")).status_code == 200
    assert len(await served.crm.history(user_id)) == len(kinds)
    assert e.IdentityLinked not in [type(r.data) for r in await served.crm.history(other_id)]


async def test_a_user_links_the_own_identity_by_proving_it(
    http: httpx.AsyncClient, served: Services, at: SigningProvider
) -> None:
    user_id, subject = await new_user(served.crm, email=f"{uuid4().hex}@example.com"), uuid4().hex
    token = (await open_session(served, user_id, "test", is_strong=False))["token"]
    begun = await begin(http)
    given = {"flow": begun["flow"], **await at.authorize(begun["url"], subject)}
    assert (await http.post("/account/identity", json=given)).status_code == 401
    bearer = {"authorization": f"Bearer {token}"}
    assert (await http.post("/account/identity", json=given, headers=bearer)).status_code == 200
    assert (await sign_in(http, at, subject)).json()["userId"] == global_id("User", user_id)
    (linked,) = [
        event for event in await served.crm.history(user_id)
        if isinstance(event.data, e.IdentityLinked)
    ]  # fmt: skip
    assert linked.actor.on_behalf_of == str(user_id)
    # Taken at one's word it is not: for oneself there is no such right.
    mutation = """mutation ($id: ID!, $i: String!) { userLinkIdentity(input:
      {userId: $id, issuer: $i, subject: "somebody"}) { userErrors { code } } }"""
    variables = {"id": global_id("User", user_id), "i": "https://other.example"}
    asked = await http.post(
        "/graphql", json={"query": mutation, "variables": variables}, headers=bearer
    )
    refused = asked.json()["data"]["userLinkIdentity"]["userErrors"]
    assert refused == [{"code": "access.denied"}]


async def test_nobody_begins_where_no_provider_is_set_up(api: Any) -> None:
    assert reason(await api.http.post("/login/provider", json={})) == (400, "login.no_provider")


# --- what is not believed -------------------------------------------------------------------------


async def test_a_state_or_a_flow_that_is_another_ones_is_refused(
    http: httpx.AsyncClient, served: Services, at: SigningProvider
) -> None:
    _, subject = await linked_user(served, at)
    other = await begin(http)
    assert reason(await sign_in(http, at, subject, state="another")) == REFUSED
    assert reason(await sign_in(http, at, subject, flow=other["flow"])) == REFUSED
    for garbage in ("", "x", "é", other["flow"][:-4] + "AAA="):
        assert reason(await sign_in(http, at, subject, flow=garbage)) == REFUSED
    assert reason(await sign_in(http, at, subject, iss="https://evil.example")) == REFUSED


async def test_a_code_is_good_once_and_for_who_began_only(
    http: httpx.AsyncClient, served: Services, at: SigningProvider
) -> None:
    _, subject = await linked_user(served, at)
    begun = await begin(http)
    given = {"flow": begun["flow"], **await at.authorize(begun["url"], subject)}
    assert (await http.post("/login/provider/finish", json=given)).status_code == 200
    assert reason(await http.post("/login/provider/finish", json=given)) == REFUSED
    # A stolen code, put into a flow of the thief's own: the verifier is not the one it was for.
    thief, victim = await begin(http), await begin(http)
    stolen = await at.authorize(victim["url"], subject)
    thiefs_state = dict(httpx.QueryParams(thief["url"].partition("?")[2]))["state"]
    mixed = {"flow": thief["flow"], "code": stolen["code"], "state": thiefs_state}
    assert reason(await http.post("/login/provider/finish", json=mixed)) == REFUSED
    assert at.refused == ["challenge"]


def _signed_by_the_public_key(at: SigningProvider) -> Callable[[dict[str, Any]], str]:
    """As a secret that everybody knows: what a server falls for that trusts `alg`."""
    public = at.key.as_pem(private=False)

    def forge(claims: dict[str, Any]) -> str:
        said = _text({"alg": "HS256", "kid": at.key.kid}) + b"." + _text(claims)
        return (said + b"." + _url_safe(hmac.digest(public, said, "sha256"))).decode()

    return forge


def _url_safe(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _text(part: dict[str, Any]) -> bytes:
    return _url_safe(json.dumps(part).encode())


def _unsigned(claims: dict[str, Any]) -> str:
    return b".".join([_text({"alg": "none", "typ": "JWT"}), _text(claims), b""]).decode()


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "another"}, {"nonce": None}, {"aud": "another-client"}, {"aud": None},
        {"aud": ["crm", "another"]}, {"azp": "another"}, {"iss": "https://evil.example"},
        {"exp": 1}, {"exp": None}, {"exp": "soon"}, {"iat": None}, {"iat": 9_999_999_999},
        {"nbf": 9_999_999_999}, {"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": "x" * 256},
    ],
    ids=str,
)  # fmt: skip
async def test_a_signed_token_with_a_wrong_claim_is_refused(
    http: httpx.AsyncClient, served: Services, at: SigningProvider, change: dict[str, Any]
) -> None:
    _, subject = await linked_user(served, at)
    at.forge = at.signed
    assert (await sign_in(http, at, subject)).status_code == 200
    at.forge = lambda claims: at.signed(
        {name: value for name, value in (claims | change).items() if value is not None}
    )
    assert reason(await sign_in(http, at, subject)) == REFUSED


async def test_a_token_by_another_algorithm_or_key_is_refused(
    http: httpx.AsyncClient, served: Services, at: SigningProvider
) -> None:
    _, subject = await linked_user(served, at)
    stranger = RSAKey.generate_key(2048, auto_kid=True)
    posing = RSAKey.import_key(stranger.as_dict(private=True) | {"kid": at.key.kid})
    for forge in (
        _unsigned,
        _signed_by_the_public_key(at),
        lambda claims: at.signed(claims, stranger),
        lambda claims: at.signed(claims, posing),
        lambda claims: at.signed(claims, at.key, "RS512"),  # fine, but not pinned
        lambda claims: at.signed(claims)[:-8] + "AAAAAAAA",
        lambda claims: "x.y.z",
        lambda claims: "",
    ):
        at.forge = forge
        assert reason(await sign_in(http, at, subject)) == REFUSED


async def test_no_secret_is_in_the_log_or_in_an_answer(
    http: httpx.AsyncClient, served: Services, at: SigningProvider
) -> None:
    _, subject = await linked_user(served, at)
    begun = await begin(http)
    back = await at.authorize(begun["url"], subject)
    with structlog.testing.capture_logs() as logs:
        for state in ("wrong", back["state"]):
            given = {"flow": begun["flow"], **back, "state": state}
            response = await http.post("/login/provider/finish", json=given)
            assert SECRET not in response.text
            assert back["code"] not in response.text
    said = str(logs)
    for secret in (SECRET, subject, back["code"], begun["flow"], back["state"]):
        assert secret not in said
    assert SECRET not in repr(served.oidc.settings if served.oidc else None)


# --- the provider ---------------------------------------------------------------------------------


async def test_a_provider_that_speaks_for_another_issuer_is_none(
    shared_database_url: str, at: SigningProvider
) -> None:
    address = at.address.replace("localhost", "127.0.0.1")
    settings = OidcSettings(address, "crm", "https://app.example.com/back")
    async with open_services(shared_database_url, ROOT_KEY, ways_in=WaysIn(oidc=settings)) as wrong:
        assert wrong.oidc is not None
        # It names itself after the address it is asked at; so ask it by one that it does not name.
        wrong.oidc.settings = replace(settings, issuer=f"{address}/")
        transport = httpx.ASGITransport(create_app(wrong))
        async with httpx.AsyncClient(transport=transport, base_url="http://crm") as client:
            response = await client.post("/login/provider", json={})
    assert reason(response) == (503, "login.provider_away")


async def test_keys_may_change_and_are_not_asked_for_without_end() -> None:
    old, new = (RSAKey.generate_key(2048, auto_kid=True) for _ in range(2))
    sets, asked, now = [[old]], 0, 0.0

    async def read() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return {"keys": [key.as_dict(private=False) for key in sets[-1]]}

    keys = IssuerKeys(read, clock=lambda: now)
    checked = Verifier("https://issuer.example", "crm", keys, SystemClock())

    def token(key: RSAKey) -> str:
        claims = {"iss": "https://issuer.example", "sub": "s", "aud": "crm",
                  "iat": int(time.time()), "exp": int(time.time()) + 60}  # fmt: skip
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)

    assert await checked.claims(token(old)) is not None
    assert (await checked.claims(token(new)), asked) == (None, 1)
    sets.append([new])
    now = 31.0
    for _ in range(5):
        assert await checked.claims(token(new)) is not None
        assert await checked.claims(token(old)) is None
    assert asked == 2
    now = 100.0
    for _ in range(20):  # by keys that nobody has: one question in half a minute
        assert await checked.claims(token(RSAKey.generate_key(2048, auto_kid=True))) is None
        now += 1
    assert asked == 3
    assert await checked.claims(_unsigned({})) is None
    assert asked == 3


def test_only_public_key_algorithms_can_be_pinned() -> None:
    assert not {"none", "HS256", "HS384", "HS512"} & verifier_module.ALGORITHMS
    with pytest.raises(AssertionError):
        Verifier("https://issuer.example", "crm", None, SystemClock(), ("HS256",))  # type: ignore[arg-type]


# --- bearer tokens of others ----------------------------------------------------------------------


async def test_a_bearer_token_of_the_issuer_speaks_for_the_linked_user(
    http: httpx.AsyncClient, served: Services, at: SigningProvider
) -> None:
    user_id, subject = await linked_user(served, at)
    claims = {"iss": at.address, "sub": subject, "aud": [AUDIENCE],
              "iat": int(time.time()), "exp": int(time.time()) + 300}  # fmt: skip
    token = at.signed(claims, typ="at+jwt")
    assert await viewer(http, token) == global_id("User", user_id)
    session = await served.credentials.bearer(f"Bearer {token}")
    assert session is not None
    assert await served.credentials.is_good(session)
    for wrong in (
        at.signed(claims | {"aud": "crm"}, typ="at+jwt"),
        at.signed(claims | {"iss": "https://evil.example"}, typ="at+jwt"),
        at.signed(claims | {"exp": 1}, typ="at+jwt"),
        at.signed(claims | {"sub": "nobody"}, typ="at+jwt"),
        at.signed(claims, at.key, "RS512", typ="at+jwt"),
        _signed_by_the_public_key(at)(claims),
        _unsigned(claims),
        "a.b.c", "a" * 20_000,
    ):  # fmt: skip
        assert await viewer(http, wrong) is None
    await served.crm.execute(UnlinkIdentity(user_id=user_id, issuer=at.address), SYSTEM)
    assert await viewer(http, token) is None
    assert not await served.credentials.is_good(session)


@pytest.mark.parametrize(
    ("wanted", "taken", "refused"),
    [
        ("at+jwt", ("at+jwt", "application/at+jwt", "AT+JWT"), ("JWT", "logout+jwt", "")),
        ("JWT", ("JWT", "jwt", ""), ("at+jwt", "logout+jwt")),
    ],
)
async def test_a_token_of_another_type_permits_nothing(
    at: SigningProvider, wanted: str, taken: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    """An ID token too is signed by the issuer, and may be for the same audience."""
    claims = {"iss": at.address, "sub": "s", "aud": AUDIENCE,
              "iat": int(time.time()), "exp": int(time.time()) + 300}  # fmt: skip
    settings = BearerSettings(at.address, AUDIENCE, f"{at.address}/jwks", token_type=wanted)
    async with new_fetching_client() as client:
        checked = verifier_of(settings, client, SystemClock())
        for typ in taken:
            assert await checked.claims(at.signed(claims, typ=typ)) is not None, typ
        for typ in refused:
            assert await checked.claims(at.signed(claims, typ=typ)) is None, typ


async def test_a_password_of_the_user_still_works(
    http: httpx.AsyncClient, served: Services
) -> None:
    email = f"{uuid4().hex}@example.com"
    user_id = await new_user(served.crm, email=email)
    await served.crm.execute(SetPassword(user_id=user_id, password=PASSWORD), SYSTEM)
    response = await http.post("/login", json={"email": email, "password": PASSWORD})
    assert response.status_code == 200


async def test_guessing_is_slowed_down_for_one_address(http: httpx.AsyncClient) -> None:
    back = {"flow": "x", "code": "x", "state": "x"}
    for path, given in (("/login/provider", {}), ("/login/provider/finish", back)):
        answers = [await http.post(path, json=given) for _ in range(31)]
        assert 429 not in [answer.status_code for answer in answers[:30]]
        assert reason(answers[30]) == (429, "login.too_many_attempts")
