"""Signing in, and what a token is worth."""

from __future__ import annotations

import base64
import json
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import structlog
from joserfc import jwt

from crm_api.http.attempts import Attempts
from crm_api.tokens import TOKEN_HOURS, Tokens
from crm_core import ManualClock, new_id, tenant_id_of
from crm_core.identity.user.user import User

KEY = bytes(range(32))
TENANT = tenant_id_of("main")
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
async def email(api: Any) -> str:
    """The address of an administrator with a password."""
    user = await api.services.crm.get(User, await api.invited("admin", password=PASSWORD))
    return str(user.email)


async def test_the_right_password_gives_a_token_that_works(api: Any, email: str) -> None:
    response = await api.http.post("/login", json={"email": email, "password": PASSWORD})
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    token = response.json()["token"]
    answer = await api.http.post(
        "/graphql",
        json={"query": "{ viewer { id email } }"},
        headers={"authorization": f"Bearer {token}"},
    )
    assert answer.json()["data"]["viewer"] == {"id": response.json()["userId"], "email": email}


async def test_a_wrong_password_and_an_unknown_address_look_the_same(api: Any, email: str) -> None:
    unknown = f"{uuid4().hex}@example.com"
    answers = []
    with structlog.testing.capture_logs() as logs:
        for given in ({"email": email, "password": "wrong " + PASSWORD},
                      {"email": unknown, "password": PASSWORD}):  # fmt: skip
            response = await api.http.post("/login", json=given)
            body = response.json()
            body["errors"][0]["extensions"].pop("traceId")
            answers.append((response.status_code, body))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401
    for secret in (PASSWORD, email, unknown):
        assert secret not in json.dumps(logs, default=str)


@pytest.mark.parametrize(
    "body", ["{}", "[]", "x", '{"email": 1, "password": "x"}',
             json.dumps({"email": "a@example.com", "password": "x" * 201})]
)  # fmt: skip
async def test_what_is_no_login_is_refused(api: Any, body: str) -> None:
    response = await api.http.post(
        "/login", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == 400


async def test_a_form_is_not_taken(api: Any) -> None:
    response = await api.http.post("/login", data={"email": "a", "password": "b"})
    assert response.status_code == 415


async def test_guessing_is_slowed_down_for_one_address(api: Any) -> None:
    email = f"{uuid4().hex}@example.com"
    given = {"email": email, "password": "a guess"}
    statuses = [(await api.http.post("/login", json=given)).status_code for _ in range(5)]
    assert statuses == [401] * 5
    response = await api.http.post("/login", json=given | {"email": email.upper()})
    assert response.status_code == 429
    assert 0 < int(response.headers["retry-after"]) <= 60
    assert response.json()["errors"][0]["extensions"]["code"] == "THROTTLED"


def test_attempts_are_forgotten_when_their_time_is_over() -> None:
    now = 0.0
    attempts = Attempts(2, 60, clock=lambda: now)
    for _ in range(2):
        assert attempts.seconds_to_wait("a") == 0
        attempts.count("a")
        now += 20
    assert attempts.seconds_to_wait("a") == 20
    assert attempts.seconds_to_wait("b") == 0
    now += 20
    assert attempts.seconds_to_wait("a") == 0
    attempts.forget("a")
    assert attempts.seconds_to_wait("a") == 0


# --- tokens ---------------------------------------------------------------------------------------


def test_a_token_lasts_twelve_hours() -> None:
    clock = ManualClock(datetime.now(UTC))
    tokens = Tokens(KEY, TENANT, clock)
    token, session = tokens.issue(new_id())
    assert tokens.read(token) is not None
    clock.advance(timedelta(hours=TOKEN_HOURS, seconds=-1))
    assert tokens.read(token) is not None
    clock.advance(timedelta(seconds=2))
    assert tokens.read(token) is None
    assert not tokens.is_valid(session)


def test_a_token_is_of_one_tenant_and_one_key() -> None:
    token, session = Tokens(KEY, TENANT).issue(new_id())
    read = Tokens(KEY, TENANT).read(token)
    assert read is not None
    assert read.actor == session.actor
    assert Tokens(KEY, tenant_id_of("other")).read(token) is None
    assert Tokens(bytes(32), TENANT).read(token) is None


def test_no_other_algorithm_is_accepted() -> None:
    tokens = Tokens(KEY, TENANT)
    token, _ = tokens.issue(new_id())
    claims = jwt.decode(token, tokens._key).claims
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the key is short for this algorithm
        stronger = jwt.encode({"alg": "HS512"}, claims, tokens._key, algorithms=["HS512"])
    assert tokens.read(stronger) is None
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    assert tokens.read(f"{unsigned}.{token.split('.')[1]}.") is None


@pytest.mark.parametrize("missing", ["iss", "sub", "tenant", "exp"])
def test_a_token_without_one_of_its_claims_is_none(missing: str) -> None:
    tokens = Tokens(KEY, TENANT)
    claims = dict(jwt.decode(tokens.issue(new_id())[0], tokens._key).claims)
    del claims[missing]
    assert tokens.read(jwt.encode({"alg": "HS256"}, claims, tokens._key)) is None
