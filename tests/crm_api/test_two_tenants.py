"""G12 over the API: a tenant's people meet no word and no id of another tenant, whatever they ask.

Two tenants in one database, each with a company whose every text is its canary and whose every id
is known. One of them asks generated queries with ids and words of both.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from crm_api.app import create_app
from crm_api.graphql.compiled.answers import CompiledReads
from crm_api.graphql.compiled.reader import Reader
from crm_api.graphql.context import Context
from crm_api.graphql.ids import global_id, parsed
from crm_api.graphql.registry import KINDS
from crm_api.http.allowance import Allowance, Buckets
from crm_api.schema import schema
from crm_api.services import Services, open_services
from crm_core import SYSTEM, Command, Crm, Money, NotFound
from crm_core.audit.export import export
from crm_core.audit.log import Signer
from crm_core.audit.signing import AuditKeys, Memory, new_key_line
from crm_core.customers.customer.commands import (
    AddContactPoint,
    AssignCustomerOwner,
    RegisterPerson,
    RenameCustomer,
    TagCustomer,
)
from crm_core.customers.customer.events import ContactPointType
from crm_core.embedded import EmbeddedPostgres
from crm_core.engagement.interaction.commands import LogInteraction
from crm_core.engagement.interaction.events import InteractionChannel, InteractionDirection
from crm_core.engagement.task.commands import CreateTask
from crm_core.identity import (
    AddTeamMember,
    CreateTeam,
    DefineRole,
    GrantRole,
    GrantShare,
    InviteUser,
    IssueApiKey,
    RoleRule,
)
from crm_core.ledger.postgres.connections import open_pool
from crm_core.sales.opportunity.commands import OpenOpportunity
from crm_core.sales.pipeline.commands import DefinePipeline
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.service.ticket.commands import OpenTicket
from crm_core.service.ticket.events import TicketChannel
from crm_projections.reading import Pipelines, Reads
from crm_projections.registry import PROJECTIONS
from crm_projections.subject_access import subject_access

from .conftest import ROOT_KEY, database, make_user
from .random_company import Company, fill
from .random_queries import COMPILED, Asked, Manner, query

QUERIES = 100_000 if os.environ.get("CRM_SOAK") else 600
ASKING = ("admin", "sales", "auditor")
UNLIMITED = Allowance(maximum=10**12, restored=10**12)


@dataclass(frozen=True)
class Tenant:
    """`ids` are all that were made here, `canary` is in every text."""

    canary: str
    services: Services
    company: Company
    known: dict[str, list[str]]
    ids: frozenset[str]
    users: dict[str, UUID]

    def token(self, who: str) -> str:
        return self.services.tokens.issue(self.users[who])[0]


@dataclass(frozen=True)
class Two:
    mine: Tenant
    theirs: Tenant
    url: str
    manners: Sequence[Manner]


# --- two companies --------------------------------------------------------------------------------


def story(canary: str, owner: UUID) -> list[Command]:
    """A record of each kind, with the canary wherever there is a text."""
    pipeline = DefinePipeline(name=canary, stages=STANDARD_STAGES)
    person = RegisterPerson(name=canary, email=f"{canary}@example.com")
    team = CreateTeam(name=canary)
    user = InviteUser(name=canary, email=f"user.{canary}@example.com")
    return [
        pipeline,
        person,
        RenameCustomer(customer_id=person.customer_id, name=f"{canary} again"),
        AddContactPoint(
            customer_id=person.customer_id, type=ContactPointType.EMAIL,
            value=f"two.{canary}@example.com",
        ),
        TagCustomer(customer_id=person.customer_id, tag=canary),
        AssignCustomerOwner(customer_id=person.customer_id, owner_id=owner),
        OpenOpportunity(
            name=canary, customer_id=person.customer_id, pipeline_id=pipeline.pipeline_id,
            owner_id=owner, currency="EUR", amount=Money(Decimal(7), "EUR"),
        ),
        OpenTicket(subject=canary, customer_id=person.customer_id, channel=TicketChannel.WEB),
        CreateTask(
            title=canary, assignee_id=owner, customer_id=person.customer_id,
            due_at=datetime(2027, 1, 1, tzinfo=UTC),
        ),
        LogInteraction(
            customer_id=person.customer_id, subject=canary, body=canary,
            channel=InteractionChannel.CALL, direction=InteractionDirection.INBOUND,
        ),
        user,
        team,
        AddTeamMember(team_id=team.team_id, user_id=owner),
        DefineRole(name=canary, rules=(RoleRule(kind="customer", actions=("read",)),)),
        GrantRole(user_id=owner, role=canary),
        GrantShare(record_id=person.customer_id, principal_id=team.team_id),
        IssueApiKey(
            key_id=uuid4(), name=canary, user_id=owner, digest=uuid4().hex * 2,
            scopes=("customer.read",), expires_at=datetime.now(UTC) + timedelta(days=9),
        ),
    ]  # fmt: skip


@asynccontextmanager
async def tenant(url: str, name: str, series: int, folder: Path) -> AsyncIterator[Tenant]:
    canary = f"canary_{name}"
    signer = Signer(AuditKeys.parse(new_key_line()), Memory(folder))
    company = Company(series, [f"{canary} ä{number} 漢" for number in range(4)])
    async with open_services(url, ROOT_KEY, name, signer) as services:
        users = {who: await make_user(services, who) for who in ASKING}
        for command in story(canary, users["sales"]):
            await services.crm.execute(command, SYSTEM)
        head = await services.crm.position()
        await services.runner.wait_for(services.crm.tenant_id, head, seconds=20)
        pool = await open_pool(url, "crm_projector", size=1)
        await fill(pool, services.crm.tenant_id, random.Random(series), company)
        await pool.close()
        known, ids = await made(services.crm)
        ids |= {str(key) for key in company.own_keys()}
        yield Tenant(canary, services, company, known, frozenset(ids), users)


async def made(crm: Crm) -> tuple[dict[str, list[str]], set[str]]:
    """The global ids of the records by type, and every id there is in the ledger.

    A role's id follows from its name, the same in every tenant: it is nobody's secret.
    """
    type_names = {kind.aggregate.TOPIC: kind.type_name for kind in KINDS}
    known: dict[str, dict[str, None]] = {}
    ids = {str(crm.tenant_id)}
    async for page in crm.events():
        for event in page:
            type_name = type_names[event.record_type]
            known.setdefault(type_name, {})[global_id(type_name, event.record_id)] = None
            of = event.stored
            record = [] if type_name == "Role" else [of.stream_id]
            ids |= {str(key) for key in (of.event_id, of.command_id, of.correlation_id, *record)}
    return {name: list(found) for name, found in known.items()}, ids


@pytest.fixture(scope="module")
def two_url(postgres: EmbeddedPostgres, migrated: str) -> Iterator[str]:
    with database(postgres, migrated, "two") as url:
        yield url


@pytest.fixture(scope="module")
async def two(two_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    async with AsyncExitStack() as opened:
        mine, theirs = [
            await opened.enter_async_context(
                tenant(two_url, name, series, tmp_path_factory.mktemp(name))
            )
            for series, name in enumerate(("mine", "theirs"), start=1)
        ]
        words = [*theirs.company.texts, theirs.canary]
        whole = Manner(
            roots=list(schema._schema.query_type.fields), folded=0.5, past=0.2,
            company=replace(theirs.company, texts=words), known=theirs.known,
        )  # fmt: skip
        compiled = replace(whole, roots=COMPILED.roots, folded=COMPILED.folded, past=COMPILED.past)
        own = replace(whole, company=mine.company, known=mine.known)
        yield Two(mine, theirs, two_url, [whole, whole, compiled, compiled, own])


# --- looking for what leaked ----------------------------------------------------------------------


def foreign(found: Any, of: Tenant) -> Iterator[str]:
    """Every text in an answer that is the tenant's, as it stands or inside an opaque id."""
    match found:
        case dict():
            for name, value in found.items():
                yield from foreign(name, of)
                yield from foreign(value, of)
        case list():
            for value in found:
                yield from foreign(value, of)
        case str():
            inside = parsed(found)
            if of.canary in found or found in of.ids or (inside and inside.key in of.ids):
                yield found


