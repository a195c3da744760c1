"""What can be asked of the ways in that a user has beside the password."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from crm_core.identity.user.commands import OnUser, require_authority
from crm_core.identity.user.user import User
from crm_core.kernel.messages import Work

Issuer = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^https?://\S+$")]
Subject = Annotated[str, Meta(min_length=1, max_length=255)]


class LinkIdentity(OnUser, frozen=True, kw_only=True):
    """Lets a user in whom a provider knows: by the provider's `issuer` and its `subject`.

    Both are taken at their word; who links the own identity proves it to the door first.
    """

    NAME = "user.link_identity"
    user_id: UUID
    issuer: Issuer
    subject: Subject

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        user.link_identity(self.issuer, self.subject)


class UnlinkIdentity(OnUser, frozen=True, kw_only=True):
    """Ends that a user is let in by this provider."""

    NAME = "user.unlink_identity"
    user_id: UUID
    issuer: Issuer

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        user.unlink_identity(self.issuer)
