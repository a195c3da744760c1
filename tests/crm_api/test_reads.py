"""Who is shown which record is recorded before the answer goes out, as far as the mode says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from crm_api.graphql.noting import personal_names
from crm_api.graphql.registry import KINDS
from crm_api.schema import schema
from crm_core import Actor, ActorKind
from crm_core.audit.reads import How, Read, ReadMode
from crm_core.personal import PERSONAL_KINDS, personal_fields
from crm_projections.tables import Table

from .conftest import Api
from .test_streams import SSE, payloads, streaming
from .test_subscription import connected

TICKETS = "{ tickets(first: 2) { nodes { uuid status } } }"
SUBJECTS = "query looking { tickets(first: 2) { nodes { uuid subject } } }"
EVENTS = "{ events(first: 3, types: [%s]) { nodes { recordUuid %s } } }"


@pytest.fixture
async def recorded(api: Api, sales: Any, monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    """What is recorded from now on, by requests in this process."""
    reads: list[Read] = []
    record = api.services.read_log.record

    async def noticed(read: Read) -> None:
        await record(read)
        reads.append(read)

    monkeypatch.setattr(api.services.read_log, "record", noticed)
    return reads


@pytest.fixture(params=[ReadMode.ALL, ReadMode.MATTERS, ReadMode.OFF])
def mode(request: Any, api: Api, monkeypatch: pytest.MonkeyPatch) -> ReadMode:
    monkeypatch.setattr(api.services.read_log, "mode", request.param)
    chosen: ReadMode = request.param
    return chosen


@pytest.fixture
def recording_all(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.services.read_log, "mode", ReadMode.ALL)


def ids(data: Any) -> set[UUID]:
    """All uuids in an answer."""
    match data:
        case dict():
            own = {UUID(of) for name, of in data.items() if name in ("uuid", "recordUuid")}
            return own.union(*map(ids, data.values()))
        case list():
            return set().union(*map(ids, data))
        case _:
            return set()


async def test_all_that_is_shown_of_somebody_is_recorded_in_the_mode_all(
    api: Api, recorded: list[Read], mode: ReadMode
) -> None:
    data = await api.data(SUBJECTS, who="sales")
    shown = {("ticket", of): True for of in ids(data)}
    if mode is ReadMode.ALL:
        (read,) = recorded
        actor = Actor.user(api.people["sales"])
        assert (read.actor, read.how, read.operation) == (actor, How.QUERY, "looking")
        assert read.records == shown
        assert len(read.request_id) == 32
    else:
        assert recorded == []


async def test_what_nobody_asks_for_is_not_said_to_be_read(
    api: Api, recorded: list[Read], recording_all: None
) -> None:
    data = await api.data(TICKETS, who="sales")
    (read,) = recorded
    assert read.operation == "tickets"
    assert read.records == {("ticket", of): False for of in ids(data)}


async def test_records_that_are_about_nobody_are_not_recorded(
    api: Api, recorded: list[Read], recording_all: None
) -> None:
    assert ids(await api.data("{ pipelines(first: 2) { nodes { uuid name } } }", who="sales"))
    assert recorded == []


async def test_an_impersonator_is_recorded_as_two(
    api: Api, recorded: list[Read], mode: ReadMode
) -> None:
    as_sales = await api.http.post(
        "/session/impersonate",
        json={"userId": str(api.people["sales"])},
        headers=api.headers("admin"),
    )
    headers = {"authorization": f"Bearer {as_sales.json()['token']}"}
    response = await api.http.post("/graphql", json={"query": SUBJECTS}, headers=headers)
    shown = ids(response.json()["data"])
    assert shown
    if mode is ReadMode.OFF:
        assert recorded == []
        return
    (read,) = recorded
    admin, sales = str(api.people["admin"]), str(api.people["sales"])
    assert read.actor == Actor(ActorKind.USER, admin, on_behalf_of=sales)
    assert read.records == {("ticket", of): True for of in shown}


async def test_who_could_see_what_is_recorded_in_every_mode_but_off(
    api: Api, recorded: list[Read], mode: ReadMode
) -> None:
    asked = "query ($id: ID!) { whatCouldUserSee(userId: $id) { kind } }"
    of = api.people["sales"]
    await api.data(asked, who="auditor", id=str(of))
    asked = "query ($id: ID!) { whoCouldSee(id: $id) { uuid name } }"
    seen = ids(await api.data(asked, who="auditor", id=str(of)))
    if mode is ReadMode.OFF:
        assert recorded == []
        return
    reach, users = recorded
    assert (reach.operation, reach.records) == ("whatCouldUserSee", {("user", of): False})
    assert users.records == {("user", user): True for user in seen}


async def test_the_audit_trail_is_recorded_in_every_mode_but_off(
    api: Api, recorded: list[Read], mode: ReadMode
) -> None:
    asked = """{ auditTrail(first: 5, where: {type: {eq: "service.ticket.opened"}}) {
        nodes { recordUuid } } }"""
    shown = ids(await api.data(asked, who="auditor"))
    await api.data('{ auditTrail(first: 1, where: {type: {eq: "none"}}) { nodes { type } } }')
    if mode is ReadMode.OFF:
        assert recorded == []
        return
    found, nothing = recorded
    assert found.records == {("ticket", of): False for of in shown}
    assert nothing.records == {}


@pytest.mark.parametrize(("asked", "personal"), [("data", True), ("position", False)])
async def test_the_feed_of_events_is_recorded_with_whether_it_told_anything(
    api: Api, recorded: list[Read], asked: str, personal: bool
) -> None:
    types = '"service.ticket.opened", "sales.pipeline.defined"'
    await api.data(EVENTS % (types, asked), who="auditor")
    (read,) = recorded
    assert {kind for kind, _ in read.records} == {"ticket"}
    assert set(read.records.values()) == {personal}


async def test_what_tells_of_a_record_without_being_one_is_recorded(
    api: Api, recorded: list[Read], sales: dict[str, UUID], recording_all: None
) -> None:
    customer = str(sales["customer"])
    for asked in (
        'query ($id: ID!) { explain(id: $id, field: "name") { value } }',
        "query ($id: ID!) { diff(id: $id, from: {asOf: {version: 1}}) { changes { after } } }",
        "query ($id: ID!) { customer(by: {id: $id}) { history(first: 1) { nodes { data } } } }",
        "query ($id: ID!) { customer(by: {id: $id}, asOf: {version: 1}) { name } }",
    ):
        recorded.clear()
        await api.data(asked, who="sales", id=customer)
        (read,) = recorded
        assert read.records == {("customer", sales["customer"]): True}, asked
    recorded.clear()
    asked = """query ($id: ID!) { customer(by: {id: $id}) {
        timeline(first: 50) { nodes { text } } } }"""
    await api.data(asked, who="sales", id=customer)
    assert {kind for kind, _ in recorded[0].records} == {"customer", "opportunity", "ticket"}


async def test_what_a_mutation_shows_is_recorded(
    api: Api, recorded: list[Read], sales: dict[str, UUID], recording_all: None
) -> None:
    await api.data(
        """mutation ($id: ID!) { customerTag(input: {customerId: $id, tag: "seen"}) {
            customer { name } } }""",
        who="sales",
        id=str(sales["customer"]),
    )
    (read,) = recorded
    assert (read.how, read.operation) == (How.MUTATION, "customerTag")
    assert read.records == {("customer", sales["customer"]): True}


async def test_each_event_of_a_subscription_is_recorded_before_it_is_sent(
    api: Api, address: str, recorded: list[Read], sales: dict[str, UUID], recording_all: None
) -> None:
    asked = """subscription follow { events(after: 0, types: ["service.ticket.opened"]) {
        recordUuid data } }"""
    async with streaming(api, address, SSE, asked) as response:
        shown = [of for payload in await payloads(response, 3) for of in ids(payload)]
        read = recorded[:3]
    assert [of.records for of in read] == [{("ticket", of): True} for of in shown]
    assert {(of.how, of.operation) for of in read} == {(How.SUBSCRIPTION, "follow")}


async def test_a_query_over_a_websocket_is_recorded_once(
    api: Api, address: str, recorded: list[Read], sales: Any, recording_all: None
) -> None:
    async with connected(address, api, "sales") as client:
        await client.subscribe(SUBJECTS)
        shown = ids((await client.receive())["payload"]["data"])
    (read,) = recorded
    assert read.records == {("ticket", of): True for of in shown}


async def test_a_name_in_a_report_is_a_read_and_a_number_is_none(
    api: Api, recorded: list[Read], sales: Any, recording_all: None
) -> None:
    asked = "{ salesPipelineReport(groupBy: OWNER) { rows { key %s } } }"
    await api.data(asked % "", who="sales")
    assert recorded == []
    data = await api.data(asked % "label", who="sales")
    (read,) = recorded
    owners = {UUID(row["key"]) for row in data["salesPipelineReport"]["rows"]}
    assert api.people["sales"] in owners
    assert read.records == {("user", owner): True for owner in owners}


# --- when it cannot be recorded -------------------------------------------------------------------


@pytest.fixture
async def unrecordable(api: Api, api_url: str, recording_all: None) -> AsyncIterator[None]:
    with psycopg.connect(api_url, autocommit=True) as owner:
        owner.execute("revoke insert on audit.reads from crm_tenant")
        yield
        owner.execute("grant insert on audit.reads to crm_tenant")


@pytest.mark.parametrize("asked", [SUBJECTS, "{ auditTrail(first: 1) { nodes { type } } }"])
async def test_what_cannot_be_recorded_is_not_shown(
    api: Api, sales: Any, unrecordable: None, asked: str
) -> None:
    body = await api.ask(asked)
    assert body["data"] is None
    (error,) = body["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert error["extensions"]["reason"] == "reads.not_recorded"


async def test_what_is_not_to_be_recorded_is_shown_all_the_same(
    api: Api, sales: Any, unrecordable: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.services.read_log, "mode", ReadMode.MATTERS)
    assert ids(await api.data(SUBJECTS))


# --- what is personal -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.table], ids=lambda kind: kind.name)
def test_what_an_erasure_takes_from_a_row_is_personal(kind: Any) -> None:
    table: Table[Any] = kind.table
    row = table.row(**{name: _something(name) for name in table.row.__struct_fields__})
    erased = table.erased(row, UUID(int=1))
    gone = {
        name for name in table.row.__struct_fields__ if getattr(row, name) != getattr(erased, name)
    }
    assert gone - {"merges"} <= personal_fields(kind.name)
    assert bool(gone) == (kind.name in PERSONAL_KINDS)


def _something(name: str) -> Any:
    if name.endswith("_about"):
        return UUID(int=1)
    return () if name in ("points", "affiliations", "merges", "contacts") else "something"


def test_personal_fields_have_their_names_in_graphql() -> None:
    def names(kind: str) -> set[str]:
        of: Any = schema._schema.type_map[kind.title()]
        return set(personal_names(of, kind))

    assert {"name", "email", "phone", "contactPoints", "addresses"} <= names("customer")
    assert names("interaction") == {"subject", "body"}
    assert names("pipeline") == set()
