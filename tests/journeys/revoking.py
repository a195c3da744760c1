"""Two processes of `crm serve`, one database, one Redis: what one revokes, the other refuses.

How long that takes is measured from the answer of the process that recorded it.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from uuid import UUID, uuid4

import httpx

from crm_api.issued_secrets import made_key
from crm_api.tokens import Tokens
from crm_core import SYSTEM, Command, Crm, new_id
from crm_core.identity import ActivateUser, GrantRole, InviteUser, IssueApiKey, OpenSession

from .conftest import COMMAND, environment

__all__ = ["REVOCATIONS", "Lag", "Servers", "two_servers"]

ROOT_KEY = bytes(range(32))
ASK = "{ customers(first: 1) { totalCount } }"
FOLLOW = "subscription { events(after: 0) { position } }"
REVOCATIONS: Mapping[str, str] = MappingProxyType(
    {
        "role": 'userRevokeRole(input: {userId: "%(user)s", role: "sales"})',
        "session": 'sessionEnd(input: {sessionId: "%(session)s"})',
        "user": 'userSuspend(input: {userId: "%(user)s"})',
        "key": 'apiKeyRevoke(input: {keyId: "%(key)s"})',
    }
)
"""What is revoked, and the mutation."""


@dataclass(frozen=True)
class Lag:
    """Seconds from the answer to the revocation until a request was refused, and until an open
    subscription was ended.
    """

    request: float
    subscription: float


@dataclass(frozen=True)
class Servers:
    """`revoking` and `refusing` are clients of the two processes."""

    crm: Crm
    tokens: Tokens
    administrator: str
    revoking: httpx.AsyncClient
    refusing: httpx.AsyncClient

    async def revoke(self, what: str) -> Lag:
        """Signs a new user in, asks and follows at one process, revokes at the other.

        Raises TimeoutError where nothing is refused after half a minute.
        """
        names, token = await self._signed_in(what)
        headers = {"authorization": f"Bearer {token}"}
        assert not await self._is_refused(headers), "the right is known there before it is taken"
        following = asyncio.Event()
        ended = asyncio.create_task(self._followed(headers, following))
        await following.wait()
        mutation = f"mutation {{ {REVOCATIONS[what] % names} {{ userErrors {{ code }} }} }}"
        answer = await self.revoking.post(
            "/graphql", json={"query": mutation}, headers={"authorization": self.administrator}
        )
        assert list(answer.json()["data"].values()) == [{"userErrors": []}]
        answered = monotonic()
        async with asyncio.timeout(30):
            await self._until(headers, is_refused=True)
            refused = monotonic()
            lag = Lag(refused - answered, await ended - answered)
        assert await self._is_refused(headers), "once refused, it stays refused"
        return lag

    async def _signed_in(self, what: str) -> tuple[dict[str, UUID], str]:
        """The ids of a new user's record, session and key, and a token: of the key, for a key."""
        user, session, key = new_id(), new_id(), new_id()
        made, expires_at = made_key(key), datetime.now(UTC) + timedelta(days=1)
        commands: list[Command] = [
            InviteUser(user_id=user, name="Leaver", email=f"{user}@example.com"),
            ActivateUser(user_id=user),
            GrantRole(user_id=user, role="sales"),
            OpenSession(
                session_id=session, user_id=user, digest=uuid4().hex * 2, expires_at=expires_at
            ),
            IssueApiKey(
                key_id=key, name="K", user_id=user, digest=made.digest, scopes=("*.read",),
                expires_at=expires_at,
            ),
        ]  # fmt: skip
        for command in commands:
            await self.crm.execute(command, SYSTEM)
        token = made.secret if what == "key" else self.tokens.issue(user, session)[0]
        headers = {"authorization": f"Bearer {token}"}
        async with asyncio.timeout(30):
            await self._until(headers, is_refused=False)  # the process has to hear of the user
        return {"user": user, "session": session, "key": key}, token

    async def _until(self, headers: dict[str, str], *, is_refused: bool) -> None:
        while await self._is_refused(headers) is not is_refused:  # noqa: ASYNC110 - elsewhere
            await asyncio.sleep(0.005)

    async def _is_refused(self, headers: dict[str, str]) -> bool:
        answer = await self.refusing.post("/graphql", json={"query": ASK}, headers=headers)
        codes = {error["extensions"]["code"] for error in answer.json().get("errors", ())}
        assert codes <= {"FORBIDDEN", "UNAUTHENTICATED"}, codes
        return bool(codes)

    async def _followed(self, headers: dict[str, str], following: asyncio.Event) -> float:
        """When the subscription ended; `following` is set once it brings events."""
        given = headers | {"accept": "text/event-stream"}
        body = {"query": FOLLOW}
        async with self.refusing.stream("POST", "/graphql", json=body, headers=given) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    result = json.loads(line.removeprefix("data: "))
                    if result.get("errors"):
                        break
                    following.set()
        return monotonic()


@asynccontextmanager
async def two_servers(url: str, redis_url: str) -> AsyncIterator[Servers]:
    """Over a migrated database; both end with the block."""
    async with AsyncExitStack() as opened:
        crm = await opened.enter_async_context(await Crm.open(url, root_key=ROOT_KEY))
        tokens = Tokens(await crm.store.keyring.blind(crm.tenant_id, "crm-api"), crm.tenant_id)
        root = new_id()
        for command in (
            InviteUser(user_id=root, name="Root", email="root@example.com"),
            ActivateUser(user_id=root),
            GrantRole(user_id=root, role="admin"),
        ):
            await crm.execute(command, SYSTEM)
        addresses = await asyncio.gather(
            *(opened.enter_async_context(_serving(url, redis_url)) for _ in range(2))
        )
        revoking, refusing = [
            await opened.enter_async_context(httpx.AsyncClient(base_url=address, timeout=30))
            for address in addresses
        ]
        yield Servers(crm, tokens, f"Bearer {tokens.issue(root)[0]}", revoking, refusing)


@asynccontextmanager
async def _serving(url: str, redis_url: str) -> AsyncIterator[str]:
    given = {
        "CRM_DATABASE_URL": url,
        "CRM_REDIS_URL": redis_url,
        "CRM_ROOT_KEY": base64.b64encode(ROOT_KEY).decode(),
        "CRM_PORT": "0",
        "CRM_COST_MAXIMUM": "1000000",
        "PYTHONUNBUFFERED": "1",
    }
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "serve",
        env=environment(Path("unused"), **given),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        yield line.split()[-1].removesuffix("/graphql")
    finally:
        process.kill()
        await process.wait()
