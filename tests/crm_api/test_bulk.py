"""Much at once: files of rows in, lists of records out, with progress and with rights."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pyarrow.parquet as parquet
import pytest
from graphql import (
    GraphQLBoolean,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLString,
)
from starlette.responses import FileResponse

from crm_api.bulk.exporting import list_query
from crm_api.bulk.files import Files
from crm_api.bulk.rows import rows_of
from crm_api.bulk.runner import BulkRunner
from crm_api.graphql.ids import uuid_of
from crm_api.schema import schema
from crm_core import Invalid, Rejected
from crm_core.audit.reads import How
from crm_core.customers.customer.commands import AssignCustomerOwner, RegisterPerson
from crm_core.exchange import BulkFormat, BulkOperation
from crm_core.identity import DefineRole, RoleRule
from crm_core.identity.user.commands import GrantRole, RevokeRole

from .conftest import Api, make_user

IMPORT = """mutation ($input: BulkOperationImportInput!) { bulkOperationImport(input: $input) {
  userErrors { code message path } bulkOperation { id uuid status } } }"""
EXPORT = """mutation ($query: String!, $variables: String, $format: BulkFormat = JSONL) {
  bulkOperationExport(input: {query: $query, variables: $variables, format: $format}) {
    userErrors { code message path } bulkOperation { id uuid status } } }"""
SHOW = """query ($id: ID!) { bulkOperation(id: $id) {
  status rows refused errorCode url errorsUrl } }"""


def tagged(tag: str, count: int) -> bytes:
    rows = [{"name": f"Row {n}", "source": tag} for n in range(count)]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


async def uploaded(api: Api, content: bytes, *, who: str = "admin") -> str:
    answer = await api.http.post("/files", content=content, headers=api.headers(who))
    assert answer.status_code == 200, answer.text
    upload_id: str = answer.json()["uploadId"]
    return upload_id


async def begun(api: Api, content: bytes, *, who: str = "admin", **said: Any) -> str:
    """An import that was asked for; its id."""
    given = {"uploadId": await uploaded(api, content, who=who)} | said
    answer = (await api.data(IMPORT, who=who, input=given))["bulkOperationImport"]
    assert answer["userErrors"] == []
    operation_id: str = answer["bulkOperation"]["id"]
    return operation_id


async def ended(api: Api, operation_id: str, *, who: str = "admin") -> dict[str, Any]:
    for _ in range(600):
        shown: dict[str, Any] = (await api.data(SHOW, who=who, id=operation_id))["bulkOperation"]
        if shown["status"] != "RUNNING":
            return shown
        await asyncio.sleep(0.05)
    raise AssertionError("it did not end within 30 seconds")


async def lines(api: Api, url: str, *, who: str = "admin") -> list[Any]:
    answer = await api.http.get(url, headers=api.headers(who))
    assert answer.status_code == 200
    return [json.loads(line) for line in answer.text.splitlines()]


async def customers(api: Api, tag: str) -> list[str]:
    await api.shown()
    names: list[str] = []
    after = None
    while True:
        page = (await api.data(
            """query ($tag: String!, $after: String) { customers(first: 100, after: $after,
                 where: {source: {eq: $tag}}, orderBy: [{field: CREATED_AT, direction: ASC}])
                 { nodes { name } pageInfo { hasNextPage endCursor } } }""",
            tag=tag, after=after,
        ))["customers"]  # fmt: skip
        names += [node["name"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return names
        after = page["pageInfo"]["endCursor"]


@pytest.fixture(autouse=True)
async def nobody_is_being_erased(api: Api) -> None:
    """An erasure takes all files away: that of a test before must be over."""
    for _ in range(600):
        if not await api.services.crm.erasing.pending():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("an erasure did not end within 30 seconds")


# --- in -------------------------------------------------------------------------------------------


async def test_every_row_of_a_file_becomes_a_record(api: Api) -> None:
    tag = uuid4().hex
    shown = await ended(
        api, await begun(api, tagged(tag, 1_234), mutation="customerRegisterPerson")
    )
    assert shown | {"url": None} == {
        "status": "COMPLETED", "rows": 1_234, "refused": 0, "errorCode": None,
        "url": None, "errorsUrl": None,
    }  # fmt: skip
    assert sorted(await customers(api, tag)) == sorted(f"Row {n}" for n in range(1_234))


async def test_refused_rows_are_listed_and_the_others_are_taken(api: Api) -> None:
    tag = uuid4().hex
    rows = [
        {"name": "Ada", "source": tag},
        {"name": " ", "source": tag},
        {"nome": "Who"},
        {"name": "Bob", "source": tag, "idempotencyKey": "x"},
        {"name": "Cyd", "source": tag},
    ]
    content = b"\n".join(json.dumps(row).encode() for row in rows) + b"\n\nno json\n[1]\n"
    shown = await ended(api, await begun(api, content, mutation="customerRegisterPerson"))
    assert (shown["status"], shown["rows"], shown["refused"]) == ("COMPLETED", 7, 5)
    assert await customers(api, tag) == ["Ada", "Cyd"]
    found = await lines(api, shown["errorsUrl"])
    assert [line["row"] for line in found] == [2, 3, 4, 6, 7]
    assert all(line["errors"][0]["message"] for line in found)
    assert found[0]["errors"][0]["path"] == ["name"]


async def test_a_csv_file_is_read_by_its_columns(api: Api) -> None:
    tag = uuid4().hex
    content = f'\ufeffFull name,From,Note\n"Lovelace, Ada",{tag},\nBob,{tag},x\nonly one\n'
    mapping = [{"column": "Full name", "field": "name"}, {"column": "From", "field": "source"}]
    shown = await ended(
        api,
        await begun(
            api, content.encode(), mutation="customerRegisterPerson", format="CSV", mapping=mapping
        ),
    )
    assert (shown["rows"], shown["refused"]) == (3, 1)
    assert await customers(api, tag) == ["Lovelace, Ada", "Bob"]


@pytest.mark.parametrize(
    ("format", "content"),
    [
        (BulkFormat.JSONL, b'{"name": "Ada"}\n{"name": "' + b"x" * 100 + b'"}\n'),
        (BulkFormat.CSV, b"name\nAda\n" + b"x" * 101 + b"\n"),
        (BulkFormat.CSV, b"name\nAda\n" + b'"\n",' * 30 + b"\n"),  # one row of many lines
        (BulkFormat.CSV, b"name\nAda\n" + "é".encode() * 51 + b"\n"),
    ],
)
def test_no_row_is_larger_than_may_be_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: BulkFormat, content: bytes
) -> None:
    """However large the file is: a row is read into the memory as a whole."""
    monkeypatch.setattr("crm_api.bulk.rows.LINE_BYTES_MAX", 100)
    form = GraphQLInputObjectType("Form", {"name": GraphQLInputField(GraphQLString)})
    path = tmp_path / "rows"
    path.write_bytes(content)
    rows = rows_of(path, format, (), form)
    assert next(rows).given == {"name": "Ada"}
    with pytest.raises(Rejected) as refused:
        next(rows)
    assert refused.value.code == "bulk.line_too_long"


def test_many_rows_are_no_large_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm_api.bulk.rows.LINE_BYTES_MAX", 10)
    form = GraphQLInputObjectType("Form", {"name": GraphQLInputField(GraphQLString)})
    path = tmp_path / "rows"
    path.write_bytes(b"name\n" + b"Ada\n" * 100)
    assert len(list(rows_of(path, BulkFormat.CSV, (), form))) == 100


def test_a_cell_is_what_its_field_is(tmp_path: Path) -> None:
    money = GraphQLInputObjectType("Money", {"amount": GraphQLInputField(GraphQLString)})
    form = GraphQLInputObjectType(
        "Form",
        {
            "amount": GraphQLInputField(GraphQLNonNull(money)),
            "days": GraphQLInputField(GraphQLInt),
            "open": GraphQLInputField(GraphQLBoolean),
            "labels": GraphQLInputField(GraphQLList(GraphQLNonNull(GraphQLString))),
        },
    )
    path = tmp_path / "rows.csv"
    path.write_text("amount.amount,days,open,labels\n1.50,7,yes,a; b;\n,x,maybe,\n")
    first, second = rows_of(path, BulkFormat.CSV, (), form)
    assert first.given == {
        "amount": {"amount": "1.50"}, "days": 7, "open": True, "labels": ["a", "b"]
    }  # fmt: skip
    assert second.given == {"days": "x", "open": "maybe"}


async def test_a_column_that_is_not_there_ends_it_before_any_row(api: Api) -> None:
    shown = await ended(
        api,
        await begun(api, b"name,agee\nAda,36\n", mutation="customerRegisterPerson", format="CSV"),
    )
    assert (shown["status"], shown["rows"]) == ("FAILED", 0)
    assert shown["errorCode"] == "bulk.unknown_column"


async def test_the_first_refusal_ends_it_where_that_is_wanted(api: Api) -> None:
    tag = uuid4().hex
    content = tagged(tag, 3) + b'{"name": ""}\n' + tagged(tag, 2)
    shown = await ended(
        api, await begun(api, content, mutation="customerRegisterPerson", errorPolicy="STOP")
    )
    assert (shown["status"], shown["errorCode"]) == ("FAILED", "bulk.row_refused")
    assert (shown["rows"], shown["refused"]) == (4, 1)
    assert len(await customers(api, tag)) == 3


async def test_a_rehearsal_finds_the_refusals_and_records_nothing(api: Api) -> None:
    tag = uuid4().hex
    content = tagged(tag, 3) + b'{"name": ""}\n'
    shown = await ended(
        api, await begun(api, content, mutation="customerRegisterPerson", onlyRehearses=True)
    )
    assert (shown["status"], shown["rows"], shown["refused"]) == ("COMPLETED", 4, 1)
    assert await customers(api, tag) == []


async def test_rows_go_by_the_rights_of_who_asked(api: Api) -> None:
    tag = uuid4().hex
    price = {"amount": "1.00", "currencyCode": "EUR"}
    content = json.dumps({"name": "Widget", "code": tag, "listPrice": price}).encode()
    operation_id = await begun(api, content, who="service", mutation="productAdd")
    shown = await ended(api, operation_id, who="service")
    (line,) = await lines(api, shown["errorsUrl"])
    assert line["errors"][0]["code"] == "access.denied"
    assert (await api.data(SHOW, who="sales", id=operation_id))["bulkOperation"] is None


async def test_who_may_not_import_is_told(api: Api) -> None:
    for headers, status in ((api.headers("auditor"), 403), ({}, 401)):
        answer = await api.http.post("/files", content=b"{}", headers=headers)
        assert answer.status_code == status
    given = {"uploadId": str(uuid4()), "mutation": "customerRegisterPerson"}
    refused = (await api.data(IMPORT, who="auditor", input=given))["bulkOperationImport"]
    assert [e["code"] for e in refused["userErrors"]] == ["access.denied"]


@pytest.mark.parametrize("mutation", ["nothing", "bulkOperationImport", "sessionOpen"])
async def test_rows_go_to_commands_only(api: Api, mutation: str) -> None:
    given = {"uploadId": str(uuid4()), "mutation": mutation}
    answer = (await api.data(IMPORT, input=given))["bulkOperationImport"]
    assert [e["path"] for e in answer["userErrors"]] == [["mutation"]]


async def test_an_upload_that_never_came_ends_the_import(api: Api) -> None:
    given = {"uploadId": str(uuid4()), "mutation": "customerRegisterPerson"}
    answer = (await api.data(IMPORT, input=given))["bulkOperationImport"]
    shown = await ended(api, answer["bulkOperation"]["id"])
    assert (shown["status"], shown["errorCode"]) == ("FAILED", "bulk.upload_missing")


async def test_an_import_that_was_broken_off_goes_on_without_a_gap_or_a_double(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes after rows were sent and before that was noted, twice."""
    tag, times = uuid4().hex, 0
    content = tagged(tag, 700) + b'{"name": ""}\n' + tagged(tag, 700)
    noted = BulkRunner._note

    async def dies(self: BulkRunner, operation_id: UUID, *args: int) -> None:
        nonlocal times
        times += 1
        if times in (1, 3):
            raise psycopg.OperationalError("the server is gone")
        await noted(self, operation_id, *args)

    with monkeypatch.context() as patched:
        patched.setattr(BulkRunner, "_note", dies)
        operation_id = await begun(api, content, mutation="customerRegisterPerson")
        shown = await ended(api, operation_id)
    assert times > 3
    assert (shown["rows"], shown["refused"]) == (1_401, 1)
    assert [line["row"] for line in await lines(api, shown["errorsUrl"])] == [701]
    assert len(await customers(api, tag)) == 1_400


