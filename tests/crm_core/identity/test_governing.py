"""Who governs: the last administrator stays, and nobody gives more than they have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from crm_core import SYSTEM, Actor, Crm, CrmError, Denied, Rejected, Request
from crm_core.identity import (
    ActivateUser,
    DeactivateUser,
    DefineRole,
    GrantRole,
    InviteUser,
    OnboardTenant,
    ResumeTenant,
    RetireRole,
    RevokeRole,
    RoleRule,
    Scope,
    SetPassword,
    SuspendTenant,
    SuspendUser,
)
from crm_core.identity.user import events as e
from crm_core.identity.user.user import User
from crm_core.kernel.messages import Command
from crm_core.testing import Scenario

ROSA, SAM = UUID(int=1), UUID(int=2)
REMOVALS: list[type[Command]] = [SuspendUser, DeactivateUser]


def a_user(user_id: UUID, role: str) -> tuple[Command, ...]:
    return (
        InviteUser(user_id=user_id, name="Somebody"),
        GrantRole(user_id=user_id, role=role),
        ActivateUser(user_id=user_id),
    )


rosa_rules = a_user(ROSA, "admin")
sam_rules = a_user(SAM, "admin")
removals = pytest.mark.parametrize(
    "removal",
    [
        lambda user: SuspendUser(user_id=user),
        lambda user: DeactivateUser(user_id=user),
        lambda user: RevokeRole(user_id=user, role="admin"),
    ],
    ids=["suspended", "deactivated", "revoked"],
)


@removals
def test_the_last_administrator_stays(scenario: Scenario, removal: type[Command]) -> None:
    scenario.given(*rosa_rules, InviteUser(user_id=SAM, name="Sam"),
                   GrantRole(user_id=SAM, role="admin"))  # fmt: skip
    scenario.when(removal(ROSA)).then_rejected("user.last_administrator", user_id=str(ROSA))
    scenario.given(ActivateUser(user_id=SAM), removal(ROSA))
    scenario.when(removal(SAM)).then_rejected("user.last_administrator", user_id=str(SAM))


@removals
async def test_two_administrators_who_remove_each_other_at_once(
    crm: Crm, removal: type[Command]
) -> None:
    """On PostgreSQL, in separate batches and in one: one of the two stays."""
    for command in (*rosa_rules, *sam_rules):
        await crm.execute(command, SYSTEM)
    at_once = await asyncio.gather(
        crm.execute(removal(ROSA), Actor.user(SAM)),
        crm.execute(removal(SAM), Actor.user(ROSA)),
        return_exceptions=True,
    )
    (refusal,) = [outcome for outcome in at_once if isinstance(outcome, CrmError)]
    assert refusal.code in ("user.last_administrator", "access.denied")
    assert len(await crm.authority.administrators()) == 1


async def test_the_last_one_stays_within_a_batch_too() -> None:
    async with Crm.in_memory() as crm:
        for command in (*rosa_rules, *sam_rules):
            await crm.execute(command, SYSTEM)
        outcomes = await crm.execute_many(
            [Request(command=SuspendUser(user_id=user), actor=SYSTEM) for user in (ROSA, SAM)]
        )
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[1].code == "user.last_administrator"


# --- nobody gives more than they have -------------------------------------------------------------


@pytest.fixture
async def staffed() -> AsyncIterator[Crm]:
    """Rosa administers; Sam manages people, with no rights on customers beyond reading them."""
    manages = DefineRole(
        name="people",
        rules=(
            RoleRule(kind="user", actions=("*",)),
            RoleRule(kind="role", actions=("*",)),
            RoleRule(kind="customer", actions=("read",), scope=Scope.TEAM),
        ),
    )
    async with Crm.in_memory() as crm:
        for command in (*rosa_rules, manages, *a_user(SAM, "people")):
            await crm.execute(command, SYSTEM)
        yield crm


@pytest.mark.parametrize("role", ["admin", "sales", "auditor"])
async def test_nobody_grants_a_role_that_goes_further(staffed: Crm, role: str) -> None:
    with pytest.raises(Denied):
        await staffed.execute(GrantRole(user_id=SAM, role=role), Actor.user(SAM))


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        (RoleRule(kind="customer", actions=("read",), scope=Scope.OWN), True),
        (RoleRule(kind="customer", actions=("read",), scope=Scope.TEAM), True),
        (RoleRule(kind="customer", actions=("read",), scope=Scope.TEAM_TREE), False),
        (RoleRule(kind="customer", actions=("read",), scope=Scope.SHARED), False),
        (RoleRule(kind="customer", actions=("tag",), scope=Scope.OWN), False),
        (RoleRule(kind="*", actions=("read",)), False),
    ],
)
async def test_nobody_defines_a_role_that_goes_further(
    staffed: Crm, rule: RoleRule, allowed: bool
) -> None:
    defining = staffed.execute(DefineRole(name="new", rules=(rule,)), Actor.user(SAM))
    if allowed:
        await defining
        return
    with pytest.raises(Denied):
        await defining


@pytest.mark.parametrize(
    "command",
    [
        SetPassword(user_id=ROSA, password="a password of Sam's choice"),
        SuspendUser(user_id=ROSA),
        RevokeRole(user_id=ROSA, role="admin"),
    ],
)
async def test_nobody_has_power_over_who_may_more(staffed: Crm, command: Command) -> None:
    with pytest.raises(Denied):
        await staffed.execute(command, Actor.user(SAM))


# --- roles ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (RoleRule(kind="dragon", actions=("read",)), "role.unknown_kind"),
        (RoleRule(kind="product", actions=("read",), scope=Scope.OWN), "role.kind_has_no_owner"),
        (RoleRule(kind="customer", actions=("read",), withheld=("shoe_size",)),
         "role.unknown_fields"),
        (RoleRule(kind="customer", actions=("read!",)), "command.invalid"),
    ],
)  # fmt: skip
def test_a_rule_that_can_mean_nothing_is_refused(
    scenario: Scenario, rule: RoleRule, code: str
) -> None:
    scenario.when(DefineRole(name="odd", rules=(rule,))).then_rejected(code)


def test_the_administrators_role_is_as_it_is(scenario: Scenario) -> None:
    scenario.when(DefineRole(name="admin", rules=())).then_rejected("role.built_in")
    scenario.when(RetireRole(name="admin")).then_rejected("record.not_found")


def test_a_retired_role_is_not_granted(scenario: Scenario) -> None:
    rule = RoleRule(kind="customer", actions=("read",))
    scenario.given(DefineRole(name="clerk", rules=(rule,)), InviteUser(user_id=SAM, name="Sam"))
    scenario.when(GrantRole(user_id=SAM, role="clerk")).then(e.RoleGranted)
    scenario.given(RetireRole(name="clerk"))
    scenario.when(GrantRole(user_id=SAM, role="clerk")).then_rejected("user.unknown_role")


# --- tenants ----------------------------------------------------------------------------------


async def test_a_tenant_begins_with_an_administrator_and_is_suspended_as_a_whole() -> None:
    begin = OnboardTenant(
        name="Officine Faro",
        administrator_id=ROSA,
        administrator_name="Rosa",
        administrator_email="rosa@example.com",
    )
    as_rosa = Actor.user(ROSA)
    async with Crm.in_memory() as crm:
        await crm.execute(begin, SYSTEM)
        await crm.execute(InviteUser(user_id=SAM, name="Sam"), as_rosa)
        with pytest.raises(Rejected, match=r"record\.exists"):
            await crm.execute(begin, SYSTEM)
        await crm.execute(SuspendTenant(reason="unpaid"), SYSTEM)
        with pytest.raises(Denied):
            await crm.execute(ActivateUser(user_id=SAM), as_rosa)
        assert (await crm.rights(crm.tenant_id, as_rosa)).is_nothing
        await crm.execute(ResumeTenant(), SYSTEM)
        await crm.execute(ActivateUser(user_id=SAM), as_rosa)
        assert (await crm.get(User, SAM)).status.value == "ACTIVE"


@pytest.mark.parametrize(
    "password", ["Officine-Faro-2026!", "faro admin officine 1", "rosa officine"]
)
async def test_no_password_is_made_of_what_everybody_here_knows(password: str) -> None:
    """The company's name, what the user is called, and what the user may."""
    begin = OnboardTenant(
        name="Officine Faro",
        administrator_id=ROSA,
        administrator_name="Rosa",
        administrator_email="rosa@example.com",
    )
    async with Crm.in_memory() as crm:
        await crm.execute(begin, SYSTEM)
        with pytest.raises(Rejected, match=r"user\.weak_password"):
            await crm.execute(SetPassword(user_id=ROSA, password=password), SYSTEM)
        lighthouse = SetPassword(user_id=ROSA, password="three herons over a lighthouse")
        await crm.execute(lighthouse, SYSTEM)
