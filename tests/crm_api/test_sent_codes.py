"""Codes that are sent, as who signs in and who guesses meet them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import structlog

from crm_api.graphql.ids import global_id
from crm_api.sent_codes import (
    CODE_MINUTES,
    CodePurpose,
    CodeRefused,
    NotSent,
    SentCodes,
    SpooledCodes,
)
from crm_api.services import Services, open_services
from crm_api.signing_in import WaysIn
from crm_core import SYSTEM, ManualClock
from crm_core.identity import SuspendUser, TurnOffSentCodes
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
    recorded,
)

ROOT_KEY = bytes(range(32))
WRONG = (401, "login.wrong_code")


class Postman:
    """Keeps what it is given to send; `is_away`: it cannot send."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, CodePurpose]] = []
        self.is_away = False

    async def send(self, address: str, code: str, purpose: CodePurpose) -> None:
        if self.is_away:
            raise NotSent
        self.sent.append((address, code, purpose))

    @property
    def code(self) -> str:
        return self.sent[-1][1]


@pytest.fixture(scope="module")
def postman() -> Postman:
    return Postman()


@pytest.fixture(scope="module")
async def served(shared_database_url: str, postman: Postman) -> AsyncIterator[Services]:
    ways_in = WaysIn(code_sender=postman)
    async with open_services(shared_database_url, ROOT_KEY, ways_in=ways_in) as opened:
        yield opened


@pytest.fixture
async def http(served: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with new_client(served) as client:
        yield client


@pytest.fixture
async def rosa(served: Services, http: httpx.AsyncClient, postman: Postman) -> Person:
    """Somebody whose sign-in takes a code."""
    made = await new_person(served)
    sending = (await post(http, "/account/sent-code", made.token)).json()
    given = {"flow": sending["flow"], "code": postman.code}
    confirmed = await post(http, "/account/sent-code/confirm", made.token, **given)
    assert reason(confirmed) == (200, "in")
    made.token = confirmed.json()["token"]
    again = await post(http, "/account/sent-code/confirm", made.token, **given)
    assert reason(again) == WRONG  # it was taken
    return made


async def halfway(http: httpx.AsyncClient, who: Person) -> str:
    first = await post(http, "/login", email=who.email, password=PASSWORD)
    assert reason(first) == (401, "login.code_required")
    said = first.json()["errors"][0]["extensions"]
    assert said["factors"] == ["SENT_CODE"]
    return str(said["flow"])


async def begun(http: httpx.AsyncClient, who: Person) -> str:
    response = await post(http, "/login/sent-code", flow=await halfway(http, who))
    assert response.status_code == 200, response.text
    return str(response.json()["flow"])


async def finish(http: httpx.AsyncClient, flow: str, code: str) -> tuple[int, str]:
    return reason(await post(http, "/login/sent-code/finish", flow=flow, code=code))


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08}"


async def test_a_code_is_sent_to_the_users_address_and_lets_them_in_once(
    http: httpx.AsyncClient, served: Services, rosa: Person, postman: Postman
) -> None:
    flow = await begun(http, rosa)
    assert postman.sent[-1] == (rosa.email, postman.code, CodePurpose.SIGN_IN)
    assert re.fullmatch(r"[0-9]{8}", postman.code)
    answers = await asyncio.gather(*(finish(http, flow, postman.code) for _ in range(3)))
    assert sorted(answers) == [(200, "in"), WRONG, WRONG]
    kinds = [type(event) for event in await events_of(served, rosa)]
    assert kinds.count(e.SentCodeUsed) == 1
    assert kinds.count(e.CodeSent) == 2


async def test_a_code_is_good_for_the_sign_in_that_asked_for_it(
    http: httpx.AsyncClient, served: Services, rosa: Person, postman: Postman
) -> None:
    flow, code = await begun(http, rosa), postman.code
    later, later_code = await begun(http, rosa), postman.code
    assert await finish(http, flow, later_code) == WRONG
    assert await finish(http, later, code) == WRONG
    first = await halfway(http, rosa)
    for made_up in (first, "", "x", flow[:-4] + "AAAA"):
        assert await finish(http, made_up, code) == WRONG
    # One that was sent to turn codes on lets nobody in, and turns them on for nobody else.
    sam = await new_person(served)
    turning = (await post(http, "/account/sent-code", sam.token)).json()["flow"]
    assert await finish(http, turning, postman.code) == WRONG
    given = {"flow": turning, "code": postman.code}
    assert reason(await post(http, "/account/sent-code/confirm", rosa.token, **given)) == WRONG
    turning = (await post(http, "/account/sent-code", rosa.token)).json()["flow"]
    assert await finish(http, turning, postman.code) == WRONG
    assert await finish(http, flow, code) == (200, "in")


