"""The rules of a user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, assert_never
from uuid import UUID

from crm_core.access.rights import ADMIN
from crm_core.identity.second_factor import digest_of_code, step_of
from crm_core.identity.user import events as e
from crm_core.kernel.aggregate import Aggregate, HeldKey, external_key
from crm_core.kernel.errors import Invalid, Rejected
from crm_core.kernel.events import OptionalPersonalText, PersonalText
from crm_core.kernel.values import normal_email

PASSKEYS_MAX: Final = 20


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


class User(Aggregate):
    TOPIC = "identity.user"

    name: PersonalText = ""
    email: OptionalPersonalText = None
    status: UserStatus = UserStatus.INVITED
    roles: set[str] = field(default_factory=set)
    manager_id: UUID | None = None
    office: str | None = None
    password_hash: OptionalPersonalText = None
    totp_secret: OptionalPersonalText = None
    is_totp_confirmed: bool = False
    totp_step: int = 0
    recovery_digests: frozenset[str] = frozenset()
    passkeys: dict[UUID, Passkey] = field(default_factory=dict)
    identities: dict[str, PersonalText] = field(default_factory=dict)

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
        self.require_present()
        if self.status is not UserStatus.ACTIVE:
            self.record(e.UserActivated)

    def suspend(self, reason: str | None) -> None:
        self.require_present()
        if self.status is not UserStatus.SUSPENDED:
            self.record(e.UserSuspended, reason=reason)

    def deactivate(self) -> None:
        """Ends the user's access for good; the e-mail address is free for another user."""
        self.require_present()
        self.record(e.UserDeactivated)

    def set_password(self, password_hash: str) -> None:
        self.require_present()
        self.record(e.PasswordSet, password_hash=password_hash)

    def grant_role(self, role: str) -> None:
        """A role that is defined; its command has looked."""
        self.require_present()
        if role not in self.roles:
            self.record(e.RoleGranted, role=role)

    def revoke_role(self, role: str) -> None:
        self.require_present()
        if role in self.roles:
            self.record(e.RoleRevoked, role=role)

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

    # --- at other providers -------------------------------------------------------------------

    def link_identity(self, issuer: str, subject: str) -> None:
        """One identity of each issuer."""
        self.require_present()
        if self.identities.get(issuer) == subject:
            return
        if issuer in self.identities:
            raise Rejected("user.identity_linked_already", issuer=issuer)
        self.record(e.IdentityLinked, issuer=issuer, subject=subject)

    def unlink_identity(self, issuer: str) -> None:
        if issuer in self.identities:
            self.record(e.IdentityUnlinked, issuer=issuer)

    # --- the second factor --------------------------------------------------------------------

    @property
    def needs_second_factor(self) -> bool:
        """Whether signing in takes something beside the password."""
        return self.is_totp_confirmed or bool(self.passkeys)

    def enrol_totp(self, secret: str) -> None:
        self.require_present()
        if self.is_totp_confirmed:
            raise Rejected("user.totp_already_on", user_id=str(self.id))
        self.record(e.TotpEnrolled, secret=secret)

    def confirm_totp(self, code: str, recovery_digests: Iterable[str]) -> None:
        if self.is_totp_confirmed:
            raise Rejected("user.totp_already_on", user_id=str(self.id))
        step = self._step_of(code)
        if step is None:
            raise Rejected("user.wrong_code")
        self.record(e.TotpConfirmed, step=step, recovery_digests=tuple(recovery_digests))

    def use_code(self, code: str) -> None:
        """Takes a time code or a recovery code, once. Raises Rejected `user.wrong_code`."""
        self.require_active()
        step = self._step_of(code)
        digest = digest_of_code(code)
        if self.is_totp_confirmed and step is not None:
            self.record(e.TotpUsed, step=step)
        elif digest in self.recovery_digests:
            self.record(e.RecoveryCodeUsed, digest=digest)
        else:
            raise Rejected("user.wrong_code")

    def remove_totp(self) -> None:
        if self.totp_secret is not None:
            self.record(e.TotpRemoved)

    def fail_sign_in(self, factor: str) -> None:
        self.record(e.SignInFailed, factor=factor)

    def _step_of(self, code: str) -> int | None:
        if not isinstance(self.totp_secret, str):
            return None
        return step_of(self.totp_secret, code, self.at, after=self.totp_step)

    # --- passkeys -----------------------------------------------------------------------------

    def register_passkey(
        self,
        passkey_id: UUID,
        *,
        credential_id: str,
        public_key: str,
        sign_count: int,
        transports: tuple[str, ...],
        label: str,
    ) -> None:
        self.require_present()
        if len(self.passkeys) >= PASSKEYS_MAX:
            raise Rejected("user.too_many_passkeys", limit=PASSKEYS_MAX)
        if self.passkey_of(credential_id) is not None:
            raise Rejected("user.passkey_known")
        self.record(
            e.PasskeyRegistered,
            passkey_id=passkey_id,
            credential_id=credential_id,
            public_key=public_key,
            sign_count=sign_count,
            transports=transports,
            label=label.strip(),
        )

    def use_passkey(self, passkey_id: UUID, sign_count: int) -> None:
        """Takes a sign-in that was proven. Authenticators that count do so upwards (WebAuthn
        level 2, section 6.1.1): raises Rejected `user.passkey_copied` where one does not.
        """
        self.require_active()
        passkey = self.passkeys.get(passkey_id)
        if passkey is None:
            raise Rejected("user.unknown_passkey")
        counts = sign_count > 0 or passkey.sign_count > 0
        if counts and sign_count <= passkey.sign_count:
            raise Rejected("user.passkey_copied")
        self.record(e.PasskeyUsed, passkey_id=passkey_id, sign_count=sign_count)

    def remove_passkey(self, passkey_id: UUID) -> None:
        if passkey_id in self.passkeys:
            self.record(e.PasskeyRemoved, passkey_id=passkey_id)

    def passkey_of(self, credential_id: str) -> Passkey | None:
        """The passkey that an authenticator knows by this id."""
        found = (p for p in self.passkeys.values() if p.credential_id == credential_id)
        return next(found, None)

    # --- state --------------------------------------------------------------------------------

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
            case e.SignInFailed():
                pass  # for the record
            case _:
                assert_never(event)


def _login(email: str) -> str:
    """The form under which an address is unique; a refusal names the command's own field."""
    try:
        return normal_email(email)
    except Invalid as refusal:
        raise Invalid("email", refusal.parameters["problem"]) from refusal
