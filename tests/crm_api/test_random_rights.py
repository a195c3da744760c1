"""G22: on every way through the API a random role shows what a plain reading of its rules shows.

Random roles of one user over a company, random questions; what an administrator is answered, cut
down by the reference, must be what the user is answered. Hypothesis' profile says how often each of
the ways is tried: a hundred times, for a release (`CRM_SOAK=1`) 1,200 times, 10,800 in all.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from crm_api.app import create_app
from crm_api.graphql.context import Context, Info
from crm_api.graphql.ids import global_id
from crm_api.http.allowance import Allowance
from crm_api.schema import schema
from crm_api.services import Services, open_services
from crm_core import SYSTEM, Actor, Denied, NotFound
from crm_core.access.records import FIELD_GROUPS
from crm_core.access.rights import ALL_RIGHTS, EVERYTHING, Circle, Reach, Rights, Rule, Scope
from crm_core.embedded import EmbeddedPostgres
from crm_core.identity import ActivateUser, InviteUser
from crm_core.sales.pipeline.commands import DefinePipeline
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_projections.reading.filters import Clause
from crm_projections.reading.sights import Sight
from crm_projections.registry import PROJECTIONS
from crm_projections.subject_access import subject_access

from .conftest import ROOT_KEY, database
from .random_rights import KINDS, ME, PEOPLE, allows, rights, shows, story

UNLIMITED = Allowance(maximum=10**12, restored=10**12)
LAST = Rule(kind="pipeline", actions=("read",))  # of what the ledger ends with


@dataclass(repr=False)
class Company:
    """`owners` are whose the records are, by kind; `given` are the rights of the moment; `last` is
    the position of an event that `LAST` shows.
    """

    services: Services
    http: httpx.AsyncClient
    owners: dict[str, dict[UUID, UUID | None]] = field(default_factory=dict)
    given: Rights = ALL_RIGHTS
    last: int = 0

    async def asked(self, rights: Rights, query: str, **variables: Any) -> dict[str, Any]:
        """The answer for who has these rights: by one statement where there is one."""
        self.given = rights
        body = {"query": query, "variables": variables}
        answer = await self.http.post("/graphql", json=body, headers=self._headers)
        found: dict[str, Any] = answer.json()
        return found

    async def asked_usually(self, rights: Rights, query: str, **variables: Any) -> dict[str, Any]:
        """The answer of Strawberry's own way, which a GET takes."""
        self.given = rights
        parameters = {"query": query, "variables": json.dumps(variables)}
        answer = await self.http.get("/graphql", params=parameters, headers=self._headers)
        found: dict[str, Any] = answer.json()
        return found

    async def all_of(self, query: str, **variables: Any) -> dict[str, Any]:
        """What there is to be seen."""
        found = await self.asked(ALL_RIGHTS, query, **variables)
        assert "errors" not in found, found["errors"]
        data: dict[str, Any] = found["data"]
        return data

    @property
    def token(self) -> str:
        return self.services.tokens.issue(ME)[0]

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def sees(self, rights: Rights, kind: str, record: UUID, *, group: str = "") -> bool:
        return shows(rights, kind, record, self.owners[kind][record], group)

    def sees_all_of(self, rights: Rights, kind: str, record: UUID) -> bool:
        groups = FIELD_GROUPS.get(kind, {})
        return all(self.sees(rights, kind, record, group=group) for group in ("", *groups))

    def kind_of(self, record: UUID) -> str | None:
        return next((kind for kind, of in self.owners.items() if record in of), None)


Way: TypeAlias = Callable[[Company, Rights, Random], Awaitable[None]]
TRUE = Clause(sql.SQL("true"))


@pytest.fixture(scope="module")
def company_url(postgres: EmbeddedPostgres, migrated: str) -> Iterator[str]:
    with database(postgres, migrated, "rights") as url:
        yield url


