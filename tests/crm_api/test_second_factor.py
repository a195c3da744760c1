"""A second factor that is demanded, as who has one meets it, and who has none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from crm_api.app import create_app
from crm_api.graphql.ids import global_id
from crm_api.http.account import open_session
from crm_api.issued_secrets import made_refresh_token
from crm_api.services import Services, open_services
from crm_api.signing_in import PasskeySettings, SecondFactor, WaysIn
from crm_client import ApiError, Client
from crm_core import SYSTEM
from crm_core.identity import OpenSession, RemoveTotp
from crm_core.identity.user import events as e
from signing_in_people import (
    PASSWORD,
    Person,
    demanding,
    enrol_totp,
    events_of,
    new_client,
    new_person,
    opened_session,
    post,
    reason,
    sign_in,
)
from software_authenticator import Authenticator, Twist

from .test_sent_codes import Postman

ROOT_KEY = bytes(range(32))
ORIGIN = "https://app.example.com"
VIEWER = "{ viewer { id } }"
OWED = (403, "session.factor_needed")


@pytest.fixture(scope="module")
def postman() -> Postman:
    return Postman()


@pytest.fixture(scope="module")
async def served(shared_database_url: str, postman: Postman) -> AsyncIterator[Services]:
    ways_in = WaysIn(
        passkeys=PasskeySettings("example.com", (ORIGIN,)),
        code_sender=postman,
        second_factor=SecondFactor.DEMANDED,
    )
    async with open_services(shared_database_url, ROOT_KEY, ways_in=ways_in) as opened:
        yield opened


@pytest.fixture
def offering(served: Services) -> Services:
    """The same server, where a second factor is offered."""
    return demanding(served, SecondFactor.OFFERED)


@pytest.fixture
async def http(served: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with new_client(served) as client:
        yield client


@pytest.fixture
async def rosa(served: Services) -> Person:
    """Somebody who has a password, and no second factor."""
    return await new_person(served)


@pytest.fixture
def device() -> Authenticator:
    return Authenticator(ORIGIN)


async def viewer(http: httpx.AsyncClient, bearer: str) -> tuple[int, str]:
    return reason(await post(http, "/graphql", bearer, query=VIEWER))


def lately_opened(who: Person, *, is_strong: bool = False) -> tuple[OpenSession, str]:
    session_id = uuid4()
    made = made_refresh_token(session_id)
    command = OpenSession(
        session_id=session_id,
        user_id=who.user_id,
        digest=made.digest,
        expires_at=datetime.now(UTC) + timedelta(days=30),
        is_strong=is_strong,
    )
    return command, made.secret


# --- signing in -----------------------------------------------------------------------------------


async def test_who_has_a_second_factor_is_asked_for_it_and_may_do_everything(
    http: httpx.AsyncClient, served: Services, rosa: Person
) -> None:
    totp, _ = await enrol_totp(http, rosa)
    assert reason(await sign_in(http, rosa)) == (401, "login.code_required")
    signed_in = await sign_in(http, rosa, code=totp.now())
    assert signed_in.json()["owesFactor"] is False
    token = signed_in.json()["token"]
    assert await viewer(http, token) == (200, "in")
    assert (await opened_session(served, token)).is_strong


async def test_who_has_none_is_let_in_to_set_one_up(
    http: httpx.AsyncClient, served: Services, rosa: Person
) -> None:
    signed_in = (await sign_in(http, rosa)).json()
    assert signed_in["owesFactor"] is True
    assert not (await opened_session(served, signed_in["token"])).is_strong
    assert await viewer(http, signed_in["token"]) == OWED
    shown = (await post(http, "/account", signed_in["token"])).json()
    assert shown == {
        "userId": global_id("User", rosa.user_id), "name": "Rosa", "email": rosa.email,
        "owesFactor": True, "factors": [], "offered": ["TOTP", "PASSKEY", "SENT_CODE"],
    }  # fmt: skip


async def test_where_it_is_offered_a_password_is_enough(offering: Services, rosa: Person) -> None:
    async with new_client(offering) as http:
        signed_in = (await sign_in(http, rosa)).json()
        assert signed_in["owesFactor"] is False
        assert await viewer(http, signed_in["token"]) == (200, "in")
        assert not (await opened_session(offering, signed_in["token"])).is_strong


async def test_the_refusal_says_what_to_do(http: httpx.AsyncClient, rosa: Person) -> None:
    refused = await post(http, "/graphql", rosa.token, query=VIEWER)
    assert "POST /account/totp" in refused.json()["errors"][0]["message"]
    assert refused.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_code_follows_a_password_without_the_password_again(
    http: httpx.AsyncClient, served: Services, rosa: Person
) -> None:
    totp, enrolled = await enrol_totp(http, rosa)
    flow = (await sign_in(http, rosa)).json()["errors"][0]["extensions"]["flow"]
    finish, code = "/login/code", totp.now()
    assert reason(await post(http, finish, flow="x", code=code)) == (401, "login.wrong_code")
    assert reason(await post(http, finish, flow=flow, code="000000")) == (401, "login.wrong_code")
    signed_in = await post(http, finish, flow=flow, code=code)
    assert await viewer(http, signed_in.json()["token"]) == (200, "in")
    assert (await opened_session(served, signed_in.json()["token"])).is_strong
    again = await post(http, finish, flow=flow, code=code)
    assert reason(again) == (401, "login.wrong_code")
    recovered = await post(http, finish, flow=flow, code=enrolled["recoveryCodes"][0])
    assert reason(recovered) == (200, "in")


async def test_codes_after_a_password_are_not_guessed(
    http: httpx.AsyncClient, rosa: Person
) -> None:
    await enrol_totp(http, rosa)
    flow = (await sign_in(http, rosa)).json()["errors"][0]["extensions"]["flow"]
    tries = [await post(http, "/login/code", flow=flow, code=f"{n:06}") for n in range(6)]
    # The password was one of five attempts within the minute.
    assert [reply.status_code for reply in tries] == [401] * 4 + [429] * 2


async def test_a_code_that_was_sent_is_a_second_factor(
    http: httpx.AsyncClient, served: Services, rosa: Person, postman: Postman
) -> None:
    await enrol_sent_codes(http, rosa, postman)
    flow = (await sign_in(http, rosa)).json()["errors"][0]["extensions"]["flow"]
    sending = (await post(http, "/login/sent-code", flow=flow)).json()
    given = {"flow": sending["flow"], "code": postman.code}
    token = (await post(http, "/login/sent-code/finish", **given)).json()["token"]
    assert (await opened_session(served, token)).is_strong
    assert await viewer(http, token) == (200, "in")


async def test_a_passkey_is_two_factors_where_it_has_checked_who_holds_it(
    http: httpx.AsyncClient, served: Services, rosa: Person, device: Authenticator
) -> None:
    await enrol_passkey(http, rosa, device)
    asked = (await post(http, "/login/passkey")).json()
    given = {"flow": asked["flow"], "credential": device.get(asked["options"])}
    token = (await post(http, "/login/passkey/finish", **given)).json()["token"]
    assert (await opened_session(served, token)).is_strong
    assert await viewer(http, token) == (200, "in")


async def test_a_passkey_that_has_not_is_one_factor_beside_the_password_only(
    http: httpx.AsyncClient, served: Services, rosa: Person, device: Authenticator
) -> None:
    await enrol_passkey(http, rosa, device)
    touched = Twist(is_verified=False)
    alone = (await post(http, "/login/passkey")).json()
    given = {"flow": alone["flow"], "credential": device.get(alone["options"], touched)}
    refused = await post(http, "/login/passkey/finish", **given)
    assert reason(refused) == (401, "login.passkey_refused")
    flow = (await sign_in(http, rosa)).json()["errors"][0]["extensions"]["flow"]
    second = (await post(http, "/login/passkey", flow=flow)).json()
    given = {"flow": second["flow"], "credential": device.get(second["options"], touched)}
    token = (await post(http, "/login/passkey/finish", **given)).json()["token"]
    assert (await opened_session(served, token)).is_strong


# --- setting one up -------------------------------------------------------------------------------


async def enrol_passkey(http: httpx.AsyncClient, who: Person, device: Authenticator) -> Any:
    asked = await post(http, "/account/passkey", who.token)
    assert reason(asked) == (200, "in"), asked.text
    credential = device.create(asked.json()["options"], Twist(is_verified=False))
    given = {"flow": asked.json()["flow"], "credential": credential, "label": "key"}
    confirmed = await post(http, "/account/passkey/confirm", who.token, **given)
    who.token = confirmed.json().get("token", who.token)
    return confirmed


async def enrol_sent_codes(http: httpx.AsyncClient, who: Person, postman: Postman) -> Any:
    sending = (await post(http, "/account/sent-code", who.token)).json()
    given = {"flow": sending["flow"], "code": postman.code}
    confirmed = await post(http, "/account/sent-code/confirm", who.token, **given)
    who.token = confirmed.json().get("token", who.token)
    return confirmed


Enrol = Callable[[httpx.AsyncClient, Person, Postman], Awaitable[Any]]
FACTORS: dict[str, Enrol] = {
    "TOTP": lambda http, who, _: enrol_totp(http, who),
    "PASSKEY": lambda http, who, _: enrol_passkey(http, who, Authenticator(ORIGIN)),
    "SENT_CODE": enrol_sent_codes,
}


@pytest.mark.parametrize("role", ["sales", None], ids=["a role", "no role"])
@pytest.mark.parametrize("factor", FACTORS)
async def test_a_factor_that_is_set_up_opens_a_session_without_limits(
    http: httpx.AsyncClient, served: Services, postman: Postman, factor: str, role: str | None
) -> None:
    """By everybody: what is demanded takes no right."""
    who = await new_person(served, role)
    former = who.token
    await FACTORS[factor](http, who, postman)
    assert await viewer(http, former) == (401, "auth.required")
    assert await viewer(http, who.token) == (200, "in")
    assert (await opened_session(served, who.token)).is_strong
    shown = (await post(http, "/account", who.token)).json()
    assert (shown["owesFactor"], shown["factors"]) == (False, [factor])
    history = await served.crm.history(who.user_id)
    assert history[-1].actor.on_behalf_of == str(who.user_id)


async def test_a_factor_that_is_not_confirmed_opens_nothing(
    http: httpx.AsyncClient, rosa: Person
) -> None:
    await post(http, "/account/totp", rosa.token)
    assert reason(await post(http, "/account/totp/confirm", rosa.token, code="000000"))[0] == 400
    assert await viewer(http, rosa.token) == OWED
    assert (await sign_in(http, rosa)).json()["owesFactor"] is True


async def test_two_who_set_up_the_first_factor_at_once_do_not_both_succeed(
    http: httpx.AsyncClient, served: Services, rosa: Person
) -> None:
    """One of them may know the password only."""
    thief = replace(rosa, token=(await sign_in(http, rosa)).json()["token"])
    answers = await asyncio.gather(
        *(enrol_passkey(http, who, Authenticator(ORIGIN)) for who in (rosa, thief))
    )
    assert sorted(answer.status_code == 200 for answer in answers) == [False, True]
    kinds = [type(event) for event in await events_of(served, rosa)]
    assert kinds.count(e.PasskeyRegistered) == 1


@pytest.mark.parametrize(
    "path",
    ["/account/totp", "/account/totp/confirm", "/account/passkey", "/account/passkey/confirm",
     "/account/sent-code", "/account/sent-code/confirm", "/account/password", "/graphql"],
)  # fmt: skip
async def test_who_has_a_factor_shows_it_and_sets_up_no_other_by_one_factor(
    http: httpx.AsyncClient, served: Services, rosa: Person, path: str
) -> None:
    """As in a session from before it was asked how strong it is."""
    await enrol_totp(http, rosa)
    command, refresh_token = lately_opened(rosa)
    await served.crm.execute(command, SYSTEM)
    token, _ = served.tokens.issue(rosa.user_id, command.session_id)
    shown = (await post(http, "/account", token)).json()
    assert (shown["owesFactor"], shown["factors"]) == (True, ["TOTP"])
    assert reason(await post(http, path, token)) == OWED
    assert reason(await post(http, "/session/refresh", refreshToken=refresh_token)) == OWED


async def test_who_takes_the_last_factor_away_owes_one_again(
    http: httpx.AsyncClient, served: Services, rosa: Person
) -> None:
    await enrol_totp(http, rosa)
    await served.crm.execute(RemoveTotp(user_id=rosa.user_id), SYSTEM)
    assert await viewer(http, rosa.token) == (401, "auth.required")
    assert (await sign_in(http, rosa)).json()["owesFactor"] is True


# --- what else may be done by one factor ----------------------------------------------------------


async def test_who_owes_a_factor_signs_out(http: httpx.AsyncClient, rosa: Person) -> None:
    assert reason(await post(http, "/session/end", rosa.token)) == (200, "in")
    assert reason(await post(http, "/account", rosa.token)) == (401, "auth.required")


async def test_who_owes_a_factor_changes_the_password(
    http: httpx.AsyncClient, rosa: Person
) -> None:
    async def changed(present: str) -> tuple[int, str]:
        given = {"password": "another long passphrase", "presentPassword": present}
        return reason(await post(http, "/account/password", rosa.token, **given))

    assert await changed("wrong " + PASSWORD) == (400, "user.wrong_password")
    assert await changed(PASSWORD) == (200, "in")
    assert reason(await post(http, "/account", rosa.token)) == (401, "auth.required")
    given = {"email": rosa.email, "password": "another long passphrase"}
    assert (await post(http, "/login", **given)).json()["owesFactor"] is True


async def test_the_present_password_is_not_guessed_there(
    http: httpx.AsyncClient, rosa: Person
) -> None:
    given = {"password": "another long passphrase", "presentPassword": "wrong " + PASSWORD}
    tries = [await post(http, "/account/password", rosa.token, **given) for _ in range(6)]
    assert [reply.status_code for reply in tries] == [400] * 5 + [429]


async def test_a_session_that_owes_a_factor_is_not_renewed(
    http: httpx.AsyncClient, rosa: Person
) -> None:
    signed_in = (await sign_in(http, rosa)).json()
    again = await post(http, "/session/refresh", refreshToken=signed_in["refreshToken"])
    assert reason(again) == OWED
    assert again.json().keys() == {"errors"}


async def test_a_new_sign_in_ends_the_session_that_owed_a_factor(
    http: httpx.AsyncClient, rosa: Person
) -> None:
    given = {"email": rosa.email, "password": PASSWORD}
    assert reason(await post(http, "/login", rosa.token, **given)) == (200, "in")
    assert reason(await post(http, "/account", rosa.token)) == (401, "auth.required")


# --- how strong a session is ----------------------------------------------------------------------


async def test_what_was_opened_where_it_is_offered_counts_as_it_was_opened(
    http: httpx.AsyncClient, served: Services, offering: Services, rosa: Person
) -> None:
    async with new_client(offering) as elsewhere:
        by_password = (await sign_in(elsewhere, rosa)).json()["token"]
        assert await viewer(http, by_password) == OWED
        totp, _ = await enrol_totp(elsewhere, rosa)
        strong = (await sign_in(elsewhere, rosa, code=totp.now())).json()["token"]
    assert await viewer(http, strong) == (200, "in")


async def test_a_new_factor_does_not_stand_for_the_one_that_was_not_shown(
    served: Services, offering: Services, rosa: Person, device: Authenticator
) -> None:
    """Where nothing is demanded, a provider's word lets in who has time codes too."""
    async with new_client(offering) as http:
        await enrol_totp(http, rosa)
        opened = await open_session(offering, rosa.user_id, "provider", is_strong=False)
        rosa.token = opened["token"]
        await enrol_passkey(http, rosa, device)
    assert not (await opened_session(served, rosa.token)).is_strong


