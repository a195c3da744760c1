"""Passkeys, as a page that speaks to a browser's authenticator meets them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_api.graphql.ids import global_id
from crm_api.passkeys import CEREMONY_MINUTES, PasskeyRefused, Passkeys
from crm_api.services import Services, open_services
from crm_api.signing_in import PasskeySettings, WaysIn
from crm_core import SYSTEM, ManualClock
from crm_core.identity import (
    RemovePasskey,
    SuspendUser,
    User,
)
from crm_core.identity.user import events as e
from signing_in_people import (
    PASSWORD,
    Person,
    events_of,
    failures_of,
    new_client,
    new_person,
    post,
    reason,
)
from software_authenticator import Authenticator, Twist

ROOT_KEY = bytes(range(32))
ORIGIN = "https://app.example.com"
SETTINGS = PasskeySettings("example.com", (ORIGIN,))
REFUSED = (401, "login.passkey_refused")


@pytest.fixture(scope="module")
async def served(shared_database_url: str) -> AsyncIterator[Services]:
    ways_in = WaysIn(passkeys=SETTINGS)
    async with open_services(shared_database_url, ROOT_KEY, ways_in=ways_in) as opened:
        yield opened


@pytest.fixture
async def http(served: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with new_client(served) as client:
        yield client


@pytest.fixture
def device() -> Authenticator:
    return Authenticator(ORIGIN)


@pytest.fixture
async def rosa(served: Services) -> Person:
    return await new_person(served)


async def register(
    http: httpx.AsyncClient, who: Person, device: Authenticator, twist: Twist | None = None
) -> httpx.Response:
    asked = (await post(http, "/account/passkey", who.token)).json()
    credential = device.create(asked["options"], twist or Twist())
    given = {"flow": asked["flow"], "credential": credential, "label": "laptop"}
    response: httpx.Response = await post(http, "/account/passkey/confirm", who.token, **given)
    who.token = response.json().get("token", who.token)
    return response


async def registered(http: httpx.AsyncClient, who: Person, device: Authenticator) -> UUID:
    response = await register(http, who, device)
    assert response.status_code == 200, response.text
    return UUID(response.json()["passkeyId"])


async def asked_alone(http: httpx.AsyncClient) -> Any:
    return (await post(http, "/login/passkey")).json()


async def asked_second(http: httpx.AsyncClient, who: Person) -> Any:
    first = await post(http, "/login", email=who.email, password=PASSWORD)
    assert reason(first) == (401, "login.code_required")
    said = first.json()["errors"][0]["extensions"]
    assert said["factors"] == ["PASSKEY"]
    return (await post(http, "/login/passkey", flow=said["flow"])).json()


async def answer(
    http: httpx.AsyncClient, asked: Any, device: Authenticator, twist: Twist | None = None
) -> httpx.Response:
    credential = device.get(asked["options"], twist or Twist())
    response: httpx.Response = await post(
        http, "/login/passkey/finish", flow=asked["flow"], credential=credential
    )
    return response


async def types_of(served: Services, who: Person) -> list[type]:
    return [type(event) for event in await events_of(served, who)]


# --- getting in -----------------------------------------------------------------------------------


async def test_a_passkey_lets_its_user_in_without_a_password(
    http: httpx.AsyncClient, served: Services, rosa: Person, device: Authenticator
) -> None:
    passkey_id = await registered(http, rosa, device)
    asked = await asked_alone(http)
    assert asked["options"]["allowCredentials"] == []
    assert asked["options"]["userVerification"] == "required"
    response = await answer(http, asked, device)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    signed_in = response.json()
    assert signed_in["userId"] == global_id("User", rosa.user_id)
    query = {"query": "{ viewer { id } }"}
    viewer = await post(http, "/graphql", signed_in["token"], **query)
    assert viewer.json()["data"]["viewer"]["id"] == signed_in["userId"]
    (used,) = [event for event in await events_of(served, rosa) if isinstance(event, e.PasskeyUsed)]
    assert (used.passkey_id, used.sign_count) == (passkey_id, 1)


async def test_a_passkey_is_the_second_factor_of_who_has_one(
    http: httpx.AsyncClient, rosa: Person, device: Authenticator
) -> None:
    await registered(http, rosa, device)
    asked = await asked_second(http, rosa)
    assert len(asked["options"]["allowCredentials"]) == 1
    unverified = Twist(is_verified=False)  # a key without a PIN will do beside a password
    assert reason(await answer(http, asked, device, unverified)) == (200, "in")
    wrong = await post(http, "/login", email=rosa.email, password="wrong " + PASSWORD)
    assert "flow" not in wrong.json()["errors"][0]["extensions"]


async def test_an_authenticator_that_does_not_count_is_let_in_again(
    http: httpx.AsyncClient, rosa: Person
) -> None:
    device = Authenticator(ORIGIN, counts=False)
    await registered(http, rosa, device)
    for _ in range(2):
        assert reason(await answer(http, await asked_alone(http), device)) == (200, "in")


# --- staying out ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "twist",
    [
        Twist(origin="https://app.example.com.evil.test"),
        Twist(rp_id="evil.test"),
        Twist(signature=b"\x30\x06\x02\x01\x01\x02\x01\x01"),
        Twist(is_verified=False),
        Twist(type="webauthn.create"),
    ],
    ids=["origin", "rp id", "signature", "not verified", "type"],
)
async def test_an_answer_that_proves_nothing_is_refused_and_recorded(
    http: httpx.AsyncClient, served: Services, rosa: Person, device: Authenticator, twist: Twist
) -> None:
    await registered(http, rosa, device)
    assert reason(await answer(http, await asked_alone(http), device, twist)) == REFUSED
    assert await failures_of(served, rosa) == ["passkey"]
    assert e.PasskeyUsed not in await types_of(served, rosa)
    assert reason(await answer(http, await asked_alone(http), device)) == (200, "in")


async def test_a_challenge_is_taken_once_by_all_processes(
    http: httpx.AsyncClient, served: Services, shared_database_url: str, rosa: Person
) -> None:
    device = Authenticator(ORIGIN, counts=False)  # so that only the challenge tells
    await registered(http, rosa, device)
    asked = await asked_alone(http)
    given = {"flow": asked["flow"], "credential": device.get(asked["options"])}
    ways_in = WaysIn(passkeys=SETTINGS)
    async with (
        open_services(shared_database_url, ROOT_KEY, ways_in=ways_in) as other,
        new_client(other) as elsewhere,
    ):
        answers = await asyncio.gather(
            *(post(client, "/login/passkey/finish", **given)
              for client in (http, elsewhere) for _ in range(3))
        )  # fmt: skip
        assert sorted(map(reason, answers)) == [(200, "in"), *[REFUSED] * 5]
    assert (await types_of(served, rosa)).count(e.PasskeyUsed) == 1


async def test_a_challenge_is_of_its_purpose_and_its_user(
    http: httpx.AsyncClient, served: Services, rosa: Person, device: Authenticator
) -> None:
    await registered(http, rosa, device)
    sam, sams = await new_person(served), Authenticator(ORIGIN)
    await registered(http, sam, sams)
    # Sam's own passkey for the challenge that Rosa's password gave.
    assert reason(await answer(http, await asked_second(http, rosa), sams)) == REFUSED
    # Sam's passkey, that says it is Rosa's.
    lie = Twist(user_handle=rosa.user_id.bytes)
    assert reason(await answer(http, await asked_alone(http), sams, lie)) == REFUSED
    # A challenge to register with, to sign in with.
    asked = (await post(http, "/account/passkey", rosa.token)).json()
    signing = {**asked["options"], "rpId": "example.com", "allowCredentials": []}
    given = {"flow": asked["flow"], "credential": device.get(signing)}
    assert reason(await post(http, "/login/passkey/finish", **given)) == REFUSED
    # What Rosa was asked, registered by Sam.
    given = {"flow": asked["flow"], "credential": sams.create(asked["options"]), "label": "x"}
    assert reason(await post(http, "/account/passkey/confirm", sam.token, **given)) == REFUSED
    # What was kept of the password, as what is kept of a challenge; and what was made up.
    first = await post(http, "/login", email=rosa.email, password=PASSWORD)
    halfway = first.json()["errors"][0]["extensions"]["flow"]
    for flow in (halfway, "", "x", asked["flow"][:-4] + "AAAA"):
        given = {"flow": flow, "credential": device.get(signing)}
        assert reason(await post(http, "/login/passkey/finish", **given)) == REFUSED
    assert reason(await post(http, "/login/passkey", flow=asked["flow"])) == REFUSED


async def test_a_challenge_is_over_after_five_minutes() -> None:
    clock = ManualClock(datetime.now(UTC))
    passkeys = Passkeys(SETTINGS, ROOT_KEY, clock)
    user = User.invite(uuid4(), clock.now(), name="Rosa", email="rosa@example.com")
    asked = passkeys.ask_to_register(user)
    credential = Authenticator(ORIGIN).create(asked.options)
    assert passkeys.registration(asked.flow, credential, user.id, "x").user_id == user.id
    clock.advance(timedelta(minutes=CEREMONY_MINUTES))
    with pytest.raises(PasskeyRefused, match="too late"):
        passkeys.registration(asked.flow, credential, user.id, "x")


async def test_a_count_that_goes_back_is_refused_and_recorded(
    http: httpx.AsyncClient, served: Services, rosa: Person, device: Authenticator
) -> None:
    await registered(http, rosa, device)
    (key,) = device.keys.values()
    for count, expected in ((8, (200, "in")), (4, REFUSED), (8, REFUSED), (9, (200, "in"))):
        key.count = count - 1  # one is added by the signature
        assert reason(await answer(http, await asked_alone(http), device)) == expected
    assert await failures_of(served, rosa) == ["passkey_copied"] * 2


@pytest.mark.parametrize("change", ["removed", "suspended"])
async def test_a_passkey_that_is_removed_or_whose_user_is_kept_out_opens_nothing(
    http: httpx.AsyncClient, served: Services, rosa: Person, device: Authenticator, change: str
) -> None:
    passkey_id = await registered(http, rosa, device)
    asked = await asked_alone(http)
    await served.crm.execute(
        {
            "removed": RemovePasskey(user_id=rosa.user_id, passkey_id=passkey_id),
            "suspended": SuspendUser(user_id=rosa.user_id),
        }[change],
        SYSTEM,
    )
    assert reason(await answer(http, asked, device)) == REFUSED


async def test_guessing_is_slowed_down_for_one_address(
    http: httpx.AsyncClient, rosa: Person, device: Authenticator
) -> None:
    await registered(http, rosa, device)
    given = {"flow": "x", "credential": {}}
    answers = [reason(await post(http, "/login/passkey/finish", **given)) for _ in range(30)]
    assert answers == [REFUSED] * 30
    slowed = await answer(http, await asked_alone(http), device)
    assert reason(slowed) == (429, "login.too_many_attempts")


# --- registering ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "twist",
    [
        Twist(origin="http://app.example.com"),
        Twist(rp_id="evil.test"),
        Twist(type="webauthn.get"),
        Twist(attestation={"fmt": "packed", "attStmt": {"alg": -7, "sig": b"x"}}),
    ],
    ids=["origin", "rp id", "type", "own signature"],
)
async def test_a_registration_that_proves_nothing_is_refused(
    http: httpx.AsyncClient, served: Services, rosa: Person, device: Authenticator, twist: Twist
) -> None:
    assert reason(await register(http, rosa, device, twist)) == REFUSED
    assert e.PasskeyRegistered not in await types_of(served, rosa)


@pytest.mark.parametrize(
    "attestation",
    [
        {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"x", "x5c": [b"x"]}},
        {"fmt": "apple", "attStmt": {"x5c": [b"x"]}},
    ],
    ids=["packed", "apple"],
)
def test_certificates_of_authenticators_are_not_looked_into(attestation: dict[str, Any]) -> None:
    passkeys = Passkeys(SETTINGS, ROOT_KEY, ManualClock(datetime.now(UTC)))
    user = User.invite(uuid4(), datetime.now(UTC), name="Rosa", email=None)
    asked = passkeys.ask_to_register(user)
    credential = Authenticator(ORIGIN).create(asked.options, Twist(attestation=attestation))
    with pytest.raises(PasskeyRefused, match=r"^attestation$"):
        passkeys.registration(asked.flow, credential, user.id, "x")


async def test_a_passkey_is_registered_once_and_by_one_user(
    http: httpx.AsyncClient, served: Services, rosa: Person, device: Authenticator
) -> None:
    asked = (await post(http, "/account/passkey", rosa.token)).json()
    given = {"flow": asked["flow"], "credential": device.create(asked["options"]), "label": "x"}
    confirm = "/account/passkey/confirm"
    first = await post(http, confirm, rosa.token, **given)
    assert reason(first) == (200, "in")
    rosa.token = first.json()["token"]
    assert reason(await post(http, confirm, rosa.token, **given)) == REFUSED
    again = (await post(http, "/account/passkey", rosa.token)).json()
    assert len(again["options"]["excludeCredentials"]) == 1
    sam = await new_person(served)
    theirs = (await post(http, "/account/passkey", sam.token)).json()
    twin = Authenticator(ORIGIN)
    copied = twin.create(theirs["options"], Twist(credential_id=next(iter(device.keys))))
    taken = {"flow": theirs["flow"], "credential": copied, "label": "x"}
    assert reason(await post(http, confirm, sam.token, **taken)) == (400, "claim.taken")


async def test_one_sees_and_removes_the_own_passkeys_and_an_administrator_those_of_others(
    http: httpx.AsyncClient, served: Services, rosa: Person, device: Authenticator
) -> None:
    first, second = [await registered(http, rosa, device) for _ in range(2)]
    listed = (await post(http, "/account/passkeys", rosa.token)).json()["passkeys"]
    assert [(p["id"], p["label"], p["usedAt"]) for p in listed] == [
        (str(first), "laptop", None), (str(second), "laptop", None),
    ]  # fmt: skip
    sam, boss = await new_person(served), await new_person(served, "admin")
    mutation = """mutation ($user: ID!, $passkey: ID!) { userRemovePasskey(
      input: {userId: $user, passkeyId: $passkey}) { userErrors { code } } }"""

    async def remove(who: Person, passkey_id: UUID) -> Any:
        variables = {"user": global_id("User", rosa.user_id), "passkey": str(passkey_id)}
        given = {"query": mutation, "variables": variables}
        answer = (await post(http, "/graphql", who.token, **given)).json()
        return [error["code"] for error in answer["data"]["userRemovePasskey"]["userErrors"]]

    assert await remove(sam, first) == ["access.denied"]
    assert await remove(rosa, first) == []
    assert (await post(http, "/account/passkeys", rosa.token)).status_code == 401  # it is over
    assert await remove(boss, second) == []
    assert (await types_of(served, rosa)).count(e.PasskeyRemoved) == 2
    assert reason(await post(http, "/login", email=rosa.email, password=PASSWORD)) == (200, "in")


async def test_neither_ids_nor_keys_are_shown_logged_or_stored_in_plain(
    http: httpx.AsyncClient, served: Services, rosa: Person, device: Authenticator
) -> None:
    with structlog.testing.capture_logs() as logs:
        await registered(http, rosa, device)
        await answer(http, await asked_alone(http), device, Twist(origin="https://evil.test"))
    user = await served.crm.get(User, rosa.user_id)
    (passkey,) = user.passkeys.values()
    query = """query ($id: ID!) { node(id: $id) {
      ... on User { history(first: 9) { nodes { type data } } } } }"""
    boss = await new_person(served, "admin")
    given = {"query": query, "variables": {"id": global_id("User", rosa.user_id)}}
    shown = (await post(http, "/graphql", boss.token, **given)).text
    assert "passkey_registered" in shown
    stored = b"".join([event.stored.data for event in await served.crm.history(rosa.user_id)])
    for secret in (str(passkey.credential_id), str(passkey.public_key)):
        assert secret not in shown
        assert secret not in json.dumps(logs, default=str)
        assert secret.encode() not in stored


async def test_where_passkeys_are_not_set_up_the_refusal_says_what_to_set(api: Any) -> None:
    response = await api.http.post("/login/passkey", json={})
    assert reason(response) == (400, "login.no_passkeys")
    assert "CRM_WEBAUTHN_RP_ID" in response.json()["errors"][0]["message"]


async def test_a_passkey_is_for_oneself_only(api: Any) -> None:
    assert (await api.http.post("/account/passkeys", json={})).status_code == 401


# --- what is no answer ----------------------------------------------------------------------------

_PIECES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9)
    | st.binary(max_size=40).map(lambda plain: plain.hex()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)  # fmt: skip
_FIELDS = ("id", "rawId", "type", "response")
_RESPONSE = (
    "clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle",
    "transports",
)  # fmt: skip


@settings(max_examples=200)
@given(piece=_PIECES, place=st.sampled_from(_FIELDS + _RESPONSE))
def test_garbage_in_any_place_is_refused_and_nothing_else(piece: Any, place: str) -> None:
    clock = ManualClock(datetime.now(UTC))
    passkeys, device = Passkeys(SETTINGS, ROOT_KEY, clock), Authenticator(ORIGIN)
    user = User.invite(uuid4(), clock.now(), name="Rosa", email="rosa@example.com")
    asked = passkeys.ask_to_register(user)
    made = device.create(asked.options)
    register = passkeys.registration(asked.flow, made, user.id, "x")
    user.register_passkey(
        register.passkey_id,
        credential_id=register.credential_id,
        public_key=register.public_key,
        sign_count=0,
        transports=(),
        label="x",
    )
    again = passkeys.ask(user)
    (passkey,) = user.passkeys.values()
    for credential in (made, device.get(again.options)):
        broken = {**credential, "response": dict(credential["response"])}
        (broken if place in _FIELDS else broken["response"])[place] = piece
        with contextlib.suppress(PasskeyRefused):
            if credential is made:
                passkeys.registration(asked.flow, broken, user.id, "x")
            else:
                passkeys.proof(passkeys.claim(again.flow, broken), passkey)