@pytest.fixture(scope="module")
async def company(company_url: str) -> AsyncIterator[Company]:
    async with open_services(
        company_url, ROOT_KEY, allowance=UNLIMITED, takes_get=True
    ) as services:
        crm = services.crm
        for person in PEOPLE:
            email = f"p{person.int}@example.com"
            await crm.execute(InviteUser(user_id=person, name="P", email=email), SYSTEM)
            await crm.execute(ActivateUser(user_id=person), SYSTEM)
        for command in (*story(), DefinePipeline(name="Last", stages=STANDARD_STAGES)):
            await crm.execute(command, SYSTEM)
        await services.runner.wait_for(crm.tenant_id, await crm.position(), seconds=20)
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://crm") as http:
            made = Company(services, http, last=await crm.position())
            usual = crm.authority.rights

            async def rights_of(tenant_id: UUID, actor: Actor) -> Rights:
                return made.given if actor == Actor.user(ME) else await usual(tenant_id, actor)

            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(crm.authority, "rights", rights_of)
                ids = [UUID(int=base + n) for base in (100, 200, 300, 400, 500) for n in range(8)]
                owners = await crm.owners(ids)
                made.owners = {
                    kind: {key: owners[key] for key in ids[8 * n : 8 * n + 8]}
                    for n, kind in enumerate(KINDS)
                }
                yield made


