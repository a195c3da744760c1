"""The rules of a user."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from crm_core.access.rights import ROLES
from crm_core.identity.user import events as e
from crm_core.kernel.aggregate import Aggregate, HeldKey
from crm_core.kernel.errors import Invalid, Rejected
from crm_core.kernel.events import OptionalPersonalText, PersonalText
from crm_core.kernel.values import normal_email


class UserStatus(StrEnum):
    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    DEACTIVATED = "DEACTIVATED"


class User(Aggregate):
    TOPIC = "identity.user"

    name: PersonalText = ""
    email: OptionalPersonalText = None
    status: UserStatus = UserStatus.INVITED
    roles: set[str] = field(default_factory=set)
    manager_id: UUID | None = None
    office: str | None = None
    password_hash: OptionalPersonalText = None

    @classmethod
    def invite(
        cls,
        user_id: UUID,
        at: datetime,
        *,
        name: str,
        email: str | None,
        manager_id: UUID | None = None,
        office: str | None = None,
    ) -> User:
        return cls.start(
            e.UserInvited,
            user_id,
            at,
            name=name.strip(),
            email=None if email is None else _login(email),
            manager_id=manager_id,
            office=office,
        )

    def activate(self) -> None:
        self._require_present()
        if self.status is not UserStatus.ACTIVE:
            self.record(e.UserActivated)

    def suspend(self, reason: str | None) -> None:
        self._require_present()
        if self.status is not UserStatus.SUSPENDED:
            self.record(e.UserSuspended, reason=reason)

    def deactivate(self) -> None:
        """Ends the user's access for good; the e-mail address is free for another user."""
        self._require_present()
        self.record(e.UserDeactivated)

    def set_password(self, password_hash: str) -> None:
        self._require_present()
        self.record(e.PasswordSet, password_hash=password_hash)

    def grant_role(self, role: str) -> None:
        self._require_present()
        if role not in ROLES:
            raise Rejected("user.unknown_role", role=role, known=sorted(ROLES))
        if role not in self.roles:
            self.record(e.RoleGranted, role=role)

    def revoke_role(self, role: str) -> None:
        self._require_present()
        if role in self.roles:
            self.record(e.RoleRevoked, role=role)

    def held_keys(self) -> frozenset[HeldKey]:
        """A user signs in with the e-mail address, so no two may have the same."""
        if self.status is UserStatus.DEACTIVATED or not isinstance(self.email, str):
            return frozenset()
        return frozenset({HeldKey("login", self.email)})

    def _require_present(self) -> None:
        if self.status is UserStatus.DEACTIVATED:
            raise Rejected("user.deactivated", user_id=str(self.id))

    def when(self, event: Any) -> None:
        match event:
            case e.UserInvited():
                self.name, self.email = event.name, event.email
                self.manager_id, self.office = event.manager_id, event.office
            case e.UserActivated():
                self.status = UserStatus.ACTIVE
            case e.UserSuspended():
                self.status = UserStatus.SUSPENDED
            case e.UserDeactivated():
                self.status = UserStatus.DEACTIVATED
            case e.PasswordSet():
                self.password_hash = event.password_hash
            case e.RoleGranted():
                self.roles.add(event.role)
            case e.RoleRevoked():
                self.roles.discard(event.role)
            case _:
                assert_never(event)


def _login(email: str) -> str:
    """The form under which an address is unique; a refusal names the command's own field."""
    try:
        return normal_email(email)
    except Invalid as refusal:
        raise Invalid("email", refusal.parameters["problem"]) from refusal