async def test_five_tries_are_all_that_a_code_has(
    http: httpx.AsyncClient, served: Services, rosa: Person, postman: Postman
) -> None:
    flow = await begun(http, rosa)
    wrong = other_than(postman.code)
    assert [await finish(http, flow, wrong) for _ in range(5)] == [WRONG] * 5
    async with new_client(served) as elsewhere:
        late = await finish(elsewhere, flow, postman.code)
    assert late == (429, "login.too_many_attempts")
    assert await failures_of(served, rosa) == ["sent_code"] * 5
    (locked,) = await recorded(served, rosa.user_id, e.SignInLocked)
    assert locked.seconds == 600


async def test_a_new_code_is_sent_five_times_within_ten_minutes(
    http: httpx.AsyncClient, rosa: Person
) -> None:
    first = await halfway(http, rosa)
    answers = [reason(await post(http, "/login/sent-code", flow=first)) for _ in range(5)]
    assert answers == [(200, "in")] * 4 + [(429, "login.too_many_attempts")]  # one turned them on


async def test_a_code_is_over_after_ten_minutes(postman: Postman) -> None:
    clock = ManualClock(datetime.now(UTC))
    codes = SentCodes(postman, ROOT_KEY, clock)
    flow = await codes.send(uuid4(), "rosa@example.com", CodePurpose.SIGN_IN)
    assert codes.is_right(codes.opened(flow, CodePurpose.SIGN_IN), postman.code)
    clock.advance(timedelta(minutes=CODE_MINUTES))
    with pytest.raises(CodeRefused, match="too late"):
        codes.opened(flow, CodePurpose.SIGN_IN)


async def test_a_code_is_neither_logged_nor_stored_nor_answered(
    http: httpx.AsyncClient, served: Services, rosa: Person, postman: Postman
) -> None:
    with structlog.testing.capture_logs() as logs:
        response = await post(http, "/login/sent-code", flow=await halfway(http, rosa))
        await finish(http, response.json()["flow"], postman.code)
    stored = b"".join([event.stored.data for event in await served.crm.history(rosa.user_id)])
    assert postman.code not in json.dumps(logs, default=str)
    assert rosa.email not in json.dumps(logs, default=str)
    assert postman.code not in response.text
    assert postman.code.encode() not in stored


@pytest.mark.parametrize("change", ["turned off", "suspended"])
async def test_a_code_opens_nothing_once_it_is_not_asked_for(
    http: httpx.AsyncClient, served: Services, rosa: Person, postman: Postman, change: str
) -> None:
    flow = await begun(http, rosa)
    await served.crm.execute(
        {
            "turned off": TurnOffSentCodes(user_id=rosa.user_id),
            "suspended": SuspendUser(user_id=rosa.user_id),
        }[change],
        SYSTEM,
    )
    assert await finish(http, flow, postman.code) == WRONG


async def test_they_are_turned_off_by_oneself(http: httpx.AsyncClient, rosa: Person) -> None:
    mutation = """mutation ($user: ID!) { userTurnOffSentCodes(
      input: {userId: $user}) { userErrors { code } } }"""
    given = {"query": mutation, "variables": {"user": global_id("User", rosa.user_id)}}
    answer = (await post(http, "/graphql", rosa.token, **given)).json()
    assert answer["data"]["userTurnOffSentCodes"]["userErrors"] == []
    assert reason(await post(http, "/login", email=rosa.email, password=PASSWORD)) == (200, "in")


async def test_a_sender_that_is_away_is_said_to_be(
    http: httpx.AsyncClient, rosa: Person, postman: Postman
) -> None:
    first = await halfway(http, rosa)
    postman.is_away = True
    try:
        response = await post(http, "/login/sent-code", flow=first)
    finally:
        postman.is_away = False
    assert reason(response) == (503, "login.code_not_sent")


async def test_without_a_sender_codes_are_not_offered(
    http: httpx.AsyncClient, shared_database_url: str, rosa: Person
) -> None:
    first = await halfway(http, rosa)
    async with (
        open_services(shared_database_url, ROOT_KEY) as without,
        new_client(without) as client,
    ):
        refused = await post(client, "/login", email=rosa.email, password=PASSWORD)
        assert reason(refused) == (401, "login.code_required")
        assert refused.json()["errors"][0]["extensions"]["factors"] == []
        refused = await post(client, "/login/sent-code", flow=first)
        assert reason(refused) == (400, "login.no_sent_codes")


async def test_the_spool_of_a_developer_is_for_their_eyes(tmp_path: Path) -> None:
    folder = tmp_path / "codes"
    await SpooledCodes(folder).send("rosa@example.com", "12345678", CodePurpose.SIGN_IN)
    (file,) = folder.iterdir()
    assert file.read_text() == "SIGN_IN rosa@example.com 12345678\n"
    assert (file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    (tmp_path / "taken").write_text("")
    with pytest.raises(NotSent):
        await SpooledCodes(tmp_path / "taken").send("a@example.com", "1", CodePurpose.SIGN_IN)
