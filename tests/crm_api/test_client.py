"""The typed client, in the server's process and over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from graphql import build_schema, parse, validate
from starlette.applications import Starlette

from crm_api.client_code import client_files
from crm_client import (
    ApiError,
    Client,
    Customer,
    CustomerBy,
    CustomerKind,
    CustomerWhere,
    IDComparator,
    ListComparator,
    Opportunity,
    OpportunityWhere,
    Refused,
    SyncClient,
    Transport,
    Unreachable,
    VersionConflict,
)
from crm_client.asking import Follow, Listing, Read, _Operation
from crm_client.made import operations
from crm_client.transport import Http, InProcess
from crm_core import SYSTEM, Request
from crm_core.customers.customer.commands import RegisterPerson, TagCustomer

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["in process", "over HTTP"])
async def client(
    request: pytest.FixtureRequest, api: Any, app: Starlette, address: str
) -> AsyncIterator[Client]:
    token = api.token("admin")
    if request.param == "in process":
        made = Client.in_process(app, token)
    else:
        made = Client.connect(f"http://{address}", token)
    async with made as opened:
        yield opened


def test_every_document_of_the_client_is_one_of_the_schema() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    forms = [form for name, form in vars(operations).items() if name.isupper()]
    documents = []
    for form in forms:
        if isinstance(form, Listing):
            documents += [form.pages.document, form.count.document]
        elif isinstance(form, _Operation):
            documents.append(form.document)
    assert len(documents) > 180
    for document in documents:
        assert validate(schema, parse(document)) == [], document


def test_a_type_that_is_new_in_the_schema_is_in_the_client_once_it_is_made_again() -> None:
    text = (ROOT / "schema.graphql").read_text().replace("  sector: String\n", "  trade: String\n")
    files = client_files(build_schema(text))
    assert "trade: str | None" in files["types.py"]
    assert "    sector: str | None\n" not in files["types.py"]


async def test_what_was_written_is_read_at_once(client: Client) -> None:
    email = f"{uuid4().hex}@example.com"
    done = await client.customer_register_person(name="Ada Byron", email=email)
    assert done.record is not None
    assert done.receipt is not None
    assert (done.record.name, done.receipt.replayed) == ("Ada Byron", False)
    found = await client.customer(by=CustomerBy(email=email))
    assert found == done.record
    assert found.kind is CustomerKind.PERSON
    assert await client.get(Customer, found.id) == found
    assert await client.get(Opportunity, found.id) is None


async def test_a_list_goes_on_over_its_pages(client: Client, api: Any) -> None:
    tag = uuid4().hex
    people = [RegisterPerson(name=f"Person {number}") for number in range(230)]
    tags = [TagCustomer(customer_id=one.customer_id, tag=tag) for one in people]
    outcomes = await api.services.crm.execute_many(
        [Request(command=command, actor=SYSTEM) for command in (*people, *tags)]
    )
    await api.shown(outcomes[-1].position)
    tagged = client.customers(where=CustomerWhere(tags=ListComparator(contains=tag)))
    names = [customer.name async for customer in tagged]
    assert sorted(names) == sorted(one.name for one in people)
    assert await tagged.total_count() == 230
    first = await tagged.page(first=3)
    second = await tagged.page(first=3, after=first.end_cursor)
    assert [one.name for one in (*first.nodes, *second.nodes)] == names[:6]


async def test_links_and_lists_of_a_record_lead_on(client: Client, sales: dict[str, Any]) -> None:
    mine = OpportunityWhere(customer_id=IDComparator(eq=str(sales["customer"])))
    (deal, *_) = [one async for one in client.opportunities(where=mine)]
    assert deal.customer is not None
    assert deal.amount is not None
    assert deal.amount.currency_code == "EUR"
    customer = await client.get(Customer, deal.customer.id)
    assert customer is not None
    assert deal in [one async for one in client.customer_opportunities(customer.id)]
    first = await anext(aiter(client.record_history(customer.id)))
    assert first.type == "customers.customer.registered"


async def test_a_refusal_is_an_exception_with_the_code_of_the_rule(client: Client) -> None:
    made = (await client.customer_register_person(name="Ada")).record
    assert made is not None
    await client.customer_tag(customer_id=made.uuid, tag="vip")
    with pytest.raises(VersionConflict) as conflict:
        await client.customer_rename(customer_id=made.id, name="Eve", expected_version=1)
    assert (conflict.value.actual_version, conflict.value.between[0].version) == (2, 2)
    with pytest.raises(Refused, match="not_found"):
        await client.customer_rename(customer_id=uuid4(), name="Eve")
    planned = await client.customer_rename(customer_id=made.id, name="Eve", dry_run=True)
    assert planned.receipt is None
    assert planned.planned_events is not None
    assert [event.type for event in planned.planned_events] == ["customers.customer.renamed"]


async def test_an_error_of_the_api_has_its_code_and_its_trace(client: Client) -> None:
    with pytest.raises(ApiError) as error:
        await client.explain(id="nonsense", field="name")
    assert error.value.code == "BAD_ID"
    assert error.value.trace_id


async def test_a_document_of_ones_own_is_read_into_ones_own_type(client: Client) -> None:
    class Names(msgspec.Struct):
        class Connection(msgspec.Struct):
            class Node(msgspec.Struct):
                name: str

            nodes: list[Node]

        users: Connection

    found = await client.ask("{ users(first: 3) { nodes { name } } }", into=Names)
    assert len(found.users.nodes) == 3


# --- connections that break -----------------------------------------------------------------------


class Breaking:
    """A transport whose answers are lost now and then, after the server has done its work."""

    def __init__(self, within: Transport, answers_before_break: int) -> None:
        self._within = within
        self._answers = answers_before_break
        self.breaks = 0

    async def ask(self, document: str, variables: dict[str, Any]) -> bytes:
        body = await self._within.ask(document, variables)
        if self.breaks < 2:
            self.breaks += 1
            raise Unreachable
        return body

    async def follow(self, document: str, variables: dict[str, Any]) -> AsyncIterator[bytes]:
        left = self._answers
        async for body in self._within.follow(document, variables):
            if not left:
                self.breaks += 1
                raise Unreachable
            left -= 1
            yield body

    async def close(self) -> None:
        await self._within.close()


@pytest.fixture
def breaking(api: Any, app: Starlette) -> Breaking:
    return Breaking(Http.within(InProcess(app), api.token("admin")), answers_before_break=3)


async def test_a_command_whose_answer_was_lost_is_sent_again_and_done_once(
    api: Any, breaking: Breaking
) -> None:
    before = await api.services.crm.position()
    async with Client(breaking) as client:
        done = await client.customer_register_person(name="Ada")
    assert done.receipt is not None
    assert (breaking.breaks, done.receipt.replayed) == (2, True)
    assert await api.services.crm.position() == before + 1


async def test_without_a_key_a_command_that_is_sent_again_is_done_twice(
    api: Any, breaking: Breaking
) -> None:
    """What the test above would not forgive."""
    before = await api.services.crm.position()
    async with Client(breaking) as client:
        keyless = {"input": {"name": "Ada"}}
        await client._answered(operations.CUSTOMER_REGISTER_PERSON, keyless)
    assert await api.services.crm.position() == before + 3


async def test_who_follows_misses_nothing_and_sees_nothing_twice(
    api: Any, breaking: Breaking
) -> None:
    start = await api.services.crm.position()
    await api.given(*(RegisterPerson(name=str(number)) for number in range(10)))
    positions: list[int] = []
    async with Client(breaking) as client:
        async for event in client.follow_events(after=start):
            positions.append(event.position)
            if len(positions) == 10:
                break
    assert breaking.breaks >= 3
    assert positions == list(range(start + 1, start + 11))


class BreaksFirst(Breaking):
    """Breaks off the first stream before its first event, once something was recorded."""

    def __init__(self, within: Transport) -> None:
        super().__init__(within, answers_before_break=1)
        self.followed = asyncio.Event()
        self.recorded = asyncio.Event()

    async def follow(self, document: str, variables: dict[str, Any]) -> AsyncIterator[bytes]:
        if not self.followed.is_set():
            self.followed.set()
            await self.recorded.wait()
            raise Unreachable
        async for body in super().follow(document, variables):
            yield body


async def test_who_follows_from_now_on_misses_nothing_where_the_first_connection_breaks(
    api: Any, app: Starlette
) -> None:
    breaking = BreaksFirst(Http.within(InProcess(app), api.token("admin")))
    async with Client(breaking) as client, asyncio.timeout(20):
        first = asyncio.ensure_future(anext(client.follow_events()))
        await breaking.followed.wait()
        last = await api.given(RegisterPerson(name="Ada"))
        breaking.recorded.set()
        assert (await first).position == last.position


async def test_a_token_that_is_none_ends_it(app: Starlette) -> None:
    async with Client.in_process(app, "nonsense") as client:
        with pytest.raises(ApiError, match="UNAUTHENTICATED"):
            await client.viewer()
        with pytest.raises(ApiError, match="UNAUTHENTICATED"):
            await anext(client.follow_events(after=0))


async def test_a_server_that_is_not_there_is_said_to_be_unreachable() -> None:
    async with Client.connect("http://127.0.0.1:1", "token") as client:
        with pytest.raises(Unreachable):
            await client.ask("{ __typename }", into=dict[str, str])


def test_a_value_that_the_client_does_not_know_is_taken_as_it_is() -> None:
    kind = msgspec.json.decode(b'"ROBOT"', type=CustomerKind)
    assert kind == "ROBOT"
    assert msgspec.json.decode(b'"PERSON"', type=CustomerKind) is CustomerKind.PERSON


# --- without await --------------------------------------------------------------------------------


async def test_the_readme_shows_what_its_client_prints(api: Any, address: str) -> None:
    (code,) = [
        code
        for code in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        if "crm_client" in code
    ]
    password = uuid4().hex
    user_id = await api.invited("admin", password=password)
    user = await api.data("query ($id: ID!) { user(id: $id) { email } }", id=str(user_id))
    known = {
        "address": f"http://{address}",
        "email": user["user"]["email"],
        "password": password,
    }
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        await asyncio.to_thread(exec, compile(code, "README.md", "exec"), known)
    *customers, conflict = printed.getvalue().splitlines()
    assert "Ada Byron 2" in customers
    assert conflict == "['customers.customer.tagged']"


async def test_a_client_without_await_follows_too(api: Any, address: str) -> None:
    start = await api.services.crm.position()
    last = await api.given(RegisterPerson(name="Ada"), RegisterPerson(name="Bo"))

    def followed() -> list[int]:
        with SyncClient.connect(f"http://{address}", api.token("admin")) as crm:
            events = crm.follow_events(after=start)
            return [next(events).position, next(events).position]

    assert await asyncio.to_thread(followed) == [start + 1, last.position]


def test_both_clients_have_the_same_methods() -> None:
    def own(of: type) -> set[str]:
        return {name for name in vars(of) if not name.startswith("_")}

    assert own(Client) == own(SyncClient)
    assert len(own(Client)) > 160
    assert isinstance(operations.CUSTOMER, Read)
    assert isinstance(operations.FOLLOW_EVENTS, Follow)
