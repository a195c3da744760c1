"""Following events over a websocket of a real server."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from crm_api.app import create_app
from crm_api.graphql.types.event import EventRecord
from crm_api.http.allowance import Allowance, Buckets
from crm_core import SYSTEM, Crm, Request, new_id
from crm_core.customers.customer.commands import RegisterPerson, RenameCustomer
from crm_core.engagement.interaction.commands import LogInteraction
from crm_core.engagement.interaction.events import (
    InteractionChannel,
    InteractionDirection,
    InteractionVisibility,
)
from crm_core.engagement.task.commands import CreateTask
from crm_core.identity import DefineRole, GrantRole, RoleRule
from crm_core.identity.user.commands import SuspendUser

from .conftest import ROOT_KEY, served

PROTOCOL = Subprotocol("graphql-transport-ws")
FOLLOW = """subscription ($after: Position, $types: [String!], $recordId: ID) {
  events(after: $after, types: $types, recordId: $recordId) {
    position type data actor { user { name } } } }"""


class Client:
    """A client of graphql-transport-ws, message by message."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.socket.recv(), 10))
        return message

    async def connect_as(self, authorization: str) -> None:
        await self.send({"type": "connection_init", "payload": {"authorization": authorization}})
        assert (await self.receive())["type"] == "connection_ack"

    async def subscribe(self, query: str, **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        await self.send({"id": "1", "type": "subscribe", "payload": payload})

    async def events(self, count: int) -> list[dict[str, Any]]:
        found = []
        while len(found) < count:
            message = await self.receive()
            assert message["type"] == "next", message
            assert "errors" not in message["payload"], message
            found.append(message["payload"]["data"]["events"])
        return found

    async def closed(self) -> int:
        try:
            while True:
                await asyncio.wait_for(self.socket.recv(), 10)
        except ConnectionClosed:
            assert self.socket.close_code is not None
            return self.socket.close_code


@asynccontextmanager
async def dialled(address: str, **options: Any) -> AsyncIterator[Client]:
    given = {"subprotocols": [PROTOCOL]} | options
    async with connect(f"ws://{address}/graphql", **given) as socket:
        yield Client(socket)


@asynccontextmanager
async def connected(address: str, api: Any, who: str) -> AsyncIterator[Client]:
    async with dialled(address) as client:
        await client.connect_as(f"Bearer {api.token(who)}")
        yield client


async def test_a_follower_gets_the_past_and_then_the_present_without_a_gap_or_a_double(
    api: Any, address: str
) -> None:
    start = await api.services.crm.position()
    crm = api.services.crm

    async def busy(number: int) -> None:
        for _ in range(20):
            requests = [
                Request(command=RegisterPerson(name=f"{number}"), actor=SYSTEM) for _ in range(5)
            ]
            await crm.execute_many(requests)

    await busy(0)
    async with connected(address, api, "admin") as client:
        await client.subscribe(FOLLOW, after=start)
        writing = [asyncio.create_task(busy(number)) for number in (1, 2)]
        found = await client.events(300)
        await asyncio.gather(*writing)
    assert [event["position"] for event in found] == list(range(start + 1, start + 301))


async def test_a_broken_connection_is_taken_up_where_it_ended(api: Any, address: str) -> None:
    start = await api.services.crm.position()
    await api.given(*(RegisterPerson(name=str(number)) for number in range(10)))
    positions: list[int] = []
    for count in (4, 6):
        async with connected(address, api, "admin") as client:
            after = positions[-1] if positions else start
            await client.subscribe(FOLLOW, after=after)
            positions += [event["position"] for event in await client.events(count)]
    assert positions == list(range(start + 1, start + 11))


async def test_without_a_position_it_starts_now(api: Any, address: str) -> None:
    async with connected(address, api, "admin") as client:
        await client.subscribe(FOLLOW)
        await asyncio.sleep(0.3)
        receipt = await api.given(RegisterPerson(name="Now"))
        (event,) = await client.events(1)
    assert (event["position"], event["data"]["name"]) == (receipt.position, "Now")


async def test_types_and_records_can_be_chosen(api: Any, address: str) -> None:
    start = await api.services.crm.position()
    person = new_id()
    renamed = "customers.customer.renamed"
    async with connected(address, api, "admin") as client:
        await client.subscribe(FOLLOW, after=start, types=[renamed], recordId=str(person))
        await api.given(
            RegisterPerson(customer_id=person, name="A"),
            RegisterPerson(name="Somebody else"),
            RenameCustomer(customer_id=person, name="B"),
            RenameCustomer(customer_id=person, name="C"),
        )
        found = await client.events(2)
    assert [event["data"]["name"] for event in found] == ["B", "C"]


async def test_only_events_that_may_be_seen_are_sent(api: Any, address: str) -> None:
    """For one who reads customers only, the events of a task pass by unseen."""
    user = await api.invited(None)
    await api.given(
        DefineRole(name="customers_only", rules=(RoleRule(kind="customer", actions=("read",)),)),
        GrantRole(user_id=user, role="customers_only"),
    )
    api.people["narrow"] = user
    start = await api.services.crm.position()
    async with connected(address, api, "narrow") as client:
        await client.subscribe(FOLLOW, after=start)
        await api.given(
            CreateTask(title="Unseen", due_at=datetime.now(UTC), assignee_id=user),
            RegisterPerson(name="Seen"),
        )
        (event,) = await client.events(1)
    assert event["data"]["name"] == "Seen"


async def test_who_may_see_nothing_may_not_follow(api: Any, address: str) -> None:
    async with connected(address, api, "nobody") as client:
        await client.subscribe(FOLLOW)
        message = await client.receive()
    errors = message["payload"]["errors"] if message["type"] == "next" else message["payload"]
    assert errors[0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_revoked_right_reaches_an_open_subscription(api: Any, address: str) -> None:
    user = await api.invited("sales")
    api.people["revoked"] = user
    start = await api.services.crm.position()
    async with connected(address, api, "revoked") as client:
        await client.subscribe(FOLLOW, after=start)
        await api.given(RegisterPerson(name="Before"))
        await client.events(1)
        await api.given(SuspendUser(user_id=user))
        await api.given(RegisterPerson(name="After"))
        message = await client.receive()
        while message["payload"].get("data"):
            assert message["payload"]["data"]["events"]["data"].get("name") != "After"
            message = await client.receive()
    assert message["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_what_another_process_revokes_ends_a_subscription_that_hears_nothing(
    api: Any, address: str, api_url: str
) -> None:
    """It looks again each second, whether anything is recorded that it would send or not."""
    user = await api.invited("sales")
    api.people["cut off"] = user
    start = await api.services.crm.position()
    async with (
        connected(address, api, "cut off") as client,
        await Crm.open(api_url, root_key=ROOT_KEY) as other,
    ):
        await client.subscribe(FOLLOW, after=start)
        await api.given(RegisterPerson(name="Before"))
        await client.events(1)
        await other.execute(SuspendUser(user_id=user), SYSTEM)
        async with asyncio.timeout(10):
            message = await client.receive()
            while message["payload"].get("data"):
                message = await client.receive()
    assert message["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_subscription_ends_with_its_token(
    api: Any, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(address, api, "admin") as client:
        await client.subscribe(FOLLOW)
        await asyncio.sleep(0.2)
        monkeypatch.setattr(type(api.services.tokens), "is_valid", lambda *_: False)
        await api.services.crm.execute(RegisterPerson(name="X"), actor=SYSTEM)
        message = await client.receive()
        errors = message["payload"]["errors"] if message["type"] == "next" else message["payload"]
        assert errors[0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert (await client.receive())["type"] == "complete"


async def test_queries_and_mutations_work_over_the_same_connection(api: Any, address: str) -> None:
    async with connected(address, api, "admin") as client:
        await client.subscribe("{ viewer { name } nothing }")
        message = await client.receive()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        await client.subscribe("{ viewer { name } }")
        assert (await client.receive())["payload"]["data"] == {"viewer": {"name": "The admin"}}
        assert (await client.receive())["type"] == "complete"


async def test_words_that_are_not_for_the_follower_are_withheld(api: Any, address: str) -> None:
    start = await api.services.crm.position()
    person = new_id()
    async with connected(address, api, "sales") as client:
        await client.subscribe(FOLLOW, after=start)
        await api.given(
            RegisterPerson(customer_id=person, name="Ada"),
            LogInteraction(
                customer_id=person, channel=InteractionChannel.NOTE, subject="Secret",
                direction=InteractionDirection.INTERNAL,
                visibility=InteractionVisibility.PARTICIPANTS,
            ),
        )  # fmt: skip
        _, logged = await client.events(2)
    assert logged["type"] == "engagement.interaction.logged"
    assert logged["data"]["subject"] is None


# --- the slow -------------------------------------------------------------------------------------


async def test_who_reads_slowly_is_waited_for_and_loses_nothing(
    api: Any, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server reads on from the ledger as the client takes, not as fast as it can: of 20 MB, it
    has no more at once than lies in the buffers of the connection.
    """
    count, text = 1_000, "x" * 20_000
    person = new_id()
    start = (await api.given(RegisterPerson(customer_id=person, name="Talkative"))).position
    note = LogInteraction(
        customer_id=person, channel=InteractionChannel.NOTE, body=text,
        direction=InteractionDirection.INTERNAL,
    )  # fmt: skip
    await api.services.crm.execute_many(
        [Request(command=replace(note, interaction_id=new_id()), actor=SYSTEM)
         for _ in range(count)]
    )  # fmt: skip
    drawn = 0
    shown = EventRecord.of

    def counted(event: Any) -> EventRecord:
        nonlocal drawn
        drawn += 1
        return shown(event)

    monkeypatch.setattr(EventRecord, "of", counted)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    host, _, port = address.partition(":")
    narrow.connect((host, int(port)))
    async with dialled(address, sock=narrow, max_queue=1, compression=None) as client:
        await client.connect_as(f"Bearer {api.token('admin')}")
        await client.subscribe(FOLLOW, after=start)
        seen = -1
        while drawn != seen:  # until it stands still
            seen = drawn
            await asyncio.sleep(1)
        assert 0 < drawn < count / 2
        positions = [event["position"] for event in await client.events(count)]
    assert positions == list(range(start + 1, start + 1 + count))


# --- the door -------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [None, {}, {"authorization": "Bearer x"}, {"authorization": 5}])
async def test_without_a_token_the_door_stays_shut(address: str, payload: Any) -> None:
    async with dialled(address) as client:
        message = {"type": "connection_init"}
        await client.send(message if payload is None else message | {"payload": payload})
        code = await client.closed()
    assert code == 4403


async def test_nothing_is_answered_before_the_connection_is_made(address: str) -> None:
    async with dialled(address) as client:
        await client.subscribe(FOLLOW)
        code = await client.closed()
    assert code == 4401


@pytest.mark.parametrize(
    "message",
    ["no json", "[]", "5", "{}", '{"type": 5}', '{"type": "subscribe", "id": "1", "payload": 5}',
     '{"type": "subscribe"}', '{"type": "complete", "id": []}', '{"type": "legacy_start"}'],
)  # fmt: skip
async def test_a_message_of_another_shape_closes_the_connection(
    api: Any, address: str, message: str
) -> None:
    async with connected(address, api, "admin") as client:
        await client.socket.send(message)
        code = await client.closed()
    assert code == 4400


async def test_the_legacy_protocol_is_not_spoken(address: str) -> None:
    async with dialled(address, subprotocols=[Subprotocol("graphql-ws")]) as client:
        code = await client.closed()
    assert code == 4406


async def test_a_page_of_another_site_may_not_connect(address: str) -> None:
    with pytest.raises(InvalidStatus):
        async with dialled(address, origin="https://evil.example"):
            pass


async def test_what_is_asked_for_on_a_websocket_is_charged(api: Any) -> None:
    """As over HTTP: the next request of the same person, by whatever way, finds less."""
    page = "query ($n: Int) { customers(first: $n) { nodes { id } } }"
    buckets = Buckets(Allowance(maximum=25, restored=1))
    app = create_app(dataclasses.replace(api.services, buckets=buckets))
    async with served(app) as address, connected(address, api, "sales") as client:
        for expected in ("next", "complete", "error"):
            if expected != "complete":
                await client.subscribe(page, n=20)
            message = await client.receive()
            assert message["type"] == expected
        assert message["payload"][0]["extensions"]["code"] == "THROTTLED"
        await client.subscribe(page, n=90)
        (error,) = (await client.receive())["payload"]
        assert error["extensions"]["code"] == "QUERY_TOO_LARGE"
