"""The rules of a user."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from crm_core.identity.second_factor import digest_of_code, step_of
from crm_core.identity.user import events as e
from crm_core.identity.user.state import UserState, UserStatus
from crm_core.kernel.errors import Invalid, Rejected
from crm_core.kernel.values import normal_email

PASSKEYS_MAX: Final = 20


class User(UserState):
    TOPIC = "identity.user"

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

    def hand_over(self, successor_id: UUID | None, ticket_queue: str | None) -> None:
        """Says who gets what the user owns, and what was the user's by mistake later on."""
        self.require_deactivated()
        self.record(e.HandOverBegun, successor_id=successor_id, ticket_queue=ticket_queue)

    def complete_hand_over(self) -> None:
        if self.is_handing_over:
            self.record(e.HandOverCompleted)

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

    def lock_sign_in(self, seconds: int) -> None:
        self.record(e.SignInLocked, seconds=seconds)

    def _step_of(self, code: str) -> int | None:
        if not isinstance(self.totp_secret, str):
            return None
        return step_of(self.totp_secret, code, self.at, after=self.totp_step)

    # --- codes that are sent ------------------------------------------------------------------

    def turn_on_sent_codes(self) -> None:
        """One that was sent has come back: its command was sent by who has seen that."""
        self.require_present()
        if not self.takes_sent_codes:
            self.record(e.SentCodesTurnedOn)

    def turn_off_sent_codes(self) -> None:
        if self.takes_sent_codes:
            self.record(e.SentCodesTurnedOff)

    def note_code_sent(self, purpose: str) -> None:
        self.record(e.CodeSent, purpose=purpose)

    def use_sent_code(self) -> None:
        self.require_active()
        if not self.takes_sent_codes:
            raise Rejected("user.no_sent_codes")
        self.record(e.SentCodeUsed)

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


def _login(email: str) -> str:
    """The form under which an address is unique; a refusal names the command's own field."""
    try:
        return normal_email(email)
    except Invalid as refusal:
        raise Invalid("email", refusal.parameters["problem"]) from refusal