def test_one_server_works_on_it_at_a_time() -> None:
    """Until it has said nothing for its time; then it is told that another has it."""
    now = datetime.now(UTC)
    one, other = uuid4(), uuid4()
    operation = BulkOperation.begin_export(
        uuid4(), now, owner_id=None, document="{ }", variables=None, format=BulkFormat.JSONL
    )
    operation.take(one, now + timedelta(seconds=120))
    with pytest.raises(Rejected, match=r"bulk\.taken"):
        operation.take(other, now + timedelta(seconds=120))
    operation.take(one, now + timedelta(seconds=150))
    operation.note_progress(one, 10, 0, 0)
    operation.happening_at(now + timedelta(seconds=151))
    operation.take(other, now + timedelta(seconds=300))
    with pytest.raises(Rejected, match=r"bulk\.taken"):
        operation.note_progress(one, 20, 0, 0)
    assert operation.rows == 10


# --- out ------------------------------------------------------------------------------------------

LISTED = """query ($tag: String!) { customers(where: {source: {eq: $tag}},
  orderBy: [{field: CREATED_AT, direction: ASC}]) { %s } }"""


async def exported(api: Api, query: str, *, who: str = "admin", **given: Any) -> dict[str, Any]:
    answer = await api.data(EXPORT, who=who, query=query, variables=json.dumps(given))
    assert answer["bulkOperationExport"]["userErrors"] == []
    operation: dict[str, Any] = answer["bulkOperationExport"]["bulkOperation"]
    return operation | await ended(api, operation["id"], who=who)


