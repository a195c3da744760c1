"""How a user leaves: no access from that moment on, and nothing that the user owns is forgotten.

The access ends first, in the command; the records follow one by one, by their ordinary commands
(docs/decisions/0043-a-user-leaves-before-the-records-do.md).
"""

from __future__ import annotations

from uuid import UUID

from crm_core.access.owned import Owned
from crm_core.access.records import ASSIGNED_BY
from crm_core.identity.user.commands import OnUser, keep_governed, require_authority
from crm_core.identity.user.user import User
from crm_core.kernel.errors import Denied, Rejected
from crm_core.kernel.messages import ActorKind, Work
from crm_core.kernel.values import Code

__all__ = ["CompleteHandOver", "DeactivateUser", "HandOverRecords"]

_PLURALS = {
    "customer": "customers",
    "opportunity": "opportunities",
    "ticket": "tickets",
    "task": "tasks",
}


class DeactivateUser(OnUser, frozen=True, kw_only=True):
    """Ends a user's access for good, at once; the user's open records are handed over from then on.

    Who owns any is deactivated only if it is said who gets them: a successor, who is an active
    user, or for tickets a queue.
    """

    NAME = "user.deactivate"
    user_id: UUID
    successor_id: UUID | None = None
    ticket_queue: Code | None = None

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        await keep_governed(work, user)
        user.deactivate()
        await _hand_over(work, user, self.successor_id, self.ticket_queue)


class HandOverRecords(OnUser, frozen=True, kw_only=True):
    """Says who gets the open records of a user who was deactivated before; or says it anew."""

    NAME = "user.hand_over"
    user_id: UUID
    successor_id: UUID | None = None
    ticket_queue: Code | None = None

    async def handle(self, work: Work) -> None:
        user = await work.load(User, self.user_id)
        await require_authority(work, user)
        user.require_deactivated()
        if self.successor_id is None and self.ticket_queue is None:
            raise Rejected("user.no_successor", user_id=str(user.id))
        await _hand_over(work, user, self.successor_id, self.ticket_queue)


class CompleteHandOver(OnUser, frozen=True, kw_only=True):
    """Records that nothing open is the user's any more."""

    NAME = "user.complete_hand_over"
    user_id: UUID

    async def handle(self, work: Work) -> None:
        if work.actor.kind is not ActorKind.SYSTEM:
            raise Denied(self.NAME)
        (await work.load(User, self.user_id)).complete_hand_over()


async def _hand_over(
    work: Work, user: User, successor_id: UUID | None, ticket_queue: str | None
) -> None:
    """Raises Rejected `user.owns_records` where it is not said who gets some of them, or
    `user.owned_out_of_reach` where the actor could not give them away one by one.
    """
    owned = await work.owned_by(user.id)
    queued = set() if ticket_queue is None else {"ticket"}
    if successor_id is None and any(n for kind, n in owned.all.items() if kind not in queued):
        raise _owns(user, owned)
    if successor_id is None and ticket_queue is None:
        return
    if successor_id is not None:
        successor = await work.load(User, successor_id)
        successor.require_active()
        work.guard(successor)  # two who leave to each other at once cannot both succeed
    for kind in owned.all:
        action = "queue" if kind in queued else ASSIGNED_BY[kind]
        if not all(work.reaches(kind, action, owner_id) for owner_id in owned.owner_ids):
            raise Rejected("user.owned_out_of_reach", user_id=str(user.id))
    user.hand_over(successor_id, ticket_queue)


def _owns(user: User, owned: Owned) -> Rejected:
    """Counts what the actor may see. That there is more is said; not what, nor how much."""
    counts = {name: owned.seen.get(kind, 0) for kind, name in _PLURALS.items()}
    has_others = sum(owned.all.values()) > sum(counts.values())
    return Rejected("user.owns_records", user_id=str(user.id), **counts, has_others=has_others)
