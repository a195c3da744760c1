"""Sessions, keys and the second factor, as a client meets them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest

from crm_api import credentials
from crm_api.graphql.ids import global_id, uuid_of
from crm_core import SYSTEM, Actor, ActorKind
from crm_core.identity import (
    EndSession,
    RemoveTotp,
    RevokeApiKey,
    SetPassword,
    SuspendUser,
    User,
)
from crm_core.identity.user import events as e
from signing_in_people import new_client, recorded

PASSWORD = "correct horse battery staple"
VIEWER = "{ viewer { id } }"


async def post(api: Any, path: str, bearer: str | None = None, **given: Any) -> Any:
    headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
    return await api.http.post(path, json=given, headers=headers)


async def viewer(api: Any, bearer: str) -> str | None:
    """Who the server takes the bearer for; None where it is refused."""
    response = await post(api, "/graphql", bearer, query=VIEWER)
    return None if response.status_code == 401 else str(response.json()["data"]["viewer"]["id"])


@pytest.fixture
async def user(api: Any) -> User:
    made: User = await api.services.crm.get(User, await api.invited("sales", password=PASSWORD))
    return made


async def sign_in(api: Any, user: User, **more: str) -> Any:
    return await post(api, "/login", email=user.email, password=PASSWORD, **more)


async def types_of(api: Any, user: User) -> list[type]:
    return [type(event.data) for event in await api.services.crm.history(user.id)]


# --- sessions -------------------------------------------------------------------------------------


async def test_a_session_ends_at_once_when_its_user_signs_out(api: Any, user: User) -> None:
    token = (await sign_in(api, user)).json()["token"]
    assert await viewer(api, token) == global_id("User", user.id)
    assert (await post(api, "/session/end", token)).status_code == 200
    assert await viewer(api, token) is None


@pytest.mark.parametrize("change", ["suspended", "new password", "revoked"])
async def test_a_session_ends_with_what_it_rests_on(api: Any, user: User, change: str) -> None:
    signed_in = (await sign_in(api, user)).json()
    (session_id, _) = signed_in["refreshToken"].split(".")
    await api.services.crm.execute(
        {
            "suspended": SuspendUser(user_id=user.id),
            "new password": SetPassword(user_id=user.id, password="another long passphrase"),
            "revoked": EndSession(session_id=uuid_of(_dashed(session_id))),  # type: ignore[arg-type]
        }[change],
        SYSTEM,
    )
    assert await viewer(api, signed_in["token"]) is None
    again = await post(api, "/session/refresh", refreshToken=signed_in["refreshToken"])
    assert again.status_code == 401


def _dashed(name: str) -> str:
    return f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}"


async def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_session(
    api: Any, user: User
) -> None:
    first = (await sign_in(api, user)).json()
    second = await post(api, "/session/refresh", refreshToken=first["refreshToken"])
    assert second.status_code == 200
    assert await viewer(api, second.json()["token"]) is not None
    stolen = await post(api, "/session/refresh", refreshToken=first["refreshToken"])
    assert stolen.status_code == 401
    for bearer in (first["token"], second.json()["token"]):
        assert await viewer(api, bearer) is None
    for garbage in ("", "x", ".", "0" * 32 + "."):
        response = await post(api, "/session/refresh", refreshToken=garbage)
        assert response.status_code == 401


# --- keys -----------------------------------------------------------------------------------------


async def issued(api: Any, token: str, **given: Any) -> Any:
    wanted = {
        "name": "sync",
        "scopes": ["customer.read", "customer.register_person"],
        "expiresAt": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
    }
    return await post(api, "/account/keys", token, **(wanted | given))


async def test_a_key_acts_for_its_user_within_its_scopes(api: Any, user: User) -> None:
    made = (await issued(api, (await sign_in(api, user)).json()["token"])).json()
    key = made["key"]
    assert await viewer(api, key) == global_id("User", user.id)
    answer = await post(api, "/graphql", key, query="{ customers(first: 1) { totalCount } }")
    assert "errors" not in answer.json()
    answer = await post(api, "/graphql", key, query="{ tickets(first: 1) { totalCount } }")
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    mutation = 'mutation { customerRegisterPerson(input: {name: "K"}) { receipt { position } } }'
    written = (await post(api, "/graphql", key, query=mutation)).json()["data"]
    position = written["customerRegisterPerson"]["receipt"]["position"]
    pages = api.services.crm.events(after=position - 1, up_to=position)
    (event,) = [event async for page in pages for event in page]
    key_id = uuid_of(made["keyId"], "ApiKey")
    assert event.actor == Actor(ActorKind.API_KEY, str(key_id), on_behalf_of=str(user.id))
    await api.services.crm.execute(RevokeApiKey(key_id=key_id), SYSTEM)  # type: ignore[arg-type]
    assert await viewer(api, key) is None


async def test_the_secret_of_a_key_is_shown_once_and_stored_nowhere(api: Any, user: User) -> None:
    made = (await issued(api, (await sign_in(api, user)).json()["token"])).json()
    _, _, secret = made["key"].removeprefix("crmk_").partition("_")
    query = """query ($id: ID!) { node(id: $id) {
      ... on ApiKey { history(first: 9) { nodes { data } } } } }"""
    shown = await api.data(query, id=made["keyId"])
    stored = b"".join([event.stored.data async for page in api.services.crm.events()
                       for event in page])  # fmt: skip
    assert secret not in str(shown)
    assert secret.encode() not in stored
    assert shown["node"]["history"]["nodes"][0]["data"]["digest"] is None
    for garbage in ("crmk_", "crmk_x", f"crmk_{'0' * 32}_x", made["key"][:-1]):
        assert await viewer(api, garbage) is None


async def test_a_key_is_for_oneself_unless_one_has_power_over_the_other(
    api: Any, user: User
) -> None:
    token = (await sign_in(api, user)).json()["token"]
    other = global_id("User", api.people["admin"])
    assert (await issued(api, token, userId=other)).status_code == 403
    long = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    refused = await issued(api, token, expiresAt=long)
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["reason"]) == (
        400, "api_key.bad_expiry",
    )  # fmt: skip
    assert (await post(api, "/account/keys")).status_code == 401


# --- impersonation --------------------------------------------------------------------------------


async def test_an_administrator_acts_as_another_and_both_are_recorded(api: Any, user: User) -> None:
    admin = await api.services.crm.get(User, await api.invited("admin", password=PASSWORD))
    token = (await sign_in(api, admin)).json()["token"]
    mine = await post(api, "/session/impersonate", token, userId=str(user.id))
    assert mine.status_code == 200
    as_user = mine.json()["token"]
    assert await viewer(api, as_user) == global_id("User", user.id)
    mutation = 'mutation { customerRegisterPerson(input: {name: "I"}) { receipt { position } } }'
    written = (await post(api, "/graphql", as_user, query=mutation)).json()["data"]
    position = written["customerRegisterPerson"]["receipt"]["position"]
    pages = api.services.crm.events(after=position - 1, up_to=position)
    (event,) = [event async for page in pages for event in page]
    assert event.actor == Actor(ActorKind.USER, str(admin.id), on_behalf_of=str(user.id))
    forbidden = await post(
        api, "/session/impersonate", (await sign_in(api, user)).json()["token"],
        userId=str(admin.id),
    )  # fmt: skip
    assert forbidden.status_code == 403


# --- the second factor ----------------------------------------------------------------------------


async def test_a_code_is_asked_for_taken_once_and_recorded(api: Any, user: User) -> None:
    token = (await sign_in(api, user)).json()["token"]
    enrolled = (await post(api, "/account/totp", token)).json()
    assert enrolled["uri"].startswith("otpauth://totp/")
    totp = pyotp.TOTP(enrolled["secret"])
    now = datetime.now(UTC)
    wrong = await post(api, "/account/totp/confirm", token, code="000000")
    assert wrong.status_code == 400
    earlier = totp.at(now - timedelta(seconds=30))
    confirmed = await post(api, "/account/totp/confirm", token, code=earlier)
    codes = confirmed.json()["recoveryCodes"]
    assert len(set(codes)) == 10

    async def reason(**more: str) -> tuple[int, str]:
        response = await sign_in(api, user, **more)
        body = response.json()
        said = body["errors"][0]["extensions"]["reason"] if "errors" in body else "in"
        return response.status_code, said

    assert await reason() == (401, "login.code_required")
    assert await reason(code=earlier) == (401, "login.wrong_code")
    assert await reason(code=totp.at(now)) == (200, "in")
    assert await reason(code=totp.at(now)) == (401, "login.wrong_code")
    assert await reason(code=codes[0].upper()) == (200, "in")
    await api.services.crm.execute(RemoveTotp(user_id=user.id), SYSTEM)
    assert await reason() == (200, "in")
    kinds = await types_of(api, user)
    assert kinds.count(e.TotpUsed) == kinds.count(e.RecoveryCodeUsed) == 1


async def test_a_changed_second_factor_ends_the_sessions_and_opens_another(
    api: Any, user: User
) -> None:
    here, there = [(await sign_in(api, user)).json()["token"] for _ in range(2)]
    totp = pyotp.TOTP((await post(api, "/account/totp", here)).json()["secret"])
    now = datetime.now(UTC)
    earlier = totp.at(now - timedelta(seconds=30))
    opened = (await post(api, "/account/totp/confirm", here, code=earlier)).json()["token"]
    assert [await viewer(api, token) for token in (here, there)] == [None, None]
    assert await viewer(api, opened) == global_id("User", user.id)
    await api.services.crm.execute(RemoveTotp(user_id=user.id), SYSTEM)
    assert await viewer(api, opened) is None


async def test_the_own_ways_in_are_changed_by_who_has_signed_in_lately(
    api: Any, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await sign_in(api, user)).json()["token"]
    mutation = """mutation ($id: ID!) { userRemoveTotp(input: {userId: $id})
      { userErrors { code } } }"""
    own = {"query": mutation, "variables": {"id": global_id("User", user.id)}}
    monkeypatch.setattr(credentials, "RECENT_MINUTES", 0)
    for bearer in (token, api.services.tokens.issue(user.id)[0]):
        refused = await post(api, "/account/totp", bearer)
        assert refused.status_code == 401
        assert refused.json()["errors"][0]["extensions"]["reason"] == "session.proof_needed"
        assert "insufficient_user_authentication" in refused.headers["www-authenticate"]
        answer = (await post(api, "/graphql", bearer, **own)).json()["data"]["userRemoveTotp"]
        assert answer["userErrors"] == [{"code": "session.proof_needed"}]
    assert await api.data(mutation, id=global_id("User", user.id))  # by an administrator
    monkeypatch.undo()
    assert (await post(api, "/account/totp", token)).status_code == 200
    answer = (await post(api, "/graphql", token, **own)).json()["data"]["userRemoveTotp"]
    assert answer["userErrors"] == []


async def test_the_present_password_is_not_guessed_in_a_session(api: Any, user: User) -> None:
    token = (await sign_in(api, user)).json()["token"]
    mutation = """mutation ($id: ID!, $present: String) { userSetPassword(input: {userId: $id,
      password: "another long passphrase", presentPassword: $present}) { userErrors { code } } }"""

    async def tried(present: str) -> Any:
        given = {"id": global_id("User", user.id), "present": present}
        return (await post(api, "/graphql", token, query=mutation, variables=given)).json()

    for _ in range(5):
        refused = (await tried("wrong " + PASSWORD))["data"]["userSetPassword"]
        assert refused["userErrors"] == [{"code": "user.wrong_password"}]
    assert (await tried(PASSWORD))["errors"][0]["extensions"]["code"] == "THROTTLED"
    await api.services.attempts.forget(f"present password {user.id}")
    assert (await tried(PASSWORD))["data"]["userSetPassword"] == {"userErrors": []}
    assert await viewer(api, token) is None


async def test_a_failed_sign_in_is_recorded_with_its_user(api: Any, user: User) -> None:
    await post(api, "/login", email=user.email, password="wrong " + PASSWORD)
    assert len(await recorded(api.services, user.id, e.SignInFailed)) == 1


async def test_a_user_whose_attempts_are_used_up_is_recorded_as_locked_once(
    api: Any, user: User
) -> None:
    given = {"email": user.email, "password": "wrong " + PASSWORD}
    async with new_client(api.services) as http:
        answers = [(await http.post("/login", json=given)).status_code for _ in range(8)]
    assert answers == [401] * 5 + [429] * 3
    assert len(await recorded(api.services, user.id, e.SignInFailed)) == 5
    (locked,) = await recorded(api.services, user.id, e.SignInLocked)
    assert locked.seconds == 60


async def test_a_weak_password_is_refused(api: Any, user: User) -> None:
    for weak in ("password1234", "aaaaaaaaaaaaaaa", "qwertyuiop123"):
        mutation = """mutation ($id: ID!, $p: String!) { userSetPassword(
          input: {userId: $id, password: $p}) { userErrors { code } } }"""
        data = await api.data(mutation, id=global_id("User", user.id), p=weak)
        assert data["userSetPassword"]["userErrors"] == [{"code": "user.weak_password"}]