@pytest.mark.parametrize("items", ["nodes { name uuid }", "edges { node { name uuid } cursor }"])
async def test_all_pages_of_a_list_are_written(api: Api, items: str) -> None:
    tag = uuid4().hex
    await ended(api, await begun(api, tagged(tag, 333), mutation="customerRegisterPerson"))
    await api.shown()
    shown = await exported(api, LISTED % items, tag=tag)
    assert (shown["status"], shown["rows"]) == ("COMPLETED", 333)
    found = await lines(api, shown["url"])
    assert [line["name"] for line in found] == await customers(api, tag)
    assert {line["_exportId"] for line in found} == {shown["uuid"]}
    reads = await api.services.read_log.of([UUID(line["uuid"]) for line in found])
    assert {read.request_id for read, _ in reads} == {UUID(shown["uuid"]).hex}
    assert {read.how for read, _ in reads} == {How.EXPORT}
    assert len({record for read, _ in reads for record in read.records}) == 333


async def test_a_list_can_be_had_in_columns(api: Api, tmp_path: Path) -> None:
    tag = uuid4().hex
    await ended(api, await begun(api, tagged(tag, 120), mutation="customerRegisterPerson"))
    await api.shown()
    query = LISTED % "nodes { uuid name externalIds { system id } }"
    given = {"query": query, "variables": json.dumps({"tag": tag}), "format": "PARQUET"}
    asked = (await api.data(EXPORT, **given))["bulkOperationExport"]["bulkOperation"]
    shown = await ended(api, asked["id"])
    assert shown["status"] == "COMPLETED"
    answer = await api.http.get(shown["url"], headers=api.headers("admin"))
    (tmp_path / "file").write_bytes(answer.content)
    table = parquet.read_table(tmp_path / "file")
    assert table.column_names == ["uuid", "name", "externalIds", "_exportId"]
    assert table["name"].to_pylist() == await customers(api, tag)


