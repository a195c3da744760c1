"""A real `crm serve`, as it is told to end while it is busy."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from crm_api.tokens import Tokens
from crm_core import SYSTEM, Crm
from crm_core.customers.customer.customer import Customer
from crm_core.identity.user.commands import ActivateUser, GrantRole, InviteUser

from .conftest import COMMAND, environment

ROOT_KEY = bytes(range(32))
WORKERS = 8
REGISTER = """mutation Register($key: String!) {
  customerRegisterPerson(input: { name: "Canary Jones", idempotencyKey: $key }) {
    userErrors { code } customer { uuid } } }"""
FOLLOW = "subscription { events(after: 0) { position } }"


@dataclass
class Serving:
    process: asyncio.subprocess.Process
    address: str
    headers: dict[str, str]
    log: list[str] = field(default_factory=list)

    def tell_to_end(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def stopped_listening(self) -> None:
        host, port = self.address.removeprefix("http://").split(":")
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except ConnectionRefusedError:
                return
            writer.close()
            await asyncio.sleep(0.02)

    async def ended(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), 30)
        assert self.process.stderr is not None
        self.log += (await self.process.stderr.read()).decode().splitlines()
        return code


async def administrator(url: str) -> str:
    """A user's token."""
    async with await Crm.open(url, root_key=ROOT_KEY) as crm:
        user_id = uuid4()
        for command in (
            InviteUser(user_id=user_id, name="Root", email="root@example.com"),
            ActivateUser(user_id=user_id),
            GrantRole(user_id=user_id, role="admin"),
        ):
            await crm.execute(command, actor=SYSTEM)
        secret = await crm.store.keyring.blind(crm.tenant_id, "crm-api")
        return Tokens(secret, crm.tenant_id).issue(user_id)[0]


@asynccontextmanager
async def serving(url: str, **settings: str) -> AsyncIterator[Serving]:
    token = await administrator(url)
    given = {
        "CRM_DATABASE_URL": url,
        "CRM_ROOT_KEY": base64.b64encode(ROOT_KEY).decode(),
        "CRM_PORT": "0",
        "CRM_COST_MAXIMUM": "1000000",
        "PYTHONUNBUFFERED": "1",
    }
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "serve",
        env=environment(Path("unused"), **given, **settings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        address = line.split()[-1].removesuffix("/graphql")
        yield Serving(process, address, {"authorization": f"Bearer {token}"})
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@dataclass
class Load:
    """What clients in a closed loop were told."""

    acknowledged: list[UUID] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self, served: Serving) -> None:
        async with httpx.AsyncClient(base_url=served.address, headers=served.headers) as http:
            while True:
                body = {"query": REGISTER, "variables": {"key": uuid4().hex}}
                try:
                    response = await http.post("/graphql", json=body, timeout=30)
                except httpx.ConnectError:
                    return  # nobody listens any more: nothing was begun
                except httpx.TransportError as error:
                    self.broken.append(type(error).__name__)
                    return
                answer = response.json()["data"]["customerRegisterPerson"]
                assert answer["userErrors"] == []
                self.acknowledged.append(UUID(answer["customer"]["uuid"]))
                if len(self.acknowledged) >= 100:
                    self.enough.set()


async def follow_by_websocket(served: Serving, following: asyncio.Event) -> int | None:
    """The code that the connection was closed with."""
    address = served.address.replace("http", "ws") + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": served.headers}))
        await socket.send(
            json.dumps({"id": "1", "type": "subscribe", "payload": {"query": FOLLOW}})
        )
        try:
            while True:
                if json.loads(await socket.recv())["type"] == "next":
                    following.set()
        except ConnectionClosed:
            return socket.close_code


async def follow_by_event_stream(served: Serving, following: asyncio.Event) -> str:
    """The last of what was sent. Raises httpx.RemoteProtocolError where it is broken off."""
    text = ""
    async with (
        httpx.AsyncClient(base_url=served.address, timeout=30) as http,
        http.stream(
            "POST", "/graphql", json={"query": FOLLOW},
            headers=served.headers | {"accept": "text/event-stream"},
        ) as response,
    ):  # fmt: skip
        async for part in response.aiter_text():
            text = (text + part)[-500:]
            following.set()
    return text