async def test_who_acts_as_another_is_as_strong_as_by_their_own_sign_in(
    http: httpx.AsyncClient, served: Services, offering: Services, rosa: Person
) -> None:
    boss = await new_person(served, "admin")
    wanted = {"userId": str(rosa.user_id)}
    assert reason(await post(http, "/session/impersonate", boss.token, **wanted)) == OWED
    async with new_client(offering) as elsewhere:
        weak = await post(elsewhere, "/session/impersonate", boss.token, **wanted)
        assert await viewer(elsewhere, weak.json()["token"]) == (200, "in")
    assert await viewer(http, weak.json()["token"]) == OWED
    await enrol_totp(http, boss)
    strong = await post(http, "/session/impersonate", boss.token, **wanted)
    assert await viewer(http, strong.json()["token"]) == (200, "in")
    assert (await opened_session(served, strong.json()["token"])).is_strong


async def test_a_token_of_no_session_is_of_one_factor(
    http: httpx.AsyncClient, served: Services, rosa: Person
) -> None:
    token, _ = served.tokens.issue(rosa.user_id)
    assert await viewer(http, token) == OWED


async def test_who_embeds_the_server_says_how_strong_a_session_is(
    http: httpx.AsyncClient, served: Services, rosa: Person
) -> None:
    for is_strong, expected in ((False, OWED), (True, (200, "in"))):
        command, _ = lately_opened(rosa, is_strong=is_strong)
        await served.crm.execute(command, SYSTEM)
        token, _ = served.tokens.issue(rosa.user_id, command.session_id)
        assert await viewer(http, token) == expected


