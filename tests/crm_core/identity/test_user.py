"""A user's rules, as sentences: who may come in, and what they may do."""

from __future__ import annotations

from base64 import b64encode
from uuid import UUID

import pytest

from crm_core.crm import Crm
from crm_core.customers.customer.commands import RegisterPerson
from crm_core.customers.customer.events import CustomerRegistered
from crm_core.identity.user import events as e
from crm_core.identity.user.commands import (
    ActivateUser,
    GrantRole,
    InviteUser,
    RevokeRole,
    SetPassword,
    SuspendUser,
)
from crm_core.identity.user.leaving import DeactivateUser
from crm_core.identity.user.state import UserStatus
from crm_core.identity.user.user import User
from crm_core.kernel.messages import SYSTEM, Actor, Command
from crm_core.testing import Scenario

ROSA, SAM = (UUID(int=n) for n in range(1, 3))
PASSWORD = "correct horse battery"
NEW = "another long password"

invited = InviteUser(user_id=ROSA, name="Rosa Luz", email="rosa@example.com")
activated = ActivateUser(user_id=ROSA)
suspended = SuspendUser(user_id=ROSA, reason="on leave")
deactivated = DeactivateUser(user_id=ROSA)
made_sales = GrantRole(user_id=ROSA, role="sales")
made_auditor = GrantRole(user_id=ROSA, role="auditor")
with_password = SetPassword(user_id=ROSA, password=PASSWORD)

as_rosa = Actor.user(ROSA)
any_sale = RegisterPerson(name="Ada Lovelace")


# --- coming and going -------------------------------------------------------------------------


def test_an_invited_user_is_let_in_when_activated(scenario: Scenario) -> None:
    scenario.when(invited).then(e.UserInvited, email="rosa@example.com")
    assert scenario.record(User, ROSA).status is UserStatus.INVITED
    scenario.when(activated).then(e.UserActivated)
    scenario.when(activated).then_nothing()


def test_no_two_users_sign_in_with_one_address(scenario: Scenario) -> None:
    twin = InviteUser(user_id=SAM, name="Rosa Twin", email="Rosa@EXAMPLE.com")
    scenario.given(invited).when(twin)
    scenario.then_rejected("claim.taken", kind="login", holder_id=str(ROSA))


def test_a_suspended_user_keeps_the_address_and_a_deactivated_one_frees_it(
    scenario: Scenario,
) -> None:
    twin = InviteUser(user_id=SAM, name="Rosa Twin", email="rosa@example.com")
    scenario.given(invited, activated, suspended).when(twin).then_rejected("claim.taken")
    scenario.given(deactivated).when(twin).then(e.UserInvited)


def test_a_user_and_a_customer_may_have_the_same_address(scenario: Scenario) -> None:
    scenario.given(invited, RegisterPerson(name="Rosa Luz", email="rosa@example.com"))


def test_an_address_to_sign_in_with_is_one(scenario: Scenario) -> None:
    scenario.when(InviteUser(name="Rosa", email="rosa")).then_rejected(
        "command.invalid", path="email"
    )


def test_a_deactivated_user_is_gone_for_good(scenario: Scenario) -> None:
    scenario.given(invited, deactivated)
    for command in (activated, suspended, deactivated, with_password, made_sales):
        scenario.when(command).then_rejected("user.deactivated", user_id=str(ROSA))


# --- roles ------------------------------------------------------------------------------------


def test_a_role_is_granted_once_and_taken_back(scenario: Scenario) -> None:
    revoked = RevokeRole(user_id=ROSA, role="sales")
    scenario.given(invited).when(made_sales).then(e.RoleGranted, role="sales")
    scenario.when(made_sales).then_nothing()
    scenario.when(revoked).then(e.RoleRevoked, role="sales")
    scenario.when(revoked).then_nothing()


def test_a_role_that_nobody_defined_is_not_granted(scenario: Scenario) -> None:
    scenario.given(invited).when(GrantRole(user_id=ROSA, role="wizard"))
    scenario.then_rejected("user.unknown_role", role="wizard")


def test_a_user_without_a_role_may_do_nothing(scenario: Scenario) -> None:
    scenario.given(invited, activated).when(any_sale, actor=as_rosa)
    scenario.then_rejected("access.denied", right="customer.register_person")


def test_a_role_lets_its_user_do_what_it_names_and_no_more(scenario: Scenario) -> None:
    scenario.given(invited, activated, made_sales)
    scenario.when(any_sale, actor=as_rosa).then(CustomerRegistered)
    scenario.when(InviteUser(name="Sam"), actor=as_rosa)
    scenario.then_rejected("access.denied", right="user.invite")


def test_one_more_role_takes_nothing_away(scenario: Scenario) -> None:
    scenario.given(invited, activated, made_sales, made_auditor)
    scenario.when(any_sale, actor=as_rosa).then(CustomerRegistered)


