"""What can be asked of an API key."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from crm_core.identity.api_key.api_key import ApiKey
from crm_core.identity.user.user import User
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import Name

KeyScope = Annotated[str, Meta(pattern=r"^(\*|[a-z_]{1,40})\.(\*|[a-z_]{1,60})$")]
KeyScopes = Annotated[tuple[KeyScope, ...], Meta(min_length=1, max_length=100)]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class OnApiKey(Command, frozen=True, kw_only=True):
    TARGET = "key_id"


class IssueApiKey(OnApiKey, frozen=True, kw_only=True):
    """Gives a program a key that acts for a user, within its scopes, until it expires.

    `digest` is the SHA-256 of a secret that whoever sends this has made and shows once. With
    `only_trusted`, the key asks by trusted documents only.
    """

    NAME = "api_key.issue"
    key_id: UUID = field(default_factory=new_id)
    name: Name
    user_id: UUID
    digest: Digest
    scopes: KeyScopes
    expires_at: datetime
    only_trusted: bool = False

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        user.require_present()
        await work.require(user, "issue_key")
        work.add(
            ApiKey.issue(
                self.key_id,
                work.at,
                name=self.name,
                user_id=self.user_id,
                digest=self.digest,
                scopes=self.scopes,
                expires_at=self.expires_at,
                only_trusted=self.only_trusted,
            )
        )


class RevokeApiKey(OnApiKey, frozen=True, kw_only=True):
    """Ends an API key at once."""

    NAME = "api_key.revoke"
    key_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(ApiKey, self.key_id)).revoke()