def without(asked: Asked, message: str) -> str:
    """An error's words without what the question itself had said."""
    said = list(strings(asked.variables))
    for text in sorted({*said, *asked.text.split('"')[1::2]}, key=len, reverse=True):
        message = message.replace(text, "…") if text else message
    return message


def strings(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for inner in value.values():
                yield from strings(inner)
        case list():
            for inner in value:
                yield from strings(inner)
        case str():
            yield value


def leaks(asked: Asked, body: dict[str, Any], of: Tenant) -> list[str]:
    """What of the other tenant is in an answer; errors may say again what was asked."""
    told = [without(asked, json.dumps(e, ensure_ascii=False)) for e in body.get("errors", ())]
    found = list(foreign(body.get("data"), of))
    found += [text for text in told if of.canary in text or any(key in text for key in of.ids)]
    return found


async def post(http: httpx.AsyncClient, asked: Asked, token: str) -> dict[str, Any]:
    response = await http.post(
        "/graphql",
        json={"query": asked.text, "variables": asked.variables},
        headers={"authorization": f"Bearer {token}"},
    )
    body: dict[str, Any] = response.json()
    return body


@asynccontextmanager
async def asking(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://crm") as http:
        yield http


async def fuzzed(two: Two, services: Services, count: int, seed: int) -> tuple[list[str], int]:
    """What leaked into the answers to generated queries, and how many had data of their own."""
    chance = random.Random(seed)
    leaked: list[str] = []
    telling = 0
    async with asking(services) as http:
        for number in range(count):
            asked = query(chance, [], two.manners[number % len(two.manners)])
            body = await post(http, asked, two.mine.token(chance.choice(ASKING)))
            leaked += [f"{leak} by {asked.text}" for leak in leaks(asked, body, two.theirs)]
            telling += any(foreign(body.get("data"), two.mine))
    return leaked, telling


# --- the promise ----------------------------------------------------------------------------------


async def test_generated_queries_meet_nothing_of_another_tenant(two: Two) -> None:
    services = replace(two.mine.services, buckets=Buckets(UNLIMITED))
    leaked, telling = await fuzzed(two, services, QUERIES, seed=1)
    assert leaked == []
    assert telling > QUERIES * 0.05, "most of what is asked must be worth asking"


async def test_every_id_of_another_tenant_is_one_that_does_not_exist(two: Two) -> None:
    """By each argument that takes an id, now and in the past: as for an id that was never given."""
    async with asking(two.mine.services) as http:
        for type_name, ids in two.theirs.known.items():
            if type_name in ("Role", "Tenant"):
                continue  # their ids follow from names that everybody knows
            answers = []
            for key in (ids[0], global_id(type_name, uuid4())):
                body = await post(http, Asked(ONE, {"id": key}), two.mine.token("admin"))
                bare = parsed(key)
                assert bare is not None
                for error in body.get("errors", ()):
                    error["extensions"].pop("traceId")
                answers.append(json.dumps(body).replace(key, "…").replace(bare.key, "…"))
            assert answers[0] == answers[1], type_name


ONE = """query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id }
  past: nodes(ids: [$id], asOf: {position: 999999}) { id }
  before: nodes(ids: [$id], asOf: {time: "2090-01-01T00:00:00Z"}) { id }
  diff(id: $id, from: {asOf: {position: 0}}) { recordUuid }
  explain(id: $id, field: "version") { value }
  whoCouldSee(id: $id) { id }
  events(first: 9, recordId: $id) { nodes { id } }
  auditTrail(first: 9, where: {recordId: {eq: $id}}) { totalCount nodes { id } }
  shares(first: 9, where: {sharedId: {eq: $id}}) { totalCount }
  teams(first: 9, where: {memberIds: {contains: $id}}) { totalCount } }"""


async def test_words_of_another_tenant_find_and_count_nothing(two: Two) -> None:
    where = "(first: 9, where: {name: {contains: $word}}) { totalCount }"
    asked = f"""query ($word: String!) {{ customers{where} opportunities{where} products{where}
      users{where} teams{where} roles{where}
      tickets(first: 9, where: {{subject: {{contains: $word}}}}) {{ totalCount }}
      auditTrail(first: 9, search: $word) {{ totalCount }} }}"""
    async with asking(two.mine.services) as http:
        for word, finds in ((two.theirs.canary, False), (two.mine.canary, True)):
            body = await post(http, Asked(asked, {"word": word}), two.mine.token("admin"))
            assert "errors" not in body, body
            counts = {name: found["totalCount"] for name, found in body["data"].items()}
            assert all((count > 0) is finds for count in counts.values()), counts


async def test_commands_change_nothing_of_another_tenant(two: Two) -> None:
    asked = """mutation ($id: ID!, $dry: Boolean!) {
      customerTag(input: {customerId: $id, tag: "x", dryRun: $dry}) {
        customer { name } userErrors { code } } }"""
    head = await two.theirs.services.crm.position()
    async with asking(two.mine.services) as http:
        for dry in (True, False):
            for key in two.theirs.known["Customer"]:
                body = await post(
                    http, Asked(asked, {"id": key, "dry": dry}), two.mine.token("admin")
                )
                answer = body["data"]["customerTag"]
                assert answer == {"customer": None, "userErrors": [{"code": "record.not_found"}]}
    assert await two.theirs.services.crm.position() == head


async def test_a_follower_hears_of_the_own_tenant_only(two: Two) -> None:
    """All that there is, and what is recorded in both while it listens."""
    mine, theirs = two.mine, two.theirs
    for of in (theirs, mine):
        await of.services.crm.execute(RegisterPerson(name=f"{of.canary} late"), SYSTEM)
    head = await mine.services.crm.position()
    follow = "subscription { events(after: 0) { id position type data recordUuid commandId } }"
    heard: list[Any] = []
    context = Context(mine.services, session=mine.services.tokens.read(mine.token("admin")))
    following: Any = await schema.subscribe(follow, context_value=context)
    async with asyncio.timeout(20):
        async for result in following:
            assert result.errors is None
            heard.append(result.data["events"])
            if heard[-1]["position"] == head:
                break
    await following.aclose()
    assert len(heard) == head
    assert list(foreign(heard, theirs)) == []


async def test_exports_and_case_files_carry_nothing_of_another_tenant(
    two: Two, tmp_path: Path
) -> None:
    mine, theirs = two.mine, two.theirs
    crm, audit = mine.services.crm, mine.services.audit
    await audit.integrate(crm.tenant_id)
    await audit.sign(crm.tenant_id)
    await export(audit, crm.tenant_id, tmp_path / "export")
    whole = b"".join(
        path.read_bytes() for path in (tmp_path / "export").rglob("*") if path.is_file()
    )
    assert theirs.canary.encode() not in whole
    assert not any(key.encode() in whole for key in theirs.ids)
    assert any(key.encode() in whole for key in mine.ids)
    for of, finds in ((mine, True), (theirs, False)):
        key = parsed(of.known["Customer"][0])
        assert key is not None
        about = subject_access(
            crm, mine.services.pool, mine.services.read_log, PROJECTIONS, UUID(key.key), SYSTEM
        )
        if finds:
            assert mine.canary.encode() in await about
        else:
            with pytest.raises(NotFound):
                await about


# --- planted bugs ---------------------------------------------------------------------------------


@asynccontextmanager
async def careless(two: Two, bug: str) -> AsyncIterator[Services]:
    """My tenant's server with one way to the other's rows, the wall between tenants left out."""
    mine, theirs = two.mine.services, two.theirs.services
    pool = await open_pool(two.url, "crm_app", size=4)
    pipelines = Pipelines(pool)
    with pytest.MonkeyPatch.context() as patched:
        match bug:
            case "a read model's rows":
                yield replace(mine, reads=Reads(pool, theirs.crm.tenant_id))
            case "the ledger's events":
                patched.setattr(mine.crm, "store", theirs.crm.store)
                patched.setattr(mine.crm, "tenant_id", theirs.crm.tenant_id)
                patched.setattr(mine.crm.authority, "_tenant_id", theirs.crm.tenant_id)
                yield mine
            case "a compiled statement":

                async def reader(self: CompiledReads, context: Context) -> Reader:
                    return Reader.of(theirs.crm.tenant_id, await context.rights(), False)

                patched.setattr(CompiledReads, "_reader", reader)
                yield replace(mine, pipelines=pipelines)
    await pipelines.close()
    await pool.close()


@pytest.mark.parametrize(
    "bug", ["a read model's rows", "the ledger's events", "a compiled statement"]
)
async def test_the_generated_queries_find(two: Two, bug: str) -> None:
    async with careless(two, bug) as services:
        unlimited, leaked = replace(services, buckets=Buckets(UNLIMITED)), []
        for seed in range(2, QUERIES // 100):
            leaked, _ = await fuzzed(two, unlimited, 100, seed)
            if leaked:
                break
    assert leaked


async def test_behind_the_wall_a_statement_for_another_tenant_finds_nothing(two: Two) -> None:
    """The same bug as above, with the sessions that serve: one tenant's, whatever is asked."""
    mine, theirs = two.mine.services, two.theirs.services
    forged = replace(mine, reads=Reads(mine.pool, theirs.crm.tenant_id), buckets=Buckets(UNLIMITED))
    leaked, _ = await fuzzed(two, forged, 100, seed=2)
    assert leaked == []