@pytest.mark.parametrize(
    "past",
    [[], [activated, suspended], [activated, deactivated]],
    ids=["invited", "suspended", "deactivated"],
)
def test_only_an_active_user_has_rights(scenario: Scenario, past: list[Command]) -> None:
    scenario.given(invited, made_sales, *past)
    scenario.when(any_sale, actor=as_rosa).then_rejected("access.denied")


def test_a_user_who_does_not_exist_has_no_rights(scenario: Scenario) -> None:
    scenario.when(any_sale, actor=as_rosa).then_rejected("access.denied")
    scenario.when(any_sale, actor=Actor(as_rosa.kind, "rosa")).then_rejected("access.denied")


# --- passwords --------------------------------------------------------------------------------


def test_a_password_has_at_least_12_characters(scenario: Scenario) -> None:
    scenario.given(invited).when(SetPassword(user_id=ROSA, password="short"))
    scenario.then_rejected("command.invalid", path="password")


async def test_neither_password_nor_hash_is_stored_in_plain() -> None:
    async with Crm.in_memory() as crm:
        await execute(crm, invited, with_password)
        password_hash = (await crm.get(User, ROSA)).password_hash
        assert isinstance(password_hash, str)
        assert password_hash.startswith("$argon2id$")
        stored = b"".join([event.stored.data async for page in crm.events() for event in page])
    for secret in (password_hash, PASSWORD, "Rosa Luz", "rosa@example.com"):
        for shift in range(3):  # base64 of a part looks different at each of three offsets
            coded = b64encode(b"x" * shift + secret.encode())[4:-4]
            assert coded not in stored
        assert secret.encode() not in stored


async def test_an_active_user_signs_in_with_address_and_password() -> None:
    async with Crm.in_memory() as crm:
        await execute(crm, invited, activated, with_password)
        user = await crm.authenticate("Rosa@Example.COM", PASSWORD)
        assert user is not None
        assert user.id == ROSA
        assert await crm.authenticate("rosa@example.com", PASSWORD + "!") is None
        assert await crm.authenticate("sam@example.com", PASSWORD) is None
        assert await crm.authenticate("no address", PASSWORD) is None


async def test_a_new_password_takes_the_place_of_the_old() -> None:
    renewed = SetPassword(user_id=ROSA, password="another long password")
    async with Crm.in_memory() as crm:
        await execute(crm, invited, activated, with_password, renewed)
        assert await crm.authenticate("rosa@example.com", PASSWORD) is None
        assert await crm.authenticate("rosa@example.com", renewed.password) is not None


@pytest.mark.parametrize("actor", [as_rosa, Actor(as_rosa.kind, str(SAM), str(ROSA))], ids=str)
def test_the_own_password_is_set_with_the_present_one(scenario: Scenario, actor: Actor) -> None:
    """Also by who acts as oneself."""
    sam = InviteUser(user_id=SAM, name="Sam"), ActivateUser(user_id=SAM)
    scenario.given(invited, activated, made_sales, with_password, *sam)
    scenario.given(GrantRole(user_id=SAM, role="admin"))

    def renewed(present: str | None) -> SetPassword:
        return SetPassword(user_id=ROSA, password=NEW, present_password=present)

    scenario.when(renewed(None), actor=actor).then_rejected("user.present_password_needed")
    scenario.when(renewed(PASSWORD + "!"), actor=actor).then_rejected("user.wrong_password")
    scenario.when(renewed(PASSWORD), actor=actor).then(e.PasswordSet)


def test_a_first_password_and_that_of_another_take_none(scenario: Scenario) -> None:
    first = SetPassword(user_id=ROSA, password=NEW)
    scenario.given(invited, activated, GrantRole(user_id=ROSA, role="admin"))
    scenario.when(first, actor=as_rosa).then(e.PasswordSet)
    scenario.given(InviteUser(user_id=SAM, name="Sam"), SetPassword(user_id=SAM, password=PASSWORD))
    scenario.when(SetPassword(user_id=SAM, password=NEW), actor=as_rosa).then(e.PasswordSet)


@pytest.mark.parametrize(
    "past",
    [
        [with_password],
        [activated],
        [activated, with_password, suspended],
        [activated, with_password, deactivated],
    ],
    ids=["invited", "without a password", "suspended", "deactivated"],
)
async def test_nobody_else_signs_in(past: list[Command]) -> None:
    async with Crm.in_memory() as crm:
        await execute(crm, invited, *past)
        assert await crm.authenticate("rosa@example.com", PASSWORD) is None


async def test_a_user_who_is_let_in_again_signs_in_with_the_old_password() -> None:
    async with Crm.in_memory() as crm:
        await execute(crm, invited, activated, with_password, suspended, activated)
        assert await crm.authenticate("rosa@example.com", PASSWORD) is not None


async def execute(crm: Crm, *commands: Command) -> None:
    for command in commands:
        await crm.execute(command, actor=SYSTEM)
