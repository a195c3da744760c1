"""What can be asked of a user."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from crm_core.access.rights import ADMIN
from crm_core.identity.passwords import check_strength, hash_of, is_right
from crm_core.identity.role.commands import rules_of
from crm_core.identity.tenant.tenant import TENANT_ID, Tenant
from crm_core.identity.user.user import User
from crm_core.kernel.errors import Rejected
from crm_core.kernel.events import Redacted
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import Code, Name, ShortText
from crm_core.privacy.erasure.commands import Erases

Password = Annotated[str, Meta(min_length=12, max_length=200)]
FactorCode = Annotated[str, Meta(min_length=6, max_length=40)]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


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
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        await keep_governed(work, user)
        user.suspend(self.reason)


class EraseUser(Erases, frozen=True, kw_only=True):
    """Forgets a deactivated user for ever: name, address, what was written about the user.

    What the user did stays, under the user's id.
    """

    NAME = "user.erase"
    TARGET = "user_id"
    user_id: UUID

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        user.require_deactivated()
        self.erase_alone(work, user)


class SetPassword(OnUser, frozen=True, kw_only=True):
    """Sets the password: at least 12 characters, not soon guessed, and not in the operator's list
    of breached ones; kept as an argon2id hash.

    Who sets the own one gives the present one, if there is one.
    """

    NAME = "user.set_password"
    user_id: UUID
    password: Password
    present_password: Annotated[str, Meta(max_length=200)] | None = None

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        if str(user.id) in (work.actor.id, work.actor.on_behalf_of):
            await self._require_present(user.password_hash)
        known = [text for text in (user.name, user.email) if isinstance(text, str)]
        known += await _words_of_the_place(work, user)
        await asyncio.to_thread(check_strength, self.password, known)
        if await work.is_breached(self.password):
            raise Rejected("user.breached_password")
        user.set_password(await asyncio.to_thread(hash_of, self.password))

    async def _require_present(self, password_hash: str | Redacted | None) -> None:
        if not isinstance(password_hash, str):
            return
        if self.present_password is None:
            raise Rejected("user.present_password_needed")
        if not await asyncio.to_thread(is_right, self.present_password, password_hash):
            raise Rejected("user.wrong_password")


class GrantRole(OnUser, frozen=True, kw_only=True):
    """Gives a user a role: a built-in one (admin, sales, service, privacy, auditor) or one defined.

    Nobody gives a role that goes beyond what they may themselves.
    """

    NAME = "user.grant_role"
    user_id: UUID
    role: Code

    async def handle(self, work: Work) -> None:
        await work.require_cover(await rules_of(work, self.role))
        (await work.load(User, self.user_id)).grant_role(self.role)


class RevokeRole(OnUser, frozen=True, kw_only=True):
    """Takes a role from a user; the last administrator keeps theirs."""

    NAME = "user.revoke_role"
    user_id: UUID
    role: Code

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        if self.role == ADMIN:
            await keep_governed(work, user)
        user.revoke_role(self.role)


# --- the second factor ------------------------------------------------------------------------


class EnrolTotp(OnUser, frozen=True, kw_only=True):
    """Sets up a second factor; it counts from `user.confirm_totp` on.

    The secret, in base32, is made by whoever sends this, and shown to the user once.
    """

    NAME = "user.enrol_totp"
    user_id: UUID
    secret: Annotated[str, Meta(pattern=r"^[A-Z2-7]{32,64}$")]

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        user.enrol_totp(self.secret)


class ConfirmTotp(OnUser, frozen=True, kw_only=True):
    """Proves by a code that the second factor works; from then on signing in takes one.

    `recovery_digests` are of codes that whoever sends this has made and shows once.
    """

    NAME = "user.confirm_totp"
    user_id: UUID
    code: FactorCode
    recovery_digests: Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=20)]

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        user.confirm_totp(self.code, self.recovery_digests)


class UseCode(OnUser, frozen=True, kw_only=True):
    """Takes a time code or a recovery code of a user who signs in; each is good once."""

    NAME = "user.use_code"
    user_id: UUID
    code: FactorCode

    async def handle(self, work: Work) -> None:
        (await work.load(User, self.user_id)).use_code(self.code)


class RemoveTotp(OnUser, frozen=True, kw_only=True):
    """Takes the second factor away, as when the device is lost."""

    NAME = "user.remove_totp"
    user_id: UUID

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        user.remove_totp()


class NoteFailedSignIn(OnUser, frozen=True, kw_only=True):
    """Records that somebody who knew a user's address failed to sign in."""

    NAME = "user.note_failed_sign_in"
    user_id: UUID
    factor: Code

    async def handle(self, work: Work) -> None:
        (await work.load(User, self.user_id)).fail_sign_in(self.factor)


class NoteSignInLocked(OnUser, frozen=True, kw_only=True):
    """Records that attempts to sign in as this user are not taken for a while."""

    NAME = "user.note_sign_in_locked"
    user_id: UUID
    seconds: Annotated[int, Meta(ge=1)]

    async def handle(self, work: Work) -> None:
        (await work.load(User, self.user_id)).lock_sign_in(self.seconds)


async def _words_of_the_place(work: Work, user: User) -> list[str]:
    """What everybody here knows: the company's name, and where and as what the user works."""
    tenant = await work.find(Tenant, TENANT_ID)
    company = [] if tenant is None else [tenant.name]
    return [*company, *sorted(user.roles), *([user.office] if user.office else [])]


async def require_authority(work: Work, user: User) -> None:
    """Only who may do all that a user may has power over them; oneself always."""
    if work.actor.id != str(user.id):
        for role in sorted(user.roles):
            try:
                rules = await rules_of(work, role)
            except Rejected:
                continue  # it is retired: it gives nothing
            await work.require_cover(rules)


async def keep_governed(work: Work, user: User) -> None:
    """Raises Rejected where no other administrator would be left.

    The one who stays is guarded: two who remove each other at once cannot both succeed.
    """
    if not user.is_administrator:
        return
    for other_id in sorted(await work.administrators() - {user.id}):
        other = await work.find(User, other_id)
        if other is not None and other.is_administrator:
            work.guard(other)
            return
    raise Rejected("user.last_administrator", user_id=str(user.id))
