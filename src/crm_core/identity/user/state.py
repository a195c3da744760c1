"""What a user's events come to, and what can be asked of that."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from crm_core.access.rights import ADMIN
from crm_core.identity.user import events as e
from crm_core.kernel.aggregate import Aggregate, HeldKey, external_key
from crm_core.kernel.errors import Rejected
from crm_core.kernel.events import OptionalPersonalText, PersonalText


class UserStatus(StrEnum):
    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    DEACTIVATED = "DEACTIVATED"


@dataclass(frozen=True, slots=True)
class Passkey:
    """A credential of WebAuthn; its id and its key, in base64url, are what signing in asks for."""

    passkey_id: UUID
    credential_id: PersonalText
    public_key: PersonalText
    sign_count: int
    transports: tuple[str, ...]
    label: PersonalText
    registered_at: datetime
    used_at: datetime | None = None


class UserState(Aggregate):
    """The part of `User` that never decides."""

    name: PersonalText = ""
    email: OptionalPersonalText = None
    status: UserStatus = UserStatus.INVITED
    roles: set[str] = field(default_factory=set)
    manager_id: UUID | None = None
    office: str | None = None
    successor_id: UUID | None = None
    ticket_queue: str | None = None
    is_handing_over: bool = False
    password_hash: OptionalPersonalText = None
    totp_secret: OptionalPersonalText = None
    is_totp_confirmed: bool = False
    totp_step: int = 0
    recovery_digests: frozenset[str] = frozenset()
    takes_sent_codes: bool = False
    passkeys: dict[UUID, Passkey] = field(default_factory=dict)
    identities: dict[str, PersonalText] = field(default_factory=dict)

    @property
    def needs_second_factor(self) -> bool:
        """Whether signing in takes something beside the password."""
        return self.is_totp_confirmed or self.takes_sent_codes or bool(self.passkeys)

    def passkey_of(self, credential_id: str) -> Passkey | None:
        """The passkey that an authenticator knows by this id."""
        found = (p for p in self.passkeys.values() if p.credential_id == credential_id)
        return next(found, None)

    def held_keys(self) -> frozenset[HeldKey]:
        """What a user signs in with, so that no two have the same."""
        if self.status is UserStatus.DEACTIVATED:
            return frozenset()
        emails = {HeldKey("login", self.email)} if isinstance(self.email, str) else set()
        identities = {
            external_key("user", issuer, subject)
            for issuer, subject in self.identities.items()
            if isinstance(subject, str)
        }
        passkeys = {
            HeldKey("passkey", passkey.credential_id)
            for passkey in self.passkeys.values()
            if isinstance(passkey.credential_id, str)
        }
        return frozenset(emails | identities | passkeys)

    @property
    def is_administrator(self) -> bool:
        """Whether this user keeps the tenant governed: let in, and with the role that does all."""
        return self.status is UserStatus.ACTIVE and ADMIN in self.roles

    def require_active(self) -> None:
        if self.status is not UserStatus.ACTIVE:
            raise Rejected("user.not_active", user_id=str(self.id))

    def require_present(self) -> None:
        if self.status is UserStatus.DEACTIVATED:
            raise Rejected("user.deactivated", user_id=str(self.id))

    def require_deactivated(self) -> None:
        if self.status is not UserStatus.DEACTIVATED:
            raise Rejected("user.not_deactivated", user_id=str(self.id))

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
            case e.HandOverBegun():
                self.successor_id, self.ticket_queue = event.successor_id, event.ticket_queue
                self.is_handing_over = True
            case e.HandOverCompleted():
                self.is_handing_over = False
            case e.PasswordSet():
                self.password_hash = event.password_hash
            case e.RoleGranted():
                self.roles.add(event.role)
            case e.RoleRevoked():
                self.roles.discard(event.role)
            case e.TotpEnrolled():
                self.totp_secret, self.is_totp_confirmed = event.secret, False
            case e.TotpConfirmed():
                self.is_totp_confirmed, self.totp_step = True, event.step
                self.recovery_digests = frozenset(event.recovery_digests)
            case e.TotpUsed():
                self.totp_step = event.step
            case e.RecoveryCodeUsed():
                self.recovery_digests -= {event.digest}
            case e.TotpRemoved():
                self.totp_secret, self.is_totp_confirmed = None, False
                self.recovery_digests = frozenset()
            case e.SentCodesTurnedOn():
                self.takes_sent_codes = True
            case e.SentCodesTurnedOff():
                self.takes_sent_codes = False
            case e.PasskeyRegistered():
                self.passkeys[event.passkey_id] = Passkey(
                    passkey_id=event.passkey_id,
                    credential_id=event.credential_id,
                    public_key=event.public_key,
                    sign_count=event.sign_count,
                    transports=event.transports,
                    label=event.label,
                    registered_at=event.timestamp,
                )
            case e.PasskeyUsed():
                used = self.passkeys[event.passkey_id]
                self.passkeys[event.passkey_id] = replace(
                    used, sign_count=event.sign_count, used_at=event.timestamp
                )
            case e.PasskeyRemoved():
                self.passkeys.pop(event.passkey_id, None)
            case e.IdentityLinked():
                self.identities[event.issuer] = event.subject
            case e.IdentityUnlinked():
                self.identities.pop(event.issuer, None)
            case e.SignInFailed() | e.SignInLocked() | e.CodeSent() | e.SentCodeUsed():
                pass  # for the record
            case _:
                assert_never(event)
