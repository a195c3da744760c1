"""What can be asked of codes that are sent to a user; the door makes, sends and checks them."""

from __future__ import annotations

from uuid import UUID

from crm_core.identity.user.commands import OnUser, require_authority
from crm_core.identity.user.user import User
from crm_core.kernel.messages import Work
from crm_core.kernel.values import Code


class NoteCodeSent(OnUser, frozen=True, kw_only=True):
    """Records that a code is being sent to a user."""

    NAME = "user.note_code_sent"
    user_id: UUID
    purpose: Code

    async def handle(self, work: Work) -> None:
        (await work.load(User, self.user_id)).note_code_sent(self.purpose)


class TurnOnSentCodes(OnUser, frozen=True, kw_only=True):
    """Has signing in take a code that is sent, for a user whom one has just reached."""

    NAME = "user.turn_on_sent_codes"
    user_id: UUID

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        user.turn_on_sent_codes()


class UseSentCode(OnUser, frozen=True, kw_only=True):
    """Takes a sign-in that a code which was sent has just proved."""

    NAME = "user.use_sent_code"
    user_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(User, self.user_id)).use_sent_code()


class TurnOffSentCodes(OnUser, frozen=True, kw_only=True):
    """Ends that signing in takes a code that is sent, as when the address is lost."""

    NAME = "user.turn_off_sent_codes"
    user_id: UUID

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        user.turn_off_sent_codes()
