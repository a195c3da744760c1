"""Passkeys: what a browser is asked for, and whether its answer proves anything.

W3C Web Authentication, Level 2; what it says must be verified, the library `webauthn` verifies.
Each ceremony has an id, under which its outcome is recorded: the ledger takes one once, so a
challenge is spent for all processes, whatever else is away.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    options_to_json_dict,
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from crm_api.kept import Kept, NotKept
from crm_api.signing_in import PasskeySettings
from crm_core import Clock, new_id
from crm_core.identity import Passkey, RegisterPasskey, UsePasskey, User

__all__ = ["CEREMONY_MINUTES", "Asked", "Claim", "PasskeyRefused", "Passkeys", "Proven"]

CEREMONY_MINUTES = 5
_TIMEOUT_MS = CEREMONY_MINUTES * 60_000
_CHALLENGE_BYTES = 32
# The library lets through what its parsers stumble over in an answer that is none.
_MALFORMED = (
    WebAuthnException,
    UnsupportedAlgorithm,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
# None is asked for; some authenticators sign by the new key itself all the same.
_ATTESTATIONS = (AttestationFormat.NONE, AttestationFormat.PACKED)


class PasskeyRefused(Exception):
    """The answer proves nothing; `cause` is a word for the log."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page hands to the browser (as the JSON of Level 3), and what it keeps for us."""

    options: dict[str, Any]
    flow: str


class _Purpose(StrEnum):
    REGISTER = "REGISTER"
    SECOND_FACTOR = "SECOND_FACTOR"
    ALONE = "ALONE"


class _Ceremony(msgspec.Struct, frozen=True):
    """`user_id` is of whoever began it; None where the answer will say who it is."""

    id: UUID
    purpose: _Purpose
    challenge: bytes
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class Claim:
    """Whom an answer is about, before anything of it is believed."""

    user_id: UUID
    ceremony: _Ceremony
    answer: AuthenticationCredential

    @property
    def credential_id(self) -> str:
        """In base64url."""
        return bytes_to_base64url(self.answer.raw_id)


class Proven(NamedTuple):
    """What is to be recorded of a sign-in. `is_strong`: more than one factor has been shown, by the
    authenticator alone only where it has checked who holds it.
    """

    use: UsePasskey
    is_strong: bool


