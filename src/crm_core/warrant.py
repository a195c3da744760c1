"""What one command may see and change: its actor's rights, applied to the records it loads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from uuid import UUID

from crm_core.access.owned import Owned, OwnedRecords
from crm_core.access.records import (
    ASSIGNED_BY,
    OPEN_STATUSES,
    is_open,
    is_owned,
    kind_of,
    owner_of,
    parent_of,
)
from crm_core.access.rights import EVERYTHING, READ, Rights, Rule
from crm_core.authority import Authority
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Denied, Rejected
from crm_core.kernel.messages import ActorKind, Request

__all__ = ["Find", "Warrant", "owner_found"]

Find = Callable[[UUID], Awaitable[Aggregate | None]]


class Warrant:
    """`rights` are what the authority gives to whoever sends the request."""

    def __init__(self, rights: Rights, request: Request, authority: Authority) -> None:
        self._rights = rights
        self._request = request
        self._kind, self._action = request.command.right()
        self._authority = authority
        self.administrators = authority.administrators

    async def shows(self, record: Aggregate, find: Find) -> bool:
        """Whether the actor may know that the record exists: reads it, or does this very thing."""
        kind = kind_of(record.TOPIC)
        if not is_owned(kind):
            return True  # pipelines, products, teams: what everybody's work rests on
        reach = self._rights.reach(kind)
        if kind == self._kind:
            reach |= self._rights.reach(kind, self._action)
        if reach.everything:
            return True
        return reach.includes(record.id, await owner_found(record, find))

    async def require_own_action(self, record: Aggregate, find: Find) -> None:
        """Raises Denied where the command changes a record of its kind beyond the actor's reach."""
        if kind_of(record.TOPIC) == self._kind:
            await self.require(record, self._action, find)

    async def require(self, record: Aggregate, action: str, find: Find) -> None:
        kind = kind_of(record.TOPIC)
        reach = self._rights.reach(kind, action)
        if reach != EVERYTHING and not reach.includes(record.id, await owner_found(record, find)):
            raise Denied(f"{kind}.{action}")

    def reaches(self, kind: str, action: str, owner_id: UUID) -> bool:
        """Whether the actor may do this to all records of the kind that are this user's."""
        reach = self._rights.reach(kind, action)
        return reach.everything or owner_id in reach.owners

    async def refuse_gone(self, record: Aggregate, owner_before: UUID | None) -> None:
        """Raises Rejected `user.deactivated` where a record is given to somebody who has left."""
        kind = kind_of(record.TOPIC)
        owner_id = owner_of(kind, record) if kind in OPEN_STATUSES else None
        if owner_id is None or owner_id == owner_before:
            return
        if (await self._authority.directory()).has_left(owner_id):
            raise Rejected("user.deactivated", user_id=str(owner_id))

    async def owned_by(
        self, user_id: UUID, records: OwnedRecords, decided: Sequence[Aggregate]
    ) -> Owned:
        """`decided` are records that count as they are here, not as they are stored."""
        directory = await self._authority.directory(anew=True)
        owner_ids = directory.owners_before(user_id)
        everywhere = dict.fromkeys(OPEN_STATUSES, EVERYTHING)
        in_sight = {kind: self._rights.reach(kind) for kind in OPEN_STATUSES}
        all_, seen = Counter[str](), Counter[str]()
        apart = [record.id for record in decided]
        for owner_id in owner_ids:
            counts = await records.count(owner_id, everywhere, apart)
            all_.update(counts)
            if any(not self.reaches(kind, READ, owner_id) for kind in counts):
                counts = await records.count(owner_id, in_sight, apart)
            seen.update(counts)
        for record in decided:
            kind = kind_of(record.TOPIC)
            its_owner = owner_of(kind, record)
            if is_open(kind, record) and its_owner in owner_ids:
                all_[kind] += 1
                seen[kind] += in_sight[kind].includes(record.id, its_owner)
        return Owned(owner_ids, all_, seen)

    def require_cover(self, rules: Iterable[Rule]) -> None:
        if not self._rights.cover(rules):
            raise Denied(f"{self._kind}.{self._action}")

    def adopt(self, made: Aggregate) -> None:
        """What somebody with narrow rights makes is theirs, where it would be nobody's: else the
        next moment they could not see it.
        """
        kind, actor = kind_of(made.TOPIC), self._request.actor
        own = ASSIGNED_BY.get(kind)  # the method has the name of the action
        if own is None or owner_of(kind, made) is not None:
            return
        if self._rights.reach(kind).everything:
            return
        if actor.kind in (ActorKind.USER, ActorKind.API_KEY):
            getattr(made, own)(UUID(actor.on_behalf_of or actor.id))


async def owner_found(record: Aggregate, find: Find) -> UUID | None:
    """The owner of a record: its own, or that of the record it belongs to."""
    kind = kind_of(record.TOPIC)
    parent_id = parent_of(kind, record)
    if parent_id is None:
        return owner_of(kind, record)
    parent = await find(parent_id)
    return None if parent is None else owner_of(kind_of(parent.TOPIC), parent)
