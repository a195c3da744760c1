"""Where somebody is signed in, and an end to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_api import credentials
from crm_api.graphql.ids import global_id
from crm_core.identity import User

from .test_account import PASSWORD, post, sign_in, user, viewer

__all__ = ["user"]

END = "mutation ($id: ID!) { sessionEnd(input: {sessionId: $id}) { userErrors { code } } }"


async def shown(api: Any, token: str) -> list[dict[str, Any]]:
    answer = await post(api, "/account/sessions", token)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["sessions"]
    return found


async def test_everybody_sees_where_they_are_signed_in(api: Any, user: User) -> None:
    first, second = [(await sign_in(api, user)).json()["token"] for _ in range(2)]
    latest, earlier = await shown(api, second)
    assert (latest["isThis"], earlier["isThis"]) == (True, False)
    assert [at["isThis"] for at in await shown(api, first)] == [False, True]
    lasts = [datetime.fromisoformat(latest[name]) for name in ("openedAt", "expiresAt")]
    assert lasts[1] - lasts[0] == timedelta(days=30)


async def test_one_of_the_own_sessions_is_ended_by_who_has_signed_in_lately(
    api: Any, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But everybody may sign out here, and administrators end the sessions of others."""
    lost, kept = [(await sign_in(api, user)).json()["token"] for _ in range(2)]
    there, here = [
        global_id("Session", api.services.tokens.read(token).session_id) for token in (lost, kept)
    ]

    async def ended(bearer: str, session: str) -> Any:
        body = await post(api, "/graphql", bearer, query=END, variables={"id": session})
        return [error["code"] for error in body.json()["data"]["sessionEnd"]["userErrors"]]

    monkeypatch.setattr(credentials, "RECENT_MINUTES", 0)
    for path in ("/account/sessions", "/account/sessions/end"):
        assert (await post(api, path, kept)).status_code == 401
    assert await ended(kept, there) == ["session.proof_needed"]
    assert await viewer(api, lost) is not None
    monkeypatch.undo()
    assert await ended(kept, there) == []
    assert await viewer(api, lost) is None
    assert len(await shown(api, kept)) == 1
    monkeypatch.setattr(credentials, "RECENT_MINUTES", 0)
    assert await ended(kept, here) == []
    assert await viewer(api, kept) is None


async def test_all_others_are_ended_at_once(api: Any, user: User) -> None:
    tokens = [(await sign_in(api, user)).json()["token"] for _ in range(4)]
    answer = await post(api, "/account/sessions/end", tokens[2])
    assert answer.json() == {"ended": 3}
    assert [await viewer(api, token) is not None for token in tokens] == [False, False, True, False]


@pytest.mark.parametrize("path", ["/account/sessions", "/account/sessions/end"])
async def test_neither_a_key_nor_an_impersonator_is_told(api: Any, user: User, path: str) -> None:
    token = (await sign_in(api, user)).json()["token"]
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = await post(api, "/account/keys", token, name="sync", scopes=["*.read"], expiresAt=soon)
    as_other = await post(
        api, "/session/impersonate", api.token("admin"), userId=global_id("User", user.id)
    )
    for bearer in (made.json()["key"], as_other.json()["token"]):
        assert (await post(api, path, bearer)).status_code == 403
    assert (await post(api, path)).status_code == 401
    assert await viewer(api, token) is not None


async def test_a_new_sign_in_ends_the_session_that_it_comes_with(api: Any, user: User) -> None:
    former, other = [(await sign_in(api, user)).json()["token"] for _ in range(2)]
    wrong = await post(api, "/login", former, email=user.email, password="not the right one")
    assert wrong.status_code == 401
    assert await viewer(api, former) is not None
    right = await post(api, "/login", former, email=user.email, password=PASSWORD)
    assert await viewer(api, former) is None
    assert await viewer(api, other) is not None
    assert await viewer(api, right.json()["token"]) is not None