class Passkeys:
    """`secret` is the server's own, from which the key of what clients keep is made."""

    def __init__(self, settings: PasskeySettings, secret: bytes, clock: Clock) -> None:
        self._settings = settings
        self._flows = Kept(
            _Ceremony, "crm-api passkey ceremony", secret, clock, minutes=CEREMONY_MINUTES
        )

    # --- registering --------------------------------------------------------------------------

    def ask_to_register(self, user: User) -> Asked:
        ceremony = _begun(_Purpose.REGISTER, user.id)
        name = user.email if isinstance(user.email, str) else str(user.id)
        options = generate_registration_options(
            rp_id=self._settings.rp_id,
            rp_name=self._settings.name,
            user_id=user.id.bytes,
            user_name=name,
            user_display_name=user.name if isinstance(user.name, str) else name,
            challenge=ceremony.challenge,
            timeout=_TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=_descriptors(user),
        )
        return Asked(options_to_json_dict(options), self._flows.seal(ceremony))

    def registration(
        self, flow: str, credential: dict[str, Any], user_id: UUID, label: str
    ) -> RegisterPasskey:
        """What is to be recorded of it, under the id of the passkey. Raises PasskeyRefused."""
        ceremony = self._opened(flow, _Purpose.REGISTER)
        if ceremony.user_id != user_id:
            raise PasskeyRefused("another user")
        try:
            answer = parse_registration_credential_json(credential)
            attestation = parse_attestation_object(answer.response.attestation_object)
            if attestation.fmt not in _ATTESTATIONS or attestation.att_stmt.x5c is not None:
                raise PasskeyRefused("attestation")
            verified = verify_registration_response(
                credential=answer,
                expected_challenge=ceremony.challenge,
                expected_rp_id=self._settings.rp_id,
                expected_origin=list(self._settings.origins),
            )
        except _MALFORMED as error:
            raise PasskeyRefused(type(error).__name__) from error
        return RegisterPasskey(
            user_id=user_id,
            passkey_id=ceremony.id,
            credential_id=bytes_to_base64url(verified.credential_id),
            public_key=bytes_to_base64url(verified.credential_public_key),
            sign_count=verified.sign_count,
            transports=tuple(t.value for t in answer.response.transports or ()),
            label=label,
        )

    # --- signing in ---------------------------------------------------------------------------

    def ask_anybody(self) -> Asked:
        """For whoever has a passkey that knows its user, and can tell that it is them."""
        return self._ask(_begun(_Purpose.ALONE, None), [], UserVerificationRequirement.REQUIRED)

    def ask(self, user: User) -> Asked:
        """For a user whose password was right; a key without a PIN will do."""
        return self._ask(
            _begun(_Purpose.SECOND_FACTOR, user.id),
            _descriptors(user),
            UserVerificationRequirement.PREFERRED,
        )

    def _ask(
        self,
        ceremony: _Ceremony,
        allowed: list[PublicKeyCredentialDescriptor],
        verification: UserVerificationRequirement,
    ) -> Asked:
        options = generate_authentication_options(
            rp_id=self._settings.rp_id,
            challenge=ceremony.challenge,
            timeout=_TIMEOUT_MS,
            allow_credentials=allowed,
            user_verification=verification,
        )
        return Asked(options_to_json_dict(options), self._flows.seal(ceremony))

    def claim(self, flow: str, credential: dict[str, Any]) -> Claim:
        """Raises PasskeyRefused."""
        ceremony = self._opened(flow, _Purpose.SECOND_FACTOR, _Purpose.ALONE)
        try:
            answer = parse_authentication_credential_json(credential)
            handle = answer.response.user_handle
            named_id = UUID(bytes=handle) if handle else None
        except _MALFORMED as error:
            raise PasskeyRefused(type(error).__name__) from error
        user_id = ceremony.user_id or named_id
        if user_id is None or named_id not in (None, user_id):
            raise PasskeyRefused("another user")
        return Claim(user_id, ceremony, answer)

    def proof(self, claim: Claim, passkey: Passkey) -> Proven:
        """To be recorded under the claim's id. Raises PasskeyRefused.

        Whether the count went up is for the user's own rules, at the moment of its recording.
        """
        try:
            verified = verify_authentication_response(
                credential=claim.answer,
                expected_challenge=claim.ceremony.challenge,
                expected_rp_id=self._settings.rp_id,
                expected_origin=list(self._settings.origins),
                credential_public_key=base64url_to_bytes(str(passkey.public_key)),
                credential_current_sign_count=0,
                require_user_verification=claim.ceremony.purpose is _Purpose.ALONE,
            )
        except _MALFORMED as error:
            raise PasskeyRefused(type(error).__name__) from error
        use = UsePasskey(
            user_id=claim.user_id,
            passkey_id=passkey.passkey_id,
            sign_count=verified.new_sign_count,
        )
        comes_after_another = claim.ceremony.purpose is _Purpose.SECOND_FACTOR
        return Proven(use, comes_after_another or verified.user_verified)

    def _opened(self, flow: str, *purposes: _Purpose) -> _Ceremony:
        try:
            ceremony = self._flows.open(flow)
        except NotKept as lost:
            raise PasskeyRefused(lost.cause) from None
        if ceremony.purpose not in purposes:
            raise PasskeyRefused("another purpose")
        return ceremony


def _begun(purpose: _Purpose, user_id: UUID | None) -> _Ceremony:
    return _Ceremony(new_id(), purpose, secrets.token_bytes(_CHALLENGE_BYTES), user_id)


def _descriptors(user: User) -> list[PublicKeyCredentialDescriptor]:
    return [_descriptor(passkey) for passkey in user.passkeys.values()]


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(
        id=base64url_to_bytes(str(passkey.credential_id)),
        transports=[AuthenticatorTransport(name) for name in passkey.transports],
    )