@pytest.mark.parametrize(
    ("document", "given"),
    [
        (EXPORT, {"query": "{ customers { nodes { id } } }", "format": "CSV"}),
        (IMPORT, {"input": {"uploadId": str(uuid4()), "mutation": "customerRegisterPerson",
                            "format": "PARQUET"}}),
    ],
    ids=["out", "in"],
)  # fmt: skip
async def test_a_format_has_its_direction(api: Api, document: str, given: dict[str, Any]) -> None:
    (answer,) = (await api.data(document, **given)).values()
    assert [e["path"] for e in answer["userErrors"]] == [["format"]]


async def test_an_export_holds_what_its_asker_may_see(api: Api) -> None:
    """By either of the two ways that a query is answered."""
    tag, customer_id = uuid4().hex, uuid4()
    mine = await make_user(api.services, None)
    api.people["exporter"] = mine
    rules = (
        RoleRule(kind="customer", actions=("read",), scope="OWN"),
        RoleRule(kind="bulk_operation", actions=("read", "export"), scope="OWN"),
    )
    await api.given(
        DefineRole(name=f"r{tag}", rules=rules),
        GrantRole(user_id=mine, role=f"r{tag}"),
        RegisterPerson(customer_id=customer_id, name="Mine", source=tag),
        AssignCustomerOwner(customer_id=customer_id, owner_id=mine),
        RegisterPerson(name="Not mine", source=tag),
    )
    for items in ("nodes { name }", "nodes { name history(first: 1) { nodes { type } } }"):
        shown = await exported(api, LISTED % items, who="exporter", tag=tag)
        assert [line["name"] for line in await lines(api, shown["url"], who="exporter")] == ["Mine"]


