"""Every document of the cookbook is answered over the demo company, without an error."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from argon2 import PasswordHasher
from graphql import OperationType, get_operation_ast, parse

from cookbook.book import FILES, documents, written
from crm_api.app import create_app
from crm_api.graphql.compiled.answers import CompiledReads
from crm_api.graphql.compiled.resolving import Resolving
from crm_api.graphql.context import Context
from crm_api.graphql.ids import global_id
from crm_api.http.profile import Profile
from crm_api.http.trusted import read_trusted
from crm_api.schema import schema
from crm_api.services import open_services
from crm_core.audit.log import Signer
from crm_core.audit.reads import Read
from crm_core.audit.signing import AuditKeys, Memory, new_key_line
from crm_core.customers.customer.commands import LinkExternalId, RegisterPerson
from crm_core.demo import DemoCompany, make_demo
from crm_core.embedded import EmbeddedPostgres
from crm_core.identity import passwords

from .conftest import ROOT_KEY, Api, database
from .test_bulk import begun, ended, uploaded
from .test_compiled import all_recorded, ordered

BOOK = documents()
TIME = "2026-06-01T09:00:00Z"  # near the end of the demo's story
NOW = datetime(2026, 6, 15, 0, 5, tzinfo=UTC)
ROWS = b"Full name,E-mail\nGrete Holm,grete@example.com\n"


def kind_of(name: str) -> OperationType:
    operation = get_operation_ast(parse(BOOK[name]))
    assert operation is not None, "one operation a file"
    return operation.operation


def of_kind(kind: OperationType) -> list[str]:
    return [name for name in BOOK if kind_of(name) is kind]


@pytest.fixture(scope="module")
def demo_url(postgres: EmbeddedPostgres, migrated: str) -> Iterator[str]:
    with database(postgres, migrated, "cookbook") as url:
        yield url


@dataclass(frozen=True)
class Demo:
    api: Api
    variables: dict[str, dict[str, Any]]  # by the name of the document

    async def asked(self, name: str) -> dict[str, Any]:
        """The data of a document's answer, which has no errors."""
        return await self.api.data(BOOK[name], **self.variables.get(name, {}))


