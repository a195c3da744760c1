"""Rights follow from what happened: by scope, by key, on another's behalf, now and then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from crm_core import (
    SYSTEM,
    Actor,
    ActorKind,
    AsOf,
    Command,
    Crm,
    Denied,
    ManualClock,
    NotFound,
    Rejected,
)
from crm_core.access.rights import Circle, Rights, Rule, Scope
from crm_core.customers.customer.commands import (
    AddContactPoint,
    AssignCustomerOwner,
    MergeCustomers,
    RegisterPerson,
    TagCustomer,
)
from crm_core.customers.customer.customer import Customer
from crm_core.customers.customer.events import ContactPointType
from crm_core.identity import (
    ActivateUser,
    AddTeamMember,
    CreateTeam,
    DefineRole,
    DissolveTeam,
    GrantRole,
    GrantShare,
    InviteUser,
    IssueApiKey,
    RemoveTeamMember,
    RetireRole,
    RevokeApiKey,
    RevokeRole,
    RevokeShare,
    RoleRule,
    ShareLevel,
    SuspendUser,
)
from golden.stories import START

ROSA, SAM, TOM, ANNA = (UUID(int=n) for n in range(1, 5))
SALES, NORTH = UUID(int=11), UUID(int=12)
OF_ROSA, OF_SAM, OF_TOM, OF_NOBODY = (UUID(int=n) for n in range(21, 25))
OWNERS = {OF_ROSA: ROSA, OF_SAM: SAM, OF_TOM: TOM}


def a_user(user_id: UUID, *roles: str) -> tuple[Command, ...]:
    granted = [GrantRole(user_id=user_id, role=role) for role in roles]
    return InviteUser(user_id=user_id, name="N"), ActivateUser(user_id=user_id), *granted


def may(role: str, *actions: str, scope: Scope, withheld: tuple[str, ...] = ()) -> DefineRole:
    rule = RoleRule(kind="customer", actions=actions, scope=scope, withheld=withheld)
    return DefineRole(name=role, rules=(rule,))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def crm(clock: ManualClock) -> AsyncIterator[Crm]:
    """Rosa leads Sales; Sam is of North, below Sales; Tom is of no team. Each owns a customer."""
    async with Crm.in_memory(clock=clock) as made:
        await do(
            made,
            may("own", "read", "tag", "share", scope=Scope.OWN),
            may("team", "read", "tag", scope=Scope.TEAM),
            may("tree", "read", scope=Scope.TEAM_TREE),
            may("shared", "read", "tag", scope=Scope.SHARED),
            *a_user(ROSA),
            *a_user(SAM),
            *a_user(TOM),
            *a_user(ANNA, "admin"),
            CreateTeam(team_id=SALES, name="Sales"),
            CreateTeam(team_id=NORTH, name="North", parent_id=SALES),
            AddTeamMember(team_id=SALES, user_id=ROSA),
            AddTeamMember(team_id=NORTH, user_id=SAM),
            *(RegisterPerson(customer_id=c, name="C") for c in (*OWNERS, OF_NOBODY)),
            *(AssignCustomerOwner(customer_id=c, owner_id=o) for c, o in OWNERS.items()),
        )
        yield made


async def do(crm: Crm, *commands: Command, actor: Actor = SYSTEM) -> None:
    for command in commands:
        await crm.execute(command, actor)


async def may_tag(crm: Crm, actor: Actor) -> set[UUID]:
    """The customers that the actor may tag, found by trying."""
    done = set()
    for customer in (*OWNERS, OF_NOBODY):
        try:
            await crm.execute(TagCustomer(customer_id=customer, tag=str(actor.id)), actor)
        except (Denied, NotFound):
            continue
        done.add(customer)
    return done


async def sees(crm: Crm, actor: Actor) -> set[UUID]:
    reach = (await crm.rights(crm.tenant_id, actor)).reach("customer")
    return {c for c in (*OWNERS, OF_NOBODY) if reach.includes(c, OWNERS.get(c))}


@pytest.mark.parametrize(
    ("roles", "seen", "tagged"),
    [
        ([], set(), set()),
        (["own"], {OF_ROSA}, {OF_ROSA}),
        (["team"], {OF_ROSA}, {OF_ROSA}),
        (["tree"], {OF_ROSA, OF_SAM}, set()),
        (["own", "tree"], {OF_ROSA, OF_SAM}, {OF_ROSA}),
        (["shared"], set(), set()),
        (["sales"], {*OWNERS, OF_NOBODY}, {*OWNERS, OF_NOBODY}),
        (["own", "sales"], {*OWNERS, OF_NOBODY}, {*OWNERS, OF_NOBODY}),
        (["auditor"], {*OWNERS, OF_NOBODY}, set()),
    ],
)
async def test_a_scope_is_about_whose_record_it_is(
    crm: Crm, roles: list[str], seen: set[UUID], tagged: set[UUID]
) -> None:
    await do(crm, *(GrantRole(user_id=ROSA, role=role) for role in roles))
    assert await sees(crm, Actor.user(ROSA)) == seen
    assert await may_tag(crm, Actor.user(ROSA)) == tagged


async def test_what_is_not_seen_is_refused_like_what_is_not_there(crm: Crm) -> None:
    await do(crm, GrantRole(user_id=ROSA, role="own"))
    refusals = []
    for customer in (OF_SAM, UUID(int=404)):
        with pytest.raises(NotFound) as refused:
            await crm.execute(TagCustomer(customer_id=customer, tag="x"), Actor.user(ROSA))
        refusals.append(str(refused.value).replace(str(customer), "…"))
    assert refusals[0] == refusals[1]


async def test_a_taken_address_does_not_name_a_holder_who_is_out_of_sight(crm: Crm) -> None:
    def with_address(customer: UUID) -> AddContactPoint:
        return AddContactPoint(
            customer_id=customer, type=ContactPointType.EMAIL, value="c@example.com"
        )

    rules = may("adder", "read", "add_contact_point", scope=Scope.OWN)
    await do(crm, rules, GrantRole(user_id=ROSA, role="adder"), with_address(OF_SAM))
    attempt = with_address(OF_ROSA)
    for ask in (crm.execute, crm.rehearse):
        with pytest.raises(Rejected) as refused:
            await ask(attempt, Actor.user(ROSA))
        assert refused.value.code == "claim.taken"
        assert str(OF_SAM) not in str(refused.value)
        with pytest.raises(Rejected, match=str(OF_SAM)):
            await ask(attempt, Actor.user(ANNA))


async def test_what_is_seen_but_not_to_be_changed_is_denied(crm: Crm) -> None:
    await do(crm, *(GrantRole(user_id=ROSA, role=role) for role in ("own", "tree")))
    with pytest.raises(Denied):
        await crm.execute(TagCustomer(customer_id=OF_SAM, tag="x"), Actor.user(ROSA))


async def test_no_command_reaches_further_by_a_second_record(crm: Crm) -> None:
    """A merge changes the losers too: they must be within reach like the survivor."""
    await do(
        crm,
        may("merger", "merge", "read", scope=Scope.OWN),
        may("reader", "read", scope=Scope.ALL),
        GrantRole(user_id=ROSA, role="merger"),
    )
    merge = MergeCustomers(customer_id=OF_ROSA, loser_ids=(OF_SAM,))
    with pytest.raises(NotFound):
        await crm.execute(merge, Actor.user(ROSA))
    await do(crm, GrantRole(user_id=ROSA, role="reader"))
    with pytest.raises(Denied):
        await crm.execute(merge, Actor.user(ROSA))
    with pytest.raises(Denied):
        await crm.rehearse(merge, Actor.user(ROSA))


async def test_what_one_makes_with_narrow_rights_is_ones_own(crm: Crm) -> None:
    await do(crm, may("maker", "read", "register_person", "tag", scope=Scope.OWN),
             GrantRole(user_id=ROSA, role="maker"))  # fmt: skip
    made = RegisterPerson(name="New")
    await do(crm, made, TagCustomer(customer_id=made.customer_id, tag="x"), actor=Actor.user(ROSA))
    assert (await crm.get(Customer, made.customer_id)).owner_id == ROSA


# --- teams and time -------------------------------------------------------------------------------


async def test_who_leaves_the_team_leaves_its_records(crm: Crm) -> None:
    await do(crm, GrantRole(user_id=ROSA, role="tree"))
    assert await sees(crm, Actor.user(ROSA)) == {OF_ROSA, OF_SAM}
    await do(crm, RemoveTeamMember(team_id=NORTH, user_id=SAM))
    assert await sees(crm, Actor.user(ROSA)) == {OF_ROSA}


async def test_the_team_of_a_user_is_the_one_joined_first_as_of_then(crm: Crm) -> None:
    before = await crm.position()
    await do(crm, AddTeamMember(team_id=SALES, user_id=SAM))
    assert (await crm.teams(await crm.position()))[SAM] == NORTH
    await do(crm, RemoveTeamMember(team_id=NORTH, user_id=SAM))
    assert (await crm.teams(await crm.position()))[SAM] == SALES
    await do(crm, DissolveTeam(team_id=SALES))
    assert SAM not in await crm.teams(await crm.position())
    assert (await crm.teams(before))[SAM] == NORTH


async def test_a_retired_or_redefined_role_holds_at_once(crm: Crm) -> None:
    await do(crm, GrantRole(user_id=ROSA, role="tree"))
    await do(crm, may("tree", "read", scope=Scope.OWN))
    assert await sees(crm, Actor.user(ROSA)) == {OF_ROSA}
    await do(crm, RetireRole(name="tree"))
    assert await sees(crm, Actor.user(ROSA)) == set()


async def test_rights_of_the_past_are_the_same_function_at_an_earlier_position(crm: Crm) -> None:
    """Every position on the way gives again what was answered there at the time."""
    answers = {}
    for command in (
        GrantRole(user_id=ROSA, role="own"),
        GrantRole(user_id=ROSA, role="tree"),
        AddTeamMember(team_id=SALES, user_id=TOM),
        GrantShare(record_id=OF_NOBODY, principal_id=SALES),
        GrantRole(user_id=ROSA, role="shared"),
        RemoveTeamMember(team_id=NORTH, user_id=SAM),
        RevokeRole(user_id=ROSA, role="tree"),
        SuspendUser(user_id=ROSA),
    ):
        receipt = await crm.execute(command, SYSTEM)
        answers[receipt.position] = await sees(crm, Actor.user(ROSA))
    assert len({frozenset(answer) for answer in answers.values()}) > 4
    for position, answer in answers.items():
        could = {
            customer
            for customer in (*OWNERS, OF_NOBODY)
            if ROSA in await crm.who_could_see(customer, AsOf(position=position))
        }
        assert could == answer, position


# --- shares ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("principal", [ROSA, SALES], ids=["user", "team"])
async def test_a_share_opens_one_record_at_its_level(crm: Crm, principal: UUID) -> None:
    await do(crm, *(GrantRole(user_id=ROSA, role=role) for role in ("own", "shared")))
    read = GrantShare(record_id=OF_TOM, principal_id=principal)
    write = GrantShare(record_id=OF_SAM, principal_id=principal, level=ShareLevel.WRITE)
    await do(crm, read, write)
    assert await sees(crm, Actor.user(ROSA)) == {OF_ROSA, OF_TOM, OF_SAM}
    assert await may_tag(crm, Actor.user(ROSA)) == {OF_ROSA, OF_SAM}
    await do(crm, RevokeShare(share_id=read.share_id), RevokeShare(share_id=write.share_id))
    assert await sees(crm, Actor.user(ROSA)) == {OF_ROSA}


async def test_a_share_ends_by_itself(crm: Crm, clock: ManualClock) -> None:
    until = clock.now() + timedelta(hours=1)
    await do(crm, GrantRole(user_id=ROSA, role="shared"),
             GrantShare(record_id=OF_TOM, principal_id=ROSA, until=until))  # fmt: skip
    assert await sees(crm, Actor.user(ROSA)) == {OF_TOM}
    clock.advance(timedelta(hours=1))
    assert await sees(crm, Actor.user(ROSA)) == set()


async def test_only_who_may_share_a_record_shares_it(crm: Crm) -> None:
    rules = (RoleRule(kind="share", actions=("*",)), RoleRule(kind="user", actions=("read",)))
    sharing = DefineRole(name="sharing", rules=rules)
    await do(crm, sharing, *(GrantRole(user_id=ROSA, role=r) for r in ("own", "tree", "sharing")))
    for record, refusal in ((OF_TOM, NotFound), (OF_SAM, Denied)):
        with pytest.raises(refusal):
            await crm.execute(GrantShare(record_id=record, principal_id=TOM), Actor.user(ROSA))
    mine = GrantShare(record_id=OF_ROSA, principal_id=TOM)
    await do(crm, mine, RevokeShare(share_id=mine.share_id), actor=Actor.user(ROSA))


# --- keys and impersonation -----------------------------------------------------------------------


async def test_a_key_may_what_its_scopes_and_its_user_may(crm: Crm, clock: ManualClock) -> None:
    issue = IssueApiKey(
        name="sync",
        user_id=ROSA,
        digest="0" * 64,
        scopes=("customer.tag", "ticket.*"),
        expires_at=clock.now() + timedelta(days=1),
    )
    await do(crm, GrantRole(user_id=ROSA, role="own"), issue)
    key = Actor(ActorKind.API_KEY, str(issue.key_id), on_behalf_of=str(ROSA))
    assert await may_tag(crm, key) == {OF_ROSA}
    assert await sees(crm, key) == set()
    rights = await crm.rights(crm.tenant_id, key)
    assert not rights.allow("ticket", "read")
    clock.advance(timedelta(days=1))
    assert await may_tag(crm, key) == set()


async def test_a_revoked_key_and_the_key_of_a_suspended_user_open_nothing(
    crm: Crm, clock: ManualClock
) -> None:
    issue = IssueApiKey(
        name="sync",
        user_id=ROSA,
        digest="0" * 64,
        scopes=("*.*",),
        expires_at=clock.now() + timedelta(days=1),
    )
    await do(crm, GrantRole(user_id=ROSA, role="own"), issue)
    key = Actor(ActorKind.API_KEY, str(issue.key_id), on_behalf_of=str(ROSA))
    assert await sees(crm, key) == {OF_ROSA}
    await do(crm, SuspendUser(user_id=ROSA))
    assert await sees(crm, key) == set()
    await do(crm, ActivateUser(user_id=ROSA), RevokeApiKey(key_id=issue.key_id))
    assert await sees(crm, key) == set()


async def test_who_acts_as_another_has_the_others_rights_and_both_are_recorded(crm: Crm) -> None:
    await do(crm, GrantRole(user_id=ROSA, role="own"))
    as_rosa = Actor(ActorKind.USER, str(ANNA), on_behalf_of=str(ROSA))
    assert await may_tag(crm, as_rosa) == {OF_ROSA}
    assert (await crm.history(OF_ROSA))[-1].actor == as_rosa


@pytest.mark.parametrize("role", [None, "sales", "impersonator"])
async def test_nobody_acts_as_one_who_may_more(crm: Crm, role: str | None) -> None:
    await do(crm, DefineRole(name="impersonator", rules=(
        RoleRule(kind="user", actions=("read", "impersonate")),)))  # fmt: skip
    if role is not None:
        await do(crm, GrantRole(user_id=ROSA, role=role))
    as_anna = Actor(ActorKind.USER, str(ROSA), on_behalf_of=str(ANNA))
    assert (await crm.rights(crm.tenant_id, as_anna)).is_nothing


async def test_in_another_tenant_nobody_may_anything(crm: Crm) -> None:
    assert (await crm.rights(UUID(int=1), Actor.user(ANNA))).is_nothing


# --- the rule object ------------------------------------------------------------------------------


def test_a_group_of_fields_is_shown_where_some_rule_shows_it() -> None:
    rights = Rights(
        (
            Rule(kind="customer", actions=("read",), scope=Scope.OWN),
            Rule(kind="customer", actions=("read",), withheld=("contact",)),
        ),
        circle=Circle(own=frozenset({ROSA})),
    )
    (group,) = rights.withheld("customer")
    assert group == "contact"
    assert not rights.hidden_fields("customer", OF_ROSA, ROSA)
    assert rights.hidden_fields("customer", OF_SAM, SAM) == {"email", "phone", "points"}
    assert rights.reach("customer").includes(OF_SAM, SAM)
