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


class HandOverBegun(Event):
    """What the user owns goes to the successor, record by record; tickets to the queue, if one is
    named. Each of those records' events names this one as its cause.
    """

    TOPIC = "identity.user.hand_over_begun"
    successor_id: UUID | None
    ticket_queue: str | None


class HandOverCompleted(Event):
    """Nothing that is open was the user's any more."""

    TOPIC = "identity.user.hand_over_completed"


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


class TotpEnrolled(Event):
    """A second factor is set up; it counts once it is confirmed by a code."""

    TOPIC = "identity.user.totp_enrolled"
    secret: PersonalText


class TotpConfirmed(Event):
    """From now on signing in takes a code as well. `recovery_digests` are SHA-256, hexadecimal."""

    TOPIC = "identity.user.totp_confirmed"
    step: int
    recovery_digests: tuple[str, ...]


class TotpUsed(Event):
    """A code was taken; neither it nor an earlier one is good any more."""

    TOPIC = "identity.user.totp_used"
    step: int


class RecoveryCodeUsed(Event):
    TOPIC = "identity.user.recovery_code_used"
    digest: str


class TotpRemoved(Event):
    TOPIC = "identity.user.totp_removed"


class SentCodesTurnedOn(Event):
    """From now on signing in takes a code as well, which is sent to the user's address."""

    TOPIC = "identity.user.sent_codes_turned_on"


class SentCodesTurnedOff(Event):
    TOPIC = "identity.user.sent_codes_turned_off"


class CodeSent(Event):
    """A code was given to what sends it to the user's address; neither is recorded."""

    TOPIC = "identity.user.code_sent"
    purpose: str


class SentCodeUsed(Event):
    """The user has signed in by a code that was sent."""

    TOPIC = "identity.user.sent_code_used"


class PasskeyRegistered(Event):
    """An authenticator of the user's holds the private half of `public_key` (COSE, RFC 9052).

    Both ids and keys are in base64url, and sealed: they could be recognised elsewhere.
    """

    TOPIC = "identity.user.passkey_registered"
    passkey_id: UUID
    credential_id: PersonalText
    public_key: PersonalText
    sign_count: int
    transports: tuple[str, ...]
    label: PersonalText


class PasskeyUsed(Event):
    """The user has signed in by it; `sign_count` is what the authenticator counts, or 0."""

    TOPIC = "identity.user.passkey_used"
    passkey_id: UUID
    sign_count: int


class PasskeyRemoved(Event):
    TOPIC = "identity.user.passkey_removed"
    passkey_id: UUID


class IdentityLinked(Event):
    """The user signs in at a provider, too: `subject` is who the user is to this issuer."""

    TOPIC = "identity.user.identity_linked"
    issuer: str
    subject: PersonalText


class IdentityUnlinked(Event):
    TOPIC = "identity.user.identity_unlinked"
    issuer: str


class SignInLocked(Event):
    """So many attempts were made for this user that none is taken for up to `seconds`. Recorded
    once in this time.
    """

    TOPIC = "identity.user.sign_in_locked"
    seconds: int


class SignInFailed(Event):
    """Somebody knew the address, and gave a wrong password, code or passkey.

    `passkey_copied`: its count went back, so that somebody has another one like it.
    """

    TOPIC = "identity.user.sign_in_failed"
    factor: str
