"""People who sign in over HTTP, and what the tests of the ways in ask about them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import pyotp

from crm_api.app import create_app
from crm_api.credentials import Credentials
from crm_api.services import Services
from crm_api.signing_in import SecondFactor
from crm_core import SYSTEM
from crm_core.identity import ActivateUser, GrantRole, InviteUser, SetPassword
from crm_core.identity.session.events import SessionOpened
from crm_core.identity.user import events as e
from crm_core.kernel.events import Event
from crm_core.kernel.messages import Command

__all__ = [
    "PASSWORD", "Person", "demanding", "enrol_totp", "events_of", "failures_of", "new_client",
    "new_person", "opened_session", "post", "reason", "recorded", "sign_in",
]  # fmt: skip

E = TypeVar("E", bound=Event)

PASSWORD = "correct horse battery staple"


@dataclass
class Person:
    """`token`: of the session that goes on; a changed factor ends it, and opens another."""

    user_id: UUID
    email: str
    token: str


def new_client(services: Services) -> httpx.AsyncClient:
    """From an address of its own, for attempts are counted by address."""
    transport = httpx.ASGITransport(create_app(services), client=(uuid4().hex, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://crm")


def demanding(services: Services, factor: SecondFactor = SecondFactor.DEMANDED) -> Services:
    """The same server, where a second factor is demanded, or is not."""
    known = services.credentials
    changed = Credentials(
        services.crm, services.tokens, known._others, strong=known._strong, second_factor=factor
    )
    return replace(services, credentials=changed)


async def new_person(services: Services, role: str | None = "sales") -> Person:
    email = f"{uuid4().hex}@example.com"
    invite = InviteUser(name="Rosa", email=email)
    commands: list[Command] = [
        invite,
        ActivateUser(user_id=invite.user_id),
        *([] if role is None else [GrantRole(user_id=invite.user_id, role=role)]),
        SetPassword(user_id=invite.user_id, password=PASSWORD),
    ]
    for command in commands:
        await services.crm.execute(command, SYSTEM)
    async with new_client(services) as http:
        signed_in = await post(http, "/login", email=email, password=PASSWORD)
    return Person(invite.user_id, email, signed_in.json()["token"])


async def sign_in(http: httpx.AsyncClient, who: Person, **more: str) -> Any:
    return await post(http, "/login", email=who.email, password=PASSWORD, **more)


async def enrol_totp(http: httpx.AsyncClient, who: Person) -> tuple[pyotp.TOTP, Any]:
    """Sets up time codes; the code of the present step is still good. The answer, too."""
    asked = await post(http, "/account/totp", who.token)
    assert reason(asked) == (200, "in"), asked.text
    totp = pyotp.TOTP(asked.json()["secret"])
    left = 30 - datetime.now(UTC).timestamp() % 30
    if left < 3:  # the code of the step before would be too old on its way
        await asyncio.sleep(left)
    earlier = totp.at(datetime.now(UTC) - timedelta(seconds=30))
    confirmed = await post(http, "/account/totp/confirm", who.token, code=earlier)
    assert reason(confirmed) == (200, "in"), confirmed.text
    who.token = confirmed.json()["token"]
    return totp, confirmed.json()


async def opened_session(services: Services, token: str) -> SessionOpened:
    """What was recorded of the session that this token is of."""
    session = services.tokens.read(token)
    assert session is not None
    assert session.session_id is not None
    (first, *_) = await services.crm.history(session.session_id)
    assert isinstance(first.data, SessionOpened)
    return first.data


async def post(http: httpx.AsyncClient, path: str, bearer: str = "", **given: Any) -> Any:
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    return await http.post(path, json=given, headers=headers)


def reason(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    said = body["errors"][0]["extensions"]["reason"] if "errors" in body else "in"
    return response.status_code, said


async def events_of(services: Services, who: Person) -> list[Event]:
    return [event.data for event in await services.crm.history(who.user_id)]


async def recorded(services: Services, user_id: UUID, kind: type[E]) -> list[E]:
    """The user's events of a kind, once what is recorded aside has been recorded."""
    noting = [
        task
        for task in asyncio.all_tasks()
        if getattr(task.get_coro(), "__qualname__", "").startswith("Guessing.")
    ]
    if noting:
        await asyncio.wait(noting, timeout=10)
    history = await services.crm.history(user_id)
    return [event.data for event in history if isinstance(event.data, kind)]


async def failures_of(services: Services, who: Person) -> list[str]:
    """The factors that failed."""
    return [event.factor for event in await recorded(services, who.user_id, e.SignInFailed)]
