"""Who there is and what was granted, as lists: whole for who governs, one's own for the others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from crm_api.graphql.ids import global_id
from crm_api.issued_secrets import made_key
from crm_core import new_id
from crm_core.customers.customer.commands import RegisterPerson
from crm_core.identity import (
    AddTeamMember,
    CreateTeam,
    DefineRole,
    DissolveTeam,
    GrantRole,
    GrantShare,
    IssueApiKey,
    MoveTeam,
    RemoveTeamMember,
    RevokeApiKey,
    RevokeShare,
    RoleRule,
    Scope,
)


@dataclass(frozen=True)
class Granted:
    rep: UUID
    mate: UUID
    teams: dict[str, UUID]
    keys: dict[str, UUID]
    shares: dict[str, UUID]
    digests: list[str]


@pytest.fixture(scope="module")
async def granted(api: Any) -> Granted:
    """A tree of teams, and a key and a share for two users and a team."""
    rep = api.people["rep"] = await api.invited("sales")
    mate = api.people["mate"] = await api.invited("sales")
    teams = {name: new_id() for name in ("Europe", "Italy", "Rome", "Asia")}
    made, customer = {name: made_key(new_id()) for name in ("rep", "mate")}, new_id()
    keys = {"rep": new_id(), "mate": new_id()}
    shares = {name: new_id() for name in ("rep", "mate", "team", "past")}
    await api.given(
        *(CreateTeam(team_id=team_id, name=name) for name, team_id in teams.items()),
        MoveTeam(team_id=teams["Italy"], parent_id=teams["Europe"]),
        MoveTeam(team_id=teams["Rome"], parent_id=teams["Italy"]),
        DissolveTeam(team_id=teams["Asia"]),
        AddTeamMember(team_id=teams["Italy"], user_id=rep),
        AddTeamMember(team_id=teams["Rome"], user_id=mate),
        RemoveTeamMember(team_id=teams["Rome"], user_id=mate),
        RegisterPerson(customer_id=customer, name="Shared"),
        *(
            IssueApiKey(
                key_id=keys[who], name=f"Key of {who}", user_id=api.people[who],
                digest=made[who].digest, scopes=("customer.read",),
                expires_at=datetime.now(UTC) + timedelta(days=9),
            )
            for who in keys
        ),
        *(
            GrantShare(share_id=shares[name], record_id=customer, principal_id=principal)
            for name, principal in (
                ("rep", rep), ("mate", mate), ("team", teams["Italy"]), ("past", rep),
            )
        ),
        RevokeShare(share_id=shares["past"]),
    )  # fmt: skip
    return Granted(rep, mate, teams, keys, shares, [key.digest for key in made.values()])


def uuids(found: Any) -> set[UUID]:
    return {UUID(node["uuid"]) for node in found["nodes"]}


async def test_users_are_filtered_and_ordered(api: Any, granted: Granted) -> None:
    query = """query ($where: UserWhere, $by: [UserOrder!]) {
      users(first: 100, where: $where, orderBy: $by) {
        totalCount nodes { uuid email status roles } } }"""
    rep = {"where": {"roles": {"contains": "sales"}, "status": {"eq": "ACTIVE"}}}
    found = (await api.data(query, **rep, by=[{"field": "EMAIL"}]))["users"]
    assert {granted.rep, granted.mate} <= uuids(found)
    assert all(node["roles"] == ["sales"] for node in found["nodes"])
    emails = [node["email"] for node in found["nodes"]]
    assert emails == sorted(emails)
    one = (await api.data(query, where={"email": {"eq": emails[0]}}))["users"]
    assert one["totalCount"] == 1
    falling = await api.data(query, **rep, by=[{"field": "EMAIL", "direction": "DESC"}])
    assert [node["email"] for node in falling["users"]["nodes"]] == emails[::-1]


async def test_each_user_is_met_once_on_a_walk_through_the_pages(api: Any) -> None:
    query = """query ($after: String) { users(first: 2, after: $after) {
      totalCount nodes { uuid } pageInfo { hasNextPage endCursor } } }"""
    met: list[str] = []
    after = None
    while True:
        page = (await api.data(query, after=after))["users"]
        met += [node["uuid"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(met) == len(set(met)) == page["totalCount"]


async def test_teams_are_a_tree_with_periods_of_membership(api: Any, granted: Granted) -> None:
    query = """query ($where: TeamWhere) { teams(first: 9, where: $where) {
      nodes { uuid name isDissolved parent { name }
              memberships { since until user { uuid } } } } }"""

    async def teams(where: dict[str, Any]) -> list[Any]:
        found: list[Any] = (await api.data(query, where=where))["teams"]["nodes"]
        return found

    below = await teams({"parentId": {"eq": global_id("Team", granted.teams["Italy"])}})
    assert [(team["name"], team["parent"]["name"]) for team in below] == [("Rome", "Italy")]
    (past,) = below[0]["memberships"]
    assert past["user"]["uuid"] == str(granted.mate)
    assert past["since"] <= past["until"]
    of_rep = await teams({"memberIds": {"contains": str(granted.rep)}})
    assert [team["name"] for team in of_rep] == ["Italy"]
    assert of_rep[0]["memberships"][0]["until"] is None
    assert await teams({"memberIds": {"contains": str(granted.mate)}}) == []
    dissolved = await teams({"isDissolved": {"eq": True}, "name": {"eq": "Asia"}})
    assert [UUID(team["uuid"]) for team in dissolved] == [granted.teams["Asia"]]


async def test_roles_are_those_defined_here_and_the_built_in_ones(api: Any) -> None:
    name = f"reader_{uuid4().hex[:8]}"
    rule = RoleRule(kind="customer", actions=("read",), scope=Scope.OWN, withheld=("contact",))
    await api.given(DefineRole(name=name, rules=(rule,)))
    query = """query ($name: String!) {
      roles(first: 9, where: {name: {eq: $name}}) { nodes { name rules { kind scope withheld } } }
      builtInRoles { name rules { kind actions scope } } }"""
    data = await api.data(query, who="rep", name=name)
    assert data["roles"]["nodes"] == [
        {"name": name, "rules": [{"kind": "customer", "scope": "OWN", "withheld": ["contact"]}]}
    ]
    assert {role["name"] for role in data["builtInRoles"]} == {
        "admin", "sales", "service", "privacy", "auditor",
    }  # fmt: skip


KEYS = "apiKeys(first: 100) { totalCount nodes { uuid name scopes isRevoked user { uuid } } }"


async def test_whoever_governs_lists_all_keys_and_nobody_their_secrets(
    api: Any, granted: Granted
) -> None:
    found = await api.data(f"{{ {KEYS} }}")
    assert set(granted.keys.values()) <= uuids(found["apiKeys"])
    assert not any(digest in json.dumps(found) for digest in granted.digests)


async def test_a_user_lists_the_own_keys_only(api: Any, granted: Granted) -> None:
    for who in ("rep", "mate"):
        found = (await api.data(f"{{ {KEYS} }}", who=who))["apiKeys"]
        assert uuids(found) == {granted.keys[who]}
        assert found["totalCount"] == 1
    other = """query ($user: ID!) {
      apiKeys(first: 9, where: {userId: {eq: $user}}) { totalCount } }"""
    data = await api.data(other, who="rep", user=global_id("User", granted.mate))
    assert data["apiKeys"]["totalCount"] == 0


async def test_a_revoked_key_is_still_listed_as_that(api: Any, granted: Granted) -> None:
    key = IssueApiKey(
        name="Old", user_id=granted.mate, digest="0" * 64, scopes=("customer.read",),
        expires_at=datetime.now(UTC) + timedelta(days=1), key_id=new_id(),
    )  # fmt: skip
    await api.given(key, RevokeApiKey(key_id=key.key_id))
    query = "{ apiKeys(first: 9, where: {isRevoked: {eq: true}}) { nodes { uuid } } }"
    assert key.key_id in uuids((await api.data(query))["apiKeys"])


SHARES = "shares(first: 100) { totalCount nodes { uuid sharedId principalId level isRevoked } }"


async def test_a_user_lists_what_was_shared_with_him_and_his_teams(
    api: Any, granted: Granted
) -> None:
    shares = granted.shares
    assert set(shares.values()) <= uuids((await api.data(f"{{ {SHARES} }}"))["shares"])
    mine = (await api.data(f"{{ {SHARES} }}", who="rep"))["shares"]
    assert uuids(mine) == {shares["rep"], shares["team"]}
    assert mine["totalCount"] == 2
    assert uuids((await api.data(f"{{ {SHARES} }}", who="mate"))["shares"]) == {shares["mate"]}


async def test_a_share_out_of_sight_is_as_if_it_were_not_there(api: Any, granted: Granted) -> None:
    query = "query ($id: ID!) { node(id: $id) { id } }"
    for share, is_seen in (("rep", True), ("mate", False)):
        data = await api.data(query, who="rep", id=global_id("Share", granted.shares[share]))
        assert (data["node"] is not None) is is_seen


async def test_a_withheld_address_orders_and_finds_nobody(api: Any, granted: Granted) -> None:
    blind = api.people["blind"] = await api.invited(None)
    rule = RoleRule(kind="user", actions=("read",), withheld=("contact",))
    await api.given(DefineRole(name="blind", rules=(rule,)), GrantRole(user_id=blind, role="blind"))
    query = """{ users(first: 100, orderBy: [{field: EMAIL}]) { totalCount nodes { email } }
      found: users(first: 100, where: {email: {contains: "example"}}) { totalCount } }"""
    data = await api.data(query, who="blind")
    assert data["users"]["totalCount"] > 0
    assert {node["email"] for node in data["users"]["nodes"]} == {None}
    assert data["found"]["totalCount"] == 0