async def test_an_auditor_sees_which_sessions_were_strong(
    http: httpx.AsyncClient, served: Services, rosa: Person
) -> None:
    weak = served.tokens.read(rosa.token)
    await enrol_totp(http, rosa)
    strong = served.tokens.read(rosa.token)
    auditor = await new_person(served, "auditor")
    await enrol_totp(http, auditor)
    query = """query ($id: ID!) { node(id: $id) { ... on Session {
      history(first: 1) { nodes { type data } } } } }"""
    for session, is_strong in ((weak, False), (strong, True)):
        assert session is not None
        variables = {"id": global_id("Session", session.session_id)}  # type: ignore[arg-type]
        given = {"query": query, "variables": variables}
        answer = (await post(http, "/graphql", auditor.token, **given)).json()
        (opened,) = answer["data"]["node"]["history"]["nodes"]
        assert opened["type"] == "identity.session.opened"
        assert opened["data"]["is_strong"] is is_strong


async def test_one_sees_which_of_the_own_sessions_are_strong(
    http: httpx.AsyncClient, served: Services, rosa: Person
) -> None:
    await enrol_totp(http, rosa)
    command, _ = lately_opened(rosa)
    await served.crm.execute(command, SYSTEM)
    sessions = (await post(http, "/account/sessions", rosa.token)).json()["sessions"]
    assert {s["isThis"]: s["isStrong"] for s in sessions} == {True: True, False: False}


# --- programs -------------------------------------------------------------------------------------


async def test_a_key_is_a_programs_and_is_issued_by_who_has_shown_two_factors(
    http: httpx.AsyncClient, rosa: Person
) -> None:
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    wanted = {"name": "sync", "scopes": ["*.read"], "expiresAt": soon}
    assert reason(await post(http, "/account/keys", rosa.token, **wanted)) == OWED
    await enrol_totp(http, rosa)
    key = (await post(http, "/account/keys", rosa.token, **wanted)).json()["key"]
    assert await viewer(http, key) == (200, "in")


async def test_the_client_signs_in_with_a_code_and_is_told_where_one_is_missing(
    http: httpx.AsyncClient, served: Services, rosa: Person
) -> None:
    app = create_app(served)
    async with Client.in_process(app, rosa.token) as client:
        with pytest.raises(ApiError) as refused:
            await client.viewer()
        assert refused.value.errors[0]["extensions"]["reason"] == "session.factor_needed"
    await enrol_totp(http, rosa)
    async with Client.in_process(app, rosa.token) as client:
        assert await client.viewer() is not None