# --- lists: filtered, sorted, counted -------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """A root list: the fields of its nodes, with the group that can withhold each; its filters and
    what they mean; the fields that it is ordered by, if it can be.
    """

    name: str
    fields: dict[str, str]
    filters: dict[str, Callable[[dict[str, Any]], bool]]
    orders: dict[str, Callable[[dict[str, Any]], Any]]


def _amount(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda node: None if node[name] is None else float(node[name]["amount"])


LISTS = {
    "customer": Listed(
        "customers",
        {"name": "", "email": "contact", "annualRevenue { amount }": "revenue"},
        {
            '{name: {contains: "1"}}': lambda node: "1" in node["name"],
            '{email: {contains: "c1"}}': lambda node: "c1" in (node["email"] or ""),
            "{email: {isNull: true}}": lambda node: node["email"] is None,
            '{not: {email: {contains: "c"}}}': lambda node: "c" not in (node["email"] or ""),
            '{annualRevenue: {gte: "1"}}': lambda node: (_amount("annualRevenue")(node) or 0) >= 1,
        },
        {"NAME": lambda node: node["name"], "ANNUAL_REVENUE": _amount("annualRevenue")},
    ),
    "opportunity": Listed(
        "opportunities",
        {"name": "", "amount { amount }": "amount"},
        {
            '{name: {contains: "2"}}': lambda node: "2" in node["name"],
            "{amount: {isNull: false}}": lambda node: node["amount"] is not None,
            '{amount: {eq: "1"}}': lambda node: _amount("amount")(node) == 1,
        },
        {"NAME": lambda node: node["name"], "AMOUNT": _amount("amount")},
    ),
    "ticket": Listed(
        "tickets",
        {"subject": "", "status": "", "csatScore": "satisfaction"},
        {'{subject: {contains: "s"}}': lambda node: True},
        {"STATUS": lambda node: node["status"]},
    ),
    "task": Listed("tasks", {"title": ""}, {}, {}),
}


def masked(company: Company, rights: Rights, kind: str, nodes: list[Any]) -> list[dict[str, Any]]:
    """The nodes that may be seen, without what may not be seen of them."""
    found = []
    for node in nodes:
        record = UUID(node["uuid"])
        if company.sees(rights, kind, record):
            hidden = {
                name.partition(" ")[0]
                for name, group in LISTS[kind].fields.items()
                if group and not company.sees(rights, kind, record, group=group)
            }
            found.append({name: None if name in hidden else value for name, value in node.items()})
    return found


def in_order(nodes: list[Any], key: Callable[[Any], Any], *, falling: bool) -> list[Any]:
    """By the key, empty last; then by the id, in the same direction."""
    by_id = sorted(nodes, key=lambda node: UUID(node["uuid"]), reverse=falling)
    filled = [node for node in by_id if key(node) is not None]
    empty = [node for node in by_id if key(node) is None]
    return sorted(filled, key=key, reverse=falling) + empty


async def lists(company: Company, rights: Rights, chance: Random) -> None:
    kind = chance.choice(sorted(LISTS))
    of = LISTS[kind]
    where = chance.choice(["", *of.filters])
    order = chance.choice(["", *of.orders])
    direction = chance.choice(["ASC", "DESC"])
    arguments = "first: 100"
    arguments += f", where: {where}" if where else ""
    arguments += f", orderBy: [{{field: {order}, direction: {direction}}}]" if order else ""
    page = f"totalCount nodes {{ uuid {' '.join(of.fields)} }}"
    query = f"{{ found: {of.name}({arguments}) {{ {page} }} }}"
    ask = chance.choice([company.asked, company.asked_usually])
    found = await ask(rights, query)
    if not allows(rights, kind):
        assert_refused(found)
        return
    assert "errors" not in found, found["errors"]
    everything = (await company.all_of(f"{{ found: {of.name}(first: 100) {{ {page} }} }}"))["found"]
    expected = masked(company, rights, kind, everything["nodes"])
    if where:
        expected = [node for node in expected if of.filters[where](node)]
    if order:
        expected = in_order(expected, of.orders[order], falling=direction == "DESC")
    given_back = found["data"]["found"]
    assert given_back["totalCount"] == len(expected)
    if order or kind == "task":
        assert given_back["nodes"] == expected
    else:
        assert by_id(given_back["nodes"]) == by_id(expected)


def by_id(nodes: list[Any]) -> dict[str, Any]:
    return {node["uuid"]: node for node in nodes}


def assert_refused(found: dict[str, Any]) -> None:
    assert list(found["data"].values()) == [None] * len(found["data"])
    assert {error["extensions"]["code"] for error in found["errors"]} == {"FORBIDDEN"}


# --- one record, its links, its past --------------------------------------------------------------


PASTS = ("", ", asOf: {position: 999}", ', asOf: {time: "2090-01-01T00:00:00Z"}')


async def nodes(company: Company, rights: Rights, chance: Random) -> None:
    kind, record = chance.choice(records(company))
    past = chance.choice(PASTS)
    parts = "... on Customer { email } ... on Opportunity { amount { amount } }"
    query = f"query ($id: ID!) {{ nodes(ids: [$id]{past}) {{ ... on Record {{ uuid {parts} }} }} }}"
    key = global_id(kind.capitalize(), record)
    (found,) = (await company.asked(rights, query, id=key))["data"]["nodes"]
    (whole,) = (await company.all_of(query, id=key))["nodes"]
    if not company.sees(rights, kind, record):
        assert found is None
        return
    for name, group in (("email", "contact"), ("amount", "amount")):
        if name in whole and not company.sees(rights, kind, record, group=group):
            whole[name] = None
    assert found == whole


def records(company: Company) -> list[tuple[str, UUID]]:
    return [(kind, record) for kind, of in company.owners.items() for record in of]


NESTED = """query ($id: ID!) { customer(by: {id: $id}%s) {
  opportunities(first: 9) { totalCount nodes { uuid } }
  priced: opportunities(first: 9, where: {amount: {isNull: false}}) { totalCount }
  tickets(first: 9) { totalCount nodes { uuid } }
  interactions(first: 9) { totalCount nodes { uuid } } } }"""


async def nested(company: Company, rights: Rights, chance: Random) -> None:
    record = chance.choice(sorted(company.owners["customer"]))
    key = global_id("Customer", record)
    query = NESTED % chance.choice(PASTS)
    whole = (await company.all_of(query, id=key))["customer"]
    body = await company.asked(rights, query, id=key)
    if not allows(rights, "customer"):
        assert_refused(body)
        return
    found = body["data"]["customer"]
    if not company.sees(rights, "customer", record):
        assert found is None
        return
    for kind, name in (
        ("opportunity", "opportunities"), ("ticket", "tickets"), ("interaction", "interactions"),
    ):  # fmt: skip
        if not allows(rights, kind):
            assert found[name] is None
            continue
        expected = [
            node for node in whole[name]["nodes"] if company.sees(rights, kind, UUID(node["uuid"]))
        ]
        assert by_id(found[name]["nodes"]) == by_id(expected)
        assert found[name]["totalCount"] == len(expected)
    if found["priced"] is not None:
        shown = [UUID(node["uuid"]) for node in found["opportunities"]["nodes"]]
        priced = [of for of in shown if company.sees(rights, "opportunity", of, group="amount")]
        assert found["priced"]["totalCount"] == len(priced)


async def histories(company: Company, rights: Rights, chance: Random) -> None:
    kind, record = chance.choice(records(company))
    query = """query ($id: ID!) {
      node(id: $id) { ... on Record { history(first: 99) { totalCount nodes { type data } } } }
      diff(id: $id, from: {asOf: {position: 0}}) { changes { field after withheld } } }"""
    key = global_id(kind.capitalize(), record)
    found = (await company.asked(rights, query, id=key))["data"]
    whole = await company.all_of(query, id=key)
    if not company.sees(rights, kind, record):
        assert found == {"node": None, "diff": None}
        return
    events, every = found["node"]["history"], whole["node"]["history"]
    assert events["totalCount"] == every["totalCount"]
    assert [event["type"] for event in events["nodes"]] == [e["type"] for e in every["nodes"]]
    if company.sees_all_of(rights, kind, record) and kind != "interaction":
        assert found["diff"] == whole["diff"]
        assert events == every
    elif not company.sees_all_of(rights, kind, record):
        assert all(change["withheld"] for change in found["diff"]["changes"])
        assert {change["after"] for change in found["diff"]["changes"]} == {None}
        told = [value for event in events["nodes"] for value in event["data"].values()]
        assert allows(rights, "event") or not any(told)


# --- groups ---------------------------------------------------------------------------------------

GROUPS = {
    "salesPipelineReport": ("opportunity", "deals", ("ALL", "OWNER", "PIPELINE")),
    "ticketVolumeReport": ("ticket", "opened", ("ALL", "QUEUE", "MONTH")),
}


async def reports(company: Company, rights: Rights, chance: Random) -> None:
    report = chance.choice(sorted(GROUPS))
    kind, count, groups = GROUPS[report]
    group = chance.choice(groups)
    past = chance.choice(["", ", asOf: {position: 999}"])
    query = f"{{ {report}(groupBy: {group}{past}) {{ rows {{ key {count} }} }} }}"
    found = await company.asked(rights, query)
    seen = [record for record in company.owners[kind] if company.sees(rights, kind, record)]
    if not allows(rights, kind) or not all(company.sees_all_of(rights, kind, r) for r in seen):
        assert_refused(found)
        return
    if "errors" in found:  # a group is withheld of what happens not to be there
        assert_refused(found)
        return
    rows = found["data"][report]["rows"]
    assert sum(row[count] for row in rows) == len(seen)
    if group == "OWNER":
        by_owner = {row["key"]: row[count] for row in rows}
        owners = [str(company.owners[kind][record]) for record in seen]
        assert by_owner == {owner: owners.count(owner) for owner in owners}


# --- feeds ----------------------------------------------------------------------------------------


async def feed_and_search(company: Company, rights: Rights, chance: Random) -> None:
    feed = "{ events(first: 100) { nodes { position data } } }"
    found = await company.asked(rights, feed)
    if allows(rights, "event"):
        assert found["data"] == await company.all_of(feed)
    else:
        assert_refused(found)
    word = chance.choice(["C1", "D2", "c3@example", "Secret"])
    search = """query ($word: String!) { auditTrail(first: 100, search: $word) {
      totalCount nodes { recordUuid } } }"""
    found = await company.asked(rights, search, word=word)
    if not allows(rights, "event", "audit"):
        assert_refused(found)
        return
    every = (await company.all_of(search, word=word))["auditTrail"]["nodes"]
    trail = found["data"]["auditTrail"]
    assert trail["totalCount"] == len(trail["nodes"])
    for node in trail["nodes"]:
        record = UUID(node["recordUuid"])
        kind = company.kind_of(record)
        assert node in every
        assert kind is not None, "a word of a name finds what has the name"
        assert company.sees(rights, kind, record), "found by a name that is out of sight"


FOLLOW = "subscription ($after: Position!) { events(after: $after) { position recordUuid data } }"


async def subscription(company: Company, rights: Rights, chance: Random) -> None:
    """From some position to an event that everybody here sees."""
    head = company.last
    after = head - chance.randint(1, 30)
    company.given = replace(rights, rules=(*rights.rules, LAST), _reaches={})
    session = company.services.tokens.read(company.token)
    context = Context(company.services, session=session)
    following: Any = await schema.subscribe(FOLLOW, {"after": after}, context_value=context)
    heard = {}
    async with asyncio.timeout(30):
        async for result in following:
            assert result.errors is None, result.errors
            event = result.data["events"]
            heard[event["position"]] = event
            if event["position"] == head:
                break
    await following.aclose()
    pages = company.services.crm.events(after=after, up_to=head)
    for event in [event async for page in pages for event in page]:
        kind = company.kind_of(event.record_id)
        is_seen = allows(company.given, "event") or (
            kind is None or company.sees(company.given, kind, event.record_id)
        )
        assert (event.position in heard) is is_seen
        if is_seen and kind is not None and not allows(company.given, "event"):
            told = any(heard[event.position]["data"].values())
            assert not told or company.sees_all_of(company.given, kind, event.record_id)


# --- commands and what leaves ---------------------------------------------------------------------

TAG = """mutation ($id: ID!, $dry: Boolean!) {
  customerTag(input: {customerId: $id, tag: "x", dryRun: $dry}) {
    customer { name } userErrors { code } } }"""


async def dry_run(company: Company, rights: Rights, chance: Random) -> None:
    record = chance.choice(sorted(company.owners["customer"]))
    owner = company.owners["customer"][record]
    may = shows(rights, "customer", record, owner, action="tag")
    knows = may or company.sees(rights, "customer", record)
    found = await company.asked(rights, TAG, id=str(record), dry=True)
    never = await company.asked(rights, TAG, id=str(uuid4()), dry=True)
    refusals = found.get("errors") or found["data"]["customerTag"]["userErrors"]
    assert bool(refusals) is not may
    if not knows:
        assert codes_of(found) == codes_of(never), "out of sight is as if it were not there"


def codes_of(found: dict[str, Any]) -> list[str]:
    refused = found["data"]["customerTag"] if found["data"] else None
    return [
        *(error["extensions"]["code"] for error in found.get("errors", ())),
        *(error["code"] for error in (refused or {}).get("userErrors", ())),
    ]


async def export(company: Company, rights: Rights, chance: Random) -> None:
    record = chance.choice(sorted(company.owners["customer"]))
    company.given = rights
    pool = company.services.pool
    leaving = subject_access(
        company.services.crm, pool, company.services.read_log, PROJECTIONS, record, Actor.user(ME)
    )
    if allows(rights, "personal_data", "export"):
        assert str(record).encode() in await leaving
    else:
        with pytest.raises((Denied, NotFound)):
            await leaving


# --- the promise ----------------------------------------------------------------------------------

WAYS = (lists, nodes, nested, histories, reports, feed_and_search, subscription, dry_run, export)


@pytest.mark.parametrize("way", WAYS)
@given(rights=rights, chance=st.randoms(use_true_random=False))
async def test_a_random_role_shows_what_its_rules_say(
    company: Company, way: Way, rights: Rights, chance: Random
) -> None:
    await way(company, rights, chance)


# --- planted bugs ---------------------------------------------------------------------------------

NARROW = (
    Rule(kind="customer", actions=("read", "tag"), scope=Scope.OWN, withheld=("contact",)),
    Rule(kind="opportunity", actions=("read",), scope=Scope.OWN),
    Rule(kind="ticket", actions=("read",), scope=Scope.OWN),
    Rule(kind="event", actions=("audit",)),
)


async def _yes(*_: Any) -> bool:
    return True


async def _everything(*_: Any) -> Reach:
    return EVERYTHING


async def _unasked(info: Info, *_: Any, **__: Any) -> Context:
    return info.context


BUGS: dict[str, tuple[str, Any, Way]] = {
    "a list of all rows": ("crm_projections.reading.sights._within", lambda *_: TRUE, lists),
    "a field that is withheld": ("crm_core.access.rights.Rights.withheld", lambda *_: {}, lists),
    "a record of somebody else": ("crm_core.access.rights.Reach.includes", lambda *_: True, nodes),
    "links to all rows": ("crm_projections.reading.sights._within", lambda *_: TRUE, nested),
    "links of the past to all": ("crm_core.access.rights.Reach.includes", lambda *_: True, nested),
    "an unasked history": ("crm_api.graphql.loading.Loaders.sees", _yes, histories),
    "what events say": ("crm_api.graphql.loading.Loaders.sees_all_of", _yes, histories),
    "a report over everything": ("crm_api.graphql.queries.reports._reach", _everything, reports),
    "a feed for everybody": ("crm_api.graphql.queries.event.require", _unasked, feed_and_search),
    "names out of sight": (
        "crm_projections.reading.sights._within", lambda *_: TRUE, feed_and_search,
    ),
    "a follower of everything": ("crm_api.graphql.subscription.sees_event", _yes, subscription),
    "a command's answer": ("crm_core.warrant.Warrant.shows", _yes, dry_run),
    "an export for readers": (
        "crm_core.privacy.disclosure.commands.RecordDisclosure.right",
        classmethod(lambda _: ("customer", "read")),
        export,
    ),
}  # fmt: skip


async def repeated(company: Company, way: Way, rights: Rights, chance: Random) -> None:
    for _ in range(40):
        await way(company, replace(rights, _reaches={}), chance)


@pytest.mark.parametrize("bug", BUGS)
async def test_the_comparison_finds(company: Company, bug: str) -> None:
    place, careless, way = BUGS[bug]
    narrow, chance = Rights(NARROW, Circle(own=frozenset({ME}))), Random(bug)
    await repeated(company, way, narrow, chance)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(place, careless)
        patched.setattr(Sight, "likeness", property(lambda _: object()))  # no plan from before
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            await repeated(company, way, narrow, chance)
