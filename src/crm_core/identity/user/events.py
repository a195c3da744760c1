"""What can happen to a user."""

from __future__ import annotations

from uuid import UUID

from crm_core.kernel.events import Created, Event, OptionalPersonalText, PersonalText


class UserInvited(Created):
    TOPIC = "identity.user.invited"
    name: PersonalText
    email: OptionalPersonalText
    manager_id: UUID | None
    office: str | None


class UserActivated(Event):
    TOPIC = "identity.user.activated"


class UserSuspended(Event):
    TOPIC = "identity.user.suspended"
    reason: OptionalPersonalText


class UserDeactivated(Event):
    TOPIC = "identity.user.deactivated"


class PasswordSet(Event):
    """Sealed like personal data, so that the hash goes with the user's key."""

    TOPIC = "identity.user.password_set"
    password_hash: PersonalText


class RoleGranted(Event):
    TOPIC = "identity.user.role_granted"
    role: str


class RoleRevoked(Event):
    TOPIC = "identity.user.role_revoked"
    role: str