async def test_carrying_away_is_a_right_of_its_own(api: Api) -> None:
    query = "{ customers { nodes { name } } }"
    answer = (await api.data(EXPORT, who="sales", query=query))["bulkOperationExport"]
    assert [e["code"] for e in answer["userErrors"]] == ["access.denied"]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("{", "is no GraphQL document"),
        (
            "mutation { customerErase(input: {customerId: 1}) { receipt { position } } }",
            "one query",
        ),
        ("{ customers { nodes { id } } tickets { nodes { id } } }", "one field at its root"),
        ("{ node(id: 1) { id } }", "one field at its root"),
        ("{ customers(first: 3) { nodes { id } } }", "leave out `first`"),
        ("{ customers { totalCount } }", "`nodes"),
        ("{ customers { edges { cursor } } }", "`nodes"),
        ("{ customers { nodes { nothing } } }", "is not valid"),
    ],
)
def test_a_query_that_lists_nothing_to_its_end_is_refused(query: str, problem: str) -> None:
    with pytest.raises(Invalid) as refused:
        list_query(query, schema)
    assert refused.value.path == "query"
    assert problem in refused.value.parameters["problem"]


async def test_more_records_than_may_leave_end_the_export(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = uuid4().hex
    await ended(api, await begun(api, tagged(tag, 5), mutation="customerRegisterPerson"))
    await api.shown()
    bulk = replace(api.services.bulk, rows_max=4)
    monkeypatch.setattr(type(api.services), "bulk", bulk, raising=False)
    shown = await exported(api, LISTED % "nodes { name }", tag=tag)
    assert (shown["status"], shown["errorCode"]) == ("FAILED", "bulk.too_many_rows")
    assert shown["url"] is None


# --- the operation --------------------------------------------------------------------------------


async def test_a_cancelled_operation_stays_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is cancelled while it is at its first rows: those stay, no more follow."""
    tag, sent = uuid4().hex, BulkRunner._send
    operation_id = ""

    async def cancelled(self: BulkRunner, *args: Any) -> list[bytes]:
        found = await sent(self, *args)
        cancel = """mutation ($id: ID!) { bulkOperationCancel(input: {bulkOperationId: $id})
                      { userErrors { code } } }"""
        await api.data(cancel, id=operation_id)
        return found

    monkeypatch.setattr(BulkRunner, "_send", cancelled)
    given = {
        "uploadId": await uploaded(api, tagged(tag, 900)),
        "mutation": "customerRegisterPerson",
    }
    given["bulkOperationId"] = operation_id = str(uuid4())
    await api.data(IMPORT, input=given)
    shown = await ended(api, operation_id)
    assert shown["status"] == "CANCELLED"
    assert len(await customers(api, tag)) == 500


async def test_progress_can_be_followed_to_the_end(api: Api) -> None:
    operation_id = await begun(api, tagged(uuid4().hex, 1_200), mutation="customerRegisterPerson")
    follow = "subscription ($id: ID!) { bulkOperationProgress(id: $id) { status rows } }"
    seen = []
    async with api.http.stream(
        "POST", "/graphql", json={"query": follow, "variables": {"id": operation_id}},
        headers=api.headers("admin") | {"accept": "text/event-stream"},
    ) as answer:  # fmt: skip
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                seen.append(json.loads(line[6:])["data"]["bulkOperationProgress"])
    assert seen[-1] == {"status": "COMPLETED", "rows": 1_200}
    assert [step["rows"] for step in seen] == sorted(step["rows"] for step in seen)


async def test_an_erasure_takes_the_files_away(api: Api) -> None:
    tag, customer_id = uuid4().hex, uuid4()
    await api.given(RegisterPerson(customer_id=customer_id, name="Canary", source=tag))
    shown = await exported(api, LISTED % "nodes { name }", tag=tag)
    erase = """mutation ($id: ID!) { customerErase(input: {customerId: $id})
                 { userErrors { code } } }"""
    await api.data(erase, id=str(customer_id))
    for _ in range(200):
        if not api.services.bulk.files.result(uuid_of(shown["id"])).exists():
            break
        await asyncio.sleep(0.05)
    assert await fetched(api, shown["url"], "admin") == NO_FILE
    assert (await api.data(SHOW, id=shown["id"]))["bulkOperation"]["url"] is None


NO_FILE = (404, "NOT_FOUND")


async def fetched(api: Api, url: str, who: str) -> tuple[int, str]:
    """What comes of it: the status, and the text or the code of the refusal."""
    answer = await api.http.get(url, headers=api.headers(who))
    if answer.status_code == 200:
        return 200, answer.text
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


async def test_a_file_is_given_to_who_may_see_its_operation_and_to_nobody_else(api: Api) -> None:
    """To its owner and to who sees all, as long as they may; for others it is as if there were
    none.
    """
    role = f"r{uuid4().hex}"
    rules = (
        RoleRule(kind="customer", actions=("read",)),
        RoleRule(kind="bulk_operation", actions=("read", "export"), scope="OWN"),
    )
    await api.given(DefineRole(name=role, rules=rules))
    for who in ("exports", "exports too"):
        api.people[who] = await api.invited(role)
    refused = await ended(api, await begun(api, b'{"name": ""}', mutation="customerRegisterPerson"))
    shown = await exported(api, LISTED % "nodes { name }", who="exports", tag="none")
    for who in ("exports", "admin"):
        assert await fetched(api, shown["url"], who) == (200, "")
    for url in (shown["url"], refused["errorsUrl"], f"/files/{uuid4()}.jsonl", "/files/nothing"):
        for who in ("exports too", "sales", "nobody"):
            assert await fetched(api, url, who) == NO_FILE
    await api.given(RevokeRole(user_id=api.people["exports"], role=role))
    assert await fetched(api, shown["url"], "exports") == NO_FILE
    answer = await api.http.get(shown["url"])
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_no_other_file_of_an_operation_is_given(api: Api) -> None:
    upload_id = await uploaded(api, b'{"name": "Ada"}')
    shown = await exported(api, LISTED % "nodes { name }", tag="none")
    files, its = api.services.bulk.files, UUID(shown["uuid"])
    others = (
        files.upload(UUID(upload_id)),
        files.columns(its),
        files.errors(its),
    )
    for path in others[1:]:
        path.write_bytes(b"{}")
    for name in (*(path.name for path in others), shown["uuid"], f"{shown['uuid']}.jsonl.part"):
        assert await fetched(api, f"/files/{name}", "admin") == NO_FILE


@pytest.mark.parametrize("moment", ["before it is measured", "before it is opened"])
async def test_a_file_that_goes_while_it_is_asked_for_is_not_there(
    api: Api, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    shown = await exported(api, LISTED % "nodes { name }", tag="none")
    path, kept = api.services.bulk.files.result(UUID(shown["uuid"])), Files.exported
    made = FileResponse.__init__

    def goes_at_once(self: Files, operation: Any) -> Path | None:
        found = kept(self, operation)
        path.unlink()
        return found

    def goes_then(self: FileResponse, *args: Any, **said: Any) -> None:
        made(self, *args, **said)
        path.unlink()

    if moment == "before it is measured":
        monkeypatch.setattr(Files, "exported", goes_at_once)
    else:
        monkeypatch.setattr(FileResponse, "__init__", goes_then)
    assert await fetched(api, shown["url"], "admin") == NO_FILE
    assert not path.exists()


async def test_an_upload_beyond_the_limit_is_refused_and_not_kept(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_api.bulk.files.UPLOAD_BYTES_MAX", 5)
    before = set(api.services.bulk.files.result(uuid4()).parent.iterdir())
    answer = await api.http.post("/files", content=b"123456", headers=api.headers("admin"))
    assert answer.json()["errors"][0]["extensions"]["reason"] == "bulk.upload_too_large"
    assert set(api.services.bulk.files.result(uuid4()).parent.iterdir()) == before
    assert await uploaded(api, b"12345")


async def test_files_go_after_seven_days(api: Api) -> None:
    files = api.services.bulk.files
    old, new = files.result(uuid4()), files.result(uuid4())
    for path in (old, new):
        path.write_bytes(b"")
    eight_days_ago = time.time() - 8 * 86_400
    os.utime(old, (eight_days_ago, eight_days_ago))
    files.expire()
    assert (old.exists(), new.exists()) == (False, True)


# --- the list -------------------------------------------------------------------------------------

LIST = """query ($where: BulkOperationWhere, $orderBy: [BulkOperationOrder!], $after: String) {
  bulkOperations(first: 2, after: $after, where: $where, orderBy: $orderBy) {
    nodes { uuid kind status rows } pageInfo { hasNextPage endCursor } totalCount } }"""


async def listed_operations(api: Api, *, who: str = "admin", **asked: Any) -> list[dict[str, Any]]:
    """The whole list, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        page = (await api.data(LIST, who=who, **asked))["bulkOperations"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            assert len(found) == page["totalCount"]
            return found
        asked["after"] = page["pageInfo"]["endCursor"]


async def test_operations_are_listed_to_who_asked_for_them_and_to_who_sees_all(api: Api) -> None:
    api.people["lister"] = await api.invited("service")
    content = json.dumps({"name": "Ada"}).encode()
    own = [await begun(api, content, who="lister", mutation="customerRegisterPerson")]
    own.append(await begun(api, content, who="lister", mutation="productAdd", errorPolicy="STOP"))
    other = await begun(api, content, who="service", mutation="customerRegisterPerson")
    for operation_id in own:
        await ended(api, operation_id, who="lister")
    await ended(api, other, who="service")
    await api.shown()
    latest_first = [str(uuid_of(operation_id)) for operation_id in reversed(own)]
    found = await listed_operations(api, who="lister")
    assert [operation["uuid"] for operation in found] == latest_first
    assert [operation["status"] for operation in found] == ["FAILED", "COMPLETED"]
    everything = {operation["uuid"] for operation in await listed_operations(api)}
    assert everything >= {*latest_first, str(uuid_of(other))}


async def test_operations_are_found_by_kind_and_status(api: Api) -> None:
    shown = await exported(api, LISTED % "nodes { name }", tag="none")
    failed = await begun(api, b"{}", mutation="productAdd", errorPolicy="STOP")
    await ended(api, failed)
    await api.shown()
    exports = await listed_operations(api, where={"kind": {"eq": "EXPORT"}})
    assert shown["uuid"] in [operation["uuid"] for operation in exports]
    assert {operation["kind"] for operation in exports} == {"EXPORT"}
    fails = {"kind": {"eq": "IMPORT"}, "status": {"in": ["FAILED", "CANCELLED"]}}
    found = await listed_operations(api, where=fails)
    assert str(uuid_of(failed)) in [operation["uuid"] for operation in found]
    assert {operation["kind"] for operation in found} == {"IMPORT"}
    assert {operation["status"] for operation in found} <= {"FAILED", "CANCELLED"}
    by_end = [{"field": "ENDED_AT", "direction": "ASC"}]
    oldest_first = await listed_operations(api, orderBy=by_end)
    assert oldest_first[-1]["uuid"] == str(uuid_of(failed))


async def test_the_list_needs_the_right_to_read_operations(api: Api) -> None:
    assert await api.codes(LIST, who="nobody") == ["FORBIDDEN"]