@pytest.fixture(scope="module")
async def demo(demo_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    signer = Signer(AuditKeys.parse(new_key_line()), Memory(tmp_path_factory.mktemp("signed")))
    async with open_services(demo_url, ROOT_KEY, signer=signer, takes_get=True) as services:
        with pytest.MonkeyPatch.context() as patch:
            cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
            patch.setattr(passwords, "_HASHER", cheap)
            company = await make_demo(services.crm, now=NOW, password="a lighthouse for coffee")
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://crm") as http:
            admin = await services.crm.holder("login", company.admin_email)
            assert admin is not None
            api = Api(services, {"admin": admin}, http)
            await api.shown()
            await services.audit.integrate(services.crm.tenant_id)
            await services.audit.sign(services.crm.tenant_id)
            yield Demo(api, await variables(api, company, admin))


async def variables(api: Api, company: DemoCompany, admin: UUID) -> dict[str, dict[str, Any]]:
    customer = {"id": global_id("Customer", company.customer_id)}
    deal = {"id": global_id("Opportunity", company.open_opportunity_id)}
    ticket = {"id": global_id("Ticket", company.escalated_ticket_id)}
    forgotten = RegisterPerson(name="Ada", email="ada.forgotten@example.com")
    await api.given(forgotten)
    opportunity = await api.data(
        "query ($id: ID!) { opportunity(by: {id: $id}) { version } }", **deal
    )
    owner = "query ($id: ID!) { opportunity(by: {id: $id}) { owner { id } } }"
    colleague = (await api.data(owner, **deal))["opportunity"]["owner"]["id"]
    leaver = await api.invited("sales")
    said = {"mutation": "customerRegisterPerson"}
    operation = {"id": await begun(api, b'{"name": "Lars Vik"}\n', **said)}
    await ended(api, operation["id"])
    return {
        "customer-by-id": customer,
        "customer-by-email": {"email": "Ada.Forgotten@example.com"},
        "customer-overview": customer,
        "my-open-tasks": {"me": str(admin)},
        "search": {"text": "nor"},
        "opportunity-as-of": {**deal, "time": TIME},
        "opportunity-diff": {**deal, "since": TIME},
        "explain-field": {**deal, "field": "stageId"},
        "customer-history": customer,
        "audit-search": {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"},
        "event-proof": {"position": 7},
        "who-could-see": {**customer, "time": "2100-01-01T00:00:00Z"},
        "refetch": {"ids": [customer["id"], deal["id"], ticket["id"]]},
        "register-person": {"name": "Elif Kaya", "email": "elif@example.com", "key": "sign-up-1"},
        "move-stage": {
            **deal, "stageId": company.next_stage_id, "key": "move-1",
            "version": opportunity["opportunity"]["version"],
        },
        "plan-next-step": {
            **deal, "text": "Send the offer", "on": "2026-07-01",
            "dueAt": "2026-07-01T09:00:00Z", "assignee": str(admin),
        },
        "bulk-import": {"uploadId": await uploaded(api, ROWS)},
        "bulk-operation": operation,
        "owned-records": {"id": colleague},
        "deactivate-user": {
            "id": str(leaver), "successor": colleague, "ticketQueue": "second-line",
        },
        "erase-customer": {"id": global_id("Customer", forgotten.customer_id)},
        "follow-events": {"after": 0},
        "follow-bulk-operation": operation,
    }  # fmt: skip


def test_what_is_written_from_the_cookbook_is_what_it_says() -> None:
    for file, text in zip(FILES, written(), strict=True):
        assert file.read_text("utf-8") == text, f"run `make cookbook` and commit {file.name}"


def test_the_manifest_can_be_trusted() -> None:
    manifest, _ = FILES
    trusted = read_trusted(Profile.FIRST_PARTY, manifest)
    assert sorted(trusted.texts.values()) == sorted(BOOK.values())


def test_every_document_says_first_what_it_is_for() -> None:
    for name, text in BOOK.items():
        assert re.match(r"# [A-Z].+[.?]\n", text), name
        assert max(map(len, text.splitlines())) <= 110, name


@pytest.mark.parametrize("name", of_kind(OperationType.QUERY))
async def test_a_query_of_the_cookbook_is_answered(demo: Demo, name: str) -> None:
    data = await demo.asked(name)
    assert all(data.values()), "there is something to be seen"


@pytest.mark.parametrize("name", of_kind(OperationType.MUTATION))
async def test_a_mutation_of_the_cookbook_is_answered(demo: Demo, name: str) -> None:
    data = await demo.asked(name)
    for payload in data.values():
        assert payload["userErrors"] == []


@pytest.mark.parametrize("name", of_kind(OperationType.SUBSCRIPTION))
async def test_a_subscription_of_the_cookbook_is_answered(demo: Demo, name: str) -> None:
    api = demo.api
    context = Context(api.services, session=api.services.tokens.read(api.token("admin")))
    following: Any = await schema.subscribe(
        BOOK[name], variable_values=demo.variables[name], context_value=context
    )
    first = await anext(following)
    await following.aclose()
    assert first.errors is None
    assert all(first.data.values())


async def test_what_is_sent_again_with_its_key_is_done_once(demo: Demo) -> None:
    first, again = [
        (await demo.asked("register-person"))["customerRegisterPerson"] for _ in range(2)
    ]
    assert again["receipt"]["replayed"]
    assert again["customer"] == first["customer"]


# --- how they are answered ------------------------------------------------------------------------

# What no statement gives, and is resolved beside it; docs/cookbook/README.md says why.
RESOLVED = {
    "Query.auditTrail", "Query.auditProof", "Query.bulkOperation", "Query.diff", "Query.explain",
    "Query.nodes", "Query.projectionStatus", "Query.salesForecastReport",
    "Query.salesPipelineReport", "Query.ticketBacklogReport", "Query.user", "Query.users",
    "Query.viewer",
    "Query.whoCouldSee",
    "Query.opportunity",  # as of the past
    "Customer.history", "Customer.timeline", "Opportunity.stage",
    "Customer.owner", "Opportunity.owner", "Task.assignee", "Ticket.assignee",
}  # fmt: skip


async def compiled(demo: Demo, name: str) -> tuple[Any, set[str]]:
    """The answer in front of the executor, or None; and the fields that were resolved for it."""
    services = demo.api.services
    context = Context(services, session=services.tokens.read(demo.api.token("admin")))
    reads = CompiledReads(schema, services)
    answer = await reads.answer(context, BOOK[name], None, demo.variables.get(name, {}))
    plans = [plan for plan in reads._plans.values() if plan is not None]
    return answer and ordered(answer), {str(place) for plan in plans for place in plan.places}


async def executed(demo: Demo, name: str) -> Any:
    """By GET, which is never compiled."""
    params = {"query": BOOK[name], "variables": json.dumps(demo.variables.get(name, {}))}
    headers = demo.api.headers("admin")
    answer = await demo.api.http.get("/graphql", params=params, headers=headers)
    return ordered(answer.content)


async def test_no_query_of_the_cookbook_or_the_console_needs_the_executor(demo: Demo) -> None:
    queries, beside = of_kind(OperationType.QUERY), set[str]()
    needing = []
    for name in queries:
        answer, resolved = await compiled(demo, name)
        beside |= resolved
        if answer is None:
            needing.append(name)
    assert needing == [], f"of {len(queries)}"
    assert beside == RESOLVED


async def differing(demo: Demo, recorded: list[Read]) -> list[str]:
    """The queries whose answers or whose recorded reads differ by the way they are answered."""
    found = []
    for name in of_kind(OperationType.QUERY):
        recorded.clear()
        (one, _), read = await compiled(demo, name), list(recorded)
        recorded.clear()
        other = await executed(demo, name)
        if one is not None and (one, read) != (other, recorded):
            found.append(name)
    return found


@pytest.fixture
def recorded(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    return all_recorded(demo.api.services, monkeypatch)


async def test_both_ways_answer_the_cookbook_the_same(demo: Demo, recorded: list[Read]) -> None:
    assert await differing(demo, recorded) == []


@pytest.mark.parametrize("fault", ["unnoted", "another record's", "in another order"])
async def test_a_place_that_is_filled_wrongly_is_caught(
    demo: Demo, recorded: list[Read], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    whole, members, filling = Resolving._object, Resolving._members_of, Resolving._filling
    keys: dict[str, str] = {}

    def unnoted(self: Any, of: Any, value: Any, at: Any) -> Any:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(of, "is_type_of", None)
            return whole(self, of, value, at)

    async def mistaken(self: Any, place: Any, key: str, at: Any) -> str:
        return await filling(self, place, keys.setdefault(str(place), key), at)

    def reversed_members(self: Any, of: Any, selected: Any) -> Any:
        return members(self, of, selected)[::-1]

    match fault:
        case "unnoted":
            monkeypatch.setattr(Resolving, "_object", unnoted)
        case "another record's":
            monkeypatch.setattr(Resolving, "_filling", mistaken)
        case _:
            monkeypatch.setattr(Resolving, "_members_of", reversed_members)
    assert await differing(demo, recorded) != []


BY = """query ($email: String!, $system: String!, $id: String!) {
  a: customer(by: {email: $email}) { name owner { name } }
  b: customer(by: {externalId: {system: $system, id: $id}}) { name email } }"""


async def test_one_plan_serves_every_unique_key(demo: Demo) -> None:
    api = demo.api
    people = [RegisterPerson(name=f"Person {n}", email=f"p{n}@example.com") for n in range(3)]
    links = [
        LinkExternalId(customer_id=person.customer_id, system="erp", external_id=f"E-{n}")
        for n, person in enumerate(people)
    ]
    await api.given(*people, *links)
    reads = CompiledReads(schema, api.services)
    for n in range(4):
        context = Context(api.services, session=api.services.tokens.read(api.token("admin")))
        given = {"email": f"P{n}@Example.com", "system": "erp", "id": f"E-{n}"}
        answer = await reads.answer(context, BY, None, given)
        assert answer is not None
        data = json.loads(answer)["data"]
        assert data == await api.data(BY, **given)
        assert (data["a"] or {}).get("name") == (f"Person {n}" if n < 3 else None)
        assert (data["b"] or {}).get("email") == (f"p{n}@example.com" if n < 3 else None)
    (plan,) = reads._plans.values()
    assert plan is not None
    assert plan.statement is not None
