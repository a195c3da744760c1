"""What can be asked of a user."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from crm_core.identity.passwords import hash_of
from crm_core.identity.user.user import User
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import Code, Name, ShortText

Password = Annotated[str, Meta(min_length=12, max_length=200)]


class OnUser(Command, frozen=True, kw_only=True):
    TARGET = "user_id"


class InviteUser(OnUser, frozen=True, kw_only=True):
    """Makes a user known; the e-mail address is the name to sign in with."""

    NAME = "user.invite"
    user_id: UUID = field(default_factory=new_id)
    name: Name
    email: ShortText | None = None
    manager_id: UUID | None = None
    office: ShortText | None = None

    async def handle(self, work: Work) -> None:
        work.add(
            User.invite(
                self.user_id,
                work.at,
                name=self.name,
                email=self.email,
                manager_id=self.manager_id,
                office=self.office,
            )
        )


class ActivateUser(OnUser, frozen=True, kw_only=True):
    """Lets an invited or suspended user in."""

    NAME = "user.activate"
    user_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(User, self.user_id)).activate()


class SuspendUser(OnUser, frozen=True, kw_only=True):
    """Keeps a user out until activated again."""

    NAME = "user.suspend"
    user_id: UUID
    reason: ShortText | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(User, self.user_id)).suspend(self.reason)


class DeactivateUser(OnUser, frozen=True, kw_only=True):
    """Ends a user's access for good."""

    NAME = "user.deactivate"
    user_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(User, self.user_id)).deactivate()


class SetPassword(OnUser, frozen=True, kw_only=True):
    """Sets the password, of at least 12 characters; kept as an argon2id hash."""

    NAME = "user.set_password"
    user_id: UUID
    password: Password

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        user.set_password(await asyncio.to_thread(hash_of, self.password))


class GrantRole(OnUser, frozen=True, kw_only=True):
    """Gives a user a role: admin, sales, service, privacy or auditor."""

    NAME = "user.grant_role"
    user_id: UUID
    role: Code

    async def handle(self, work: Work) -> None:
        (await work.load(User, self.user_id)).grant_role(self.role)


class RevokeRole(OnUser, frozen=True, kw_only=True):
    """Takes a role from a user."""

    NAME = "user.revoke_role"
    user_id: UUID
    role: Code

    async def handle(self, work: Work) -> None:
        (await work.load(User, self.user_id)).revoke_role(self.role)