async def test_a_server_that_is_told_to_end_finishes_what_it_has_begun(database_url: str) -> None:
    async with serving(database_url) as served, asyncio.timeout(90):
        load, events = Load(), [asyncio.Event(), asyncio.Event()]
        workers = [asyncio.create_task(load.work(served)) for _ in range(WORKERS)]
        by_websocket = asyncio.create_task(follow_by_websocket(served, events[0]))
        by_stream = asyncio.create_task(follow_by_event_stream(served, events[1]))
        for event in (load.enough, *events):
            await event.wait()
        served.tell_to_end()
        await asyncio.gather(*workers)
        assert await served.ended() == 0
        assert load.broken == []
        assert await by_websocket == 1012
        assert "event: complete" not in await by_stream
    async with await Crm.open(database_url, root_key=ROOT_KEY) as crm:
        for customer_id in load.acknowledged:
            assert (await crm.get(Customer, customer_id)).version == 1
    lines = [json.loads(line) for line in served.log]
    assert {line["event"] for line in lines} <= {"request", "audit.nothing_is_signed"}
    told = [line for line in lines if line.get("operation") == "Register"]
    assert len(told) == len(load.acknowledged)
    assert "Canary" not in str(served.log)


@pytest.mark.parametrize(("seconds", "answered"), [("10", True), ("0", False)])
async def test_a_command_that_waits_in_the_database_is_waited_for(
    database_url: str, seconds: str, answered: bool
) -> None:
    """With no time to finish in, it is broken off: that is what the other test would catch."""
    key = uuid4().hex
    async with (
        serving(database_url, CRM_SHUTDOWN_SECONDS=seconds) as served,
        httpx.AsyncClient(base_url=served.address, headers=served.headers, timeout=30) as http,
        asyncio.timeout(60),
        await psycopg.AsyncConnection.connect(database_url) as holding,
    ):
        await holding.execute("select * from ledger.head for update")
        body = {"query": REGISTER, "variables": {"key": key}}
        asked = asyncio.create_task(http.post("/graphql", json=body))
        while not await waits_for_a_lock(database_url):  # noqa: ASYNC110 - it is asked for
            await asyncio.sleep(0.02)
        served.tell_to_end()
        await served.stopped_listening()
        if answered:
            await holding.rollback()
            assert (await asked).json()["data"]["customerRegisterPerson"]["userErrors"] == []
            assert (await asked).headers["connection"] == "close"
        else:
            (outcome,) = await asyncio.gather(asked, return_exceptions=True)
            assert isinstance(outcome, httpx.TransportError) or outcome.status_code == 500
            await holding.rollback()
        await served.ended()


async def waits_for_a_lock(url: str) -> bool:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        found = await connection.execute(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        row = await found.fetchone()
        return row is not None and row[0] > 0


async def test_the_settings_of_what_may_be_asked_reach_the_server(
    database_url: str, tmp_path: Path
) -> None:
    known = "{ viewer { name } }"
    digest = hashlib.sha256(known.encode()).hexdigest()
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({digest: known}))
    given = {
        "CRM_PROFILE": "first-party",
        "CRM_TRUSTED_DOCUMENTS": str(manifest),
        "CRM_QUERIES_BY_GET": "on",
    }
    async with (
        serving(database_url, **given) as served,
        httpx.AsyncClient(base_url=served.address, headers=served.headers) as http,
    ):
        stranger = await http.post("/graphql", json={"query": "{ __typename }"})
        assert "errors" in stranger.json()
        answer = (await http.post("/graphql", json={"documentId": f"sha256:{digest}"})).json()
        assert answer["data"] == {"viewer": {"name": "Root"}}
        by_get = await http.get("/graphql", params={"documentId": f"sha256:{digest}"})
        assert by_get.json()["data"] == answer["data"]
        assert answer["extensions"]["cost"]["throttleStatus"]["maximumAvailable"] == 1_000_000
