"""Signing in, and what a token is worth."""

from __future__ import annotations

import asyncio
import base64
import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY
from uuid import uuid4

import pytest
import structlog
from joserfc import jwt

from crm_api.http.attempts import Attempts, Limit
from crm_api.http.shared_attempts import SharedAttempts
from crm_api.tokens import TOKEN_HOURS, Tokens
from crm_core import ManualClock, new_id, tenant_id_of
from crm_core.identity.user.user import User
from redis_server import RedisServer

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


async def test_attempts_are_forgotten_when_their_time_is_over() -> None:
    now = 0.0
    attempts = Attempts(clock=lambda: now)
    a, b = Limit("a", 2), Limit("b", 3)
    for _ in range(2):
        assert await attempts.take([a, b]) == 0
        now += 20
    assert await attempts.take([a, b]) == 20
    assert await attempts.take([b]) == 0  # what was refused was not counted
    assert await attempts.take([b]) > 0
    now += 20
    assert await attempts.take([a]) == 0
    assert await attempts.take([a]) > 0
    await attempts.forget("a")
    assert await attempts.take([a]) == 0


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


async def test_processes_share_the_attempts_and_none_gives_more(redis_server: RedisServer) -> None:
    here, there, elsewhere = (
        SharedAttempts(redis_server.url, tenant)
        for tenant in (TENANT, TENANT, tenant_id_of("other"))
    )
    limit = Limit("rosa@example.com", 5)
    waits = await asyncio.gather(*(each.take([limit]) for each in (here, there) for _ in range(4)))
    assert sorted(wait > 0 for wait in waits) == [False] * 5 + [True] * 3
    assert 0 < await there.take([limit]) <= 60
    assert await elsewhere.take([limit]) == 0  # of another tenant
    await there.forget(limit.key)
    assert await there.take([limit]) == 0
    with redis_server.client() as client:
        names = client.keys()
        assert b"rosa" not in b" ".join(names)
        assert all(0 < client.pttl(name) <= 60_000 for name in names)
    for each in (here, there, elsewhere):
        await each.close()


async def test_without_redis_each_process_counts_for_itself(redis_server: RedisServer) -> None:
    attempts = SharedAttempts(redis_server.url, TENANT)
    limit = Limit("rosa@example.com", 3)
    assert await attempts.take([limit]) == 0
    redis_server.kill()
    with structlog.testing.capture_logs() as logs:
        waits = [await attempts.take([limit]) for _ in range(4)]
    assert [wait > 0 for wait in waits] == [False, False, True, True]
    assert [entry["event"] for entry in logs] == ["attempts.counted_here_only"]
    await attempts.close()


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


def test_what_was_read_once_lets_nothing_in_that_is_like_it() -> None:
    tokens = Tokens(KEY, TENANT)
    token, session = tokens.issue(new_id())
    assert tokens.read(token) == tokens.read(token) == replace(session, expires_at=ANY)
    head, claims, signature = token.split(".")
    for forged in (f"{head}.{claims}.", f"{head}.{claims}.{signature[::-1]}", f"{token}A"):
        assert tokens.read(forged) is None


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
