"""What was in a principal's reach from when on, and whose each record was from when on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import NamedTuple, TypeVar
from uuid import UUID

from crm_core.access.records import kind_of, owner_of, parent_of
from crm_core.access.rights import EVERYTHING, NOTHING, Reach
from crm_core.as_of import NOW, folding
from crm_core.authority import IDENTITY
from crm_core.crm import Crm
from crm_core.identity.directory import Directory
from crm_core.kernel.errors import Rejected
from crm_core.kernel.messages import Actor
from crm_core.ledger.event_store import RecordedEvent
from crm_core.ledger.selection import Selection
from crm_core.personal import PERSONAL_KINDS

__all__ = ["Owned", "Sight", "owners_of", "sights_of", "with_ends"]

CHANGES_MAX = 20_000  # of users, teams, roles, shares, keys and sessions within a span
_EVER = datetime.max.replace(tzinfo=UTC)


P = TypeVar("P", "Sight", "Owned")


class Sight(NamedTuple):
    """What is in reach from a moment on, until the next one; by kind."""

    since: datetime
    reaches: Mapping[str, Reach]

    def is_narrow(self, kind: str) -> bool:
        """Whether it depends on the record, and whose it is."""
        return self.reaches[kind] not in (EVERYTHING, NOTHING)


async def sights_of(crm: Crm, principal: Actor, since: datetime, until: datetime) -> list[Sight]:
    """From the beginning of the span on: at each change of anything about users, teams, roles,
    shares, keys and sessions, and whenever one of them has run out.
    """
    directory, sights, changes, moment = Directory(), list[Sight](), 0, since

    def look_until(end: datetime) -> None:
        """Nothing changes from the moment to this end, but what time alone changes."""
        at: datetime | None = moment
        while at is not None and at <= end:
            reaches = _reaches(directory, principal, at)
            if not sights or sights[-1].reaches != reaches:
                sights.append(Sight(at, reaches))
            at = _next_end(directory, principal, at)

    end = await crm.store.ledger.position_at(crm.tenant_id, until)
    async for page in crm.events(Selection(categories=[IDENTITY]), up_to=end):
        for event in page:
            if event.recorded_at > since:
                changes += 1
                if changes > CHANGES_MAX:
                    raise Rejected("breach.span_too_long", limit=CHANGES_MAX)
                look_until(event.recorded_at)
                moment = event.recorded_at
            directory.apply(event.record_id, event.data)
    look_until(until)
    return sights


def _reaches(directory: Directory, principal: Actor, at: datetime) -> dict[str, Reach]:
    """By kind, as itself and as whoever it acts as. The feed of events tells of every record."""
    every = [directory.rights(actor, at) for actor in _actors(directory, principal, at)]
    if any(rights.allow("event", "read") for rights in every):
        return dict.fromkeys(PERSONAL_KINDS, EVERYTHING)
    return {kind: reduce(or_, (rights.reach(kind) for rights in every)) for kind in PERSONAL_KINDS}


def _actors(directory: Directory, principal: Actor, at: datetime) -> list[Actor]:
    return [principal, *(known.actor for known in directory.impersonations(principal, at))]


def _next_end(directory: Directory, principal: Actor, at: datetime) -> datetime | None:
    """When a share, a key or a session as somebody else runs out next."""
    ends = [known.expires_at for known in directory.impersonations(principal, at)]
    shared = directory.holds_until(at)
    return min([*ends, *([] if shared is None else [shared])], default=None)


class Owned(NamedTuple):
    """Whose a record is from a moment on, until the next one; its own, or by its parent."""

    since: datetime
    owner_id: UUID | None
    parent_id: UUID | None = None


async def owners_of(crm: Crm, record_ids: Collection[UUID], end: int) -> dict[UUID, list[Owned]]:
    """By record, each period with whose it was."""
    own = await _told(crm, record_ids, end)
    parents = {of.parent_id for periods in own.values() for of in periods if of.parent_id}
    above = own | await _told(crm, parents - own.keys(), end)
    return {
        record_id: [
            of for period, ends in with_ends(periods) for of in _by_parent(period, ends, above)
        ]
        for record_id, periods in own.items()
    }


async def _told(crm: Crm, record_ids: Collection[UUID], end: int) -> dict[UUID, list[Owned]]:
    """By record, whose it was and what it belonged to, as its own events tell it."""
    streams = defaultdict[UUID, list[RecordedEvent]](list)
    if record_ids:
        for event in await crm.store.stream(crm.tenant_id, record_ids, up_to=end):
            streams[event.record_id].append(event)
    told = defaultdict[UUID, list[Owned]](list)
    for record_id, events in streams.items():
        for event, record in folding(events, NOW):
            kind = kind_of(record.TOPIC)
            owned = Owned(event.recorded_at, owner_of(kind, record), parent_of(kind, record))
            if not told[record_id] or told[record_id][-1][1:] != owned[1:]:
                told[record_id].append(owned)
    return told


def _by_parent(period: Owned, ends: datetime, above: Mapping[UUID, list[Owned]]) -> Iterator[Owned]:
    """A period of what belongs to another record is as many as that one has had owners in it."""
    if period.parent_id is None:
        yield period
        return
    yield Owned(period.since, None)
    for of, until in with_ends(above.get(period.parent_id, [])):
        begins = max(of.since, period.since)
        if begins < min(until, ends):
            yield Owned(begins, of.owner_id)


def with_ends(periods: Sequence[P]) -> Iterator[tuple[P, datetime]]:
    """Each with the beginning of the next one."""
    for index, period in enumerate(periods, start=1):
        yield period, periods[index].since if index < len(periods) else _EVER
