"""What can be asked of a user's passkeys; what they prove is seen by the door."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from crm_core.identity.user.commands import OnUser, require_authority
from crm_core.identity.user.user import User
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Work
from crm_core.kernel.values import Code, Name

CredentialId = Annotated[str, Meta(min_length=1, max_length=1_364, pattern=r"^[A-Za-z0-9_-]+$")]
PublicKey = Annotated[str, Meta(min_length=1, max_length=4_000, pattern=r"^[A-Za-z0-9_-]+$")]
SignCount = Annotated[int, Meta(ge=0, lt=2**32)]
Transports = Annotated[tuple[Code, ...], Meta(max_length=10)]


class RegisterPasskey(OnUser, frozen=True, kw_only=True):
    """Lets a user in by an authenticator that has just proved to hold this key.

    Ids and keys as WebAuthn has them (at most 1,023 bytes of id), in base64url.
    """

    NAME = "user.register_passkey"
    user_id: UUID
    passkey_id: UUID = field(default_factory=new_id)
    credential_id: CredentialId
    public_key: PublicKey
    sign_count: SignCount
    transports: Transports = ()
    label: Name

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        user.register_passkey(
            self.passkey_id,
            credential_id=self.credential_id,
            public_key=self.public_key,
            sign_count=self.sign_count,
            transports=self.transports,
            label=self.label,
        )


class UsePasskey(OnUser, frozen=True, kw_only=True):
    """Takes a sign-in that a passkey has just proved."""

    NAME = "user.use_passkey"
    user_id: UUID
    passkey_id: UUID
    sign_count: SignCount

    async def handle(self, work: Work) -> None:
        (await work.load(User, self.user_id)).use_passkey(self.passkey_id, self.sign_count)


class RemovePasskey(OnUser, frozen=True, kw_only=True):
    """Takes a passkey away, as when its device is lost."""

    NAME = "user.remove_passkey"
    user_id: UUID
    passkey_id: UUID

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        user.remove_passkey(self.passkey_id)
