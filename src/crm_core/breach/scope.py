"""The scope of a breach, as an object that is asked page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from crm_core.access.records import kind_of
from crm_core.access.rights import NOTHING
from crm_core.audit.reads import ModeChange, ReadLog, ReadMode
from crm_core.breach.reach import Owned, Sight, owners_of, sights_of, with_ends
from crm_core.crm import Crm
from crm_core.identity import ApiKey, User
from crm_core.kernel.errors import Invalid, NotFound
from crm_core.kernel.events import EVENT_CLASSES, Created
from crm_core.kernel.messages import Actor, ActorKind
from crm_core.ledger.records import StoredEvent
from crm_core.ledger.selection import Selection
from crm_core.personal import PERSONAL_KINDS

__all__ = ["BreachScope", "CouldSee", "DidRead", "breach_scope"]

_RECORDS = 200  # that are looked at together


class DidRead(NamedTuple):
    """That a record was shown to the principal, in so many requests, and whom it is about.

    `personal`: a personal field of it was asked for, in one of them.
    """

    kind: str
    record_id: UUID
    first: datetime
    last: datetime
    times: int
    personal: bool
    subject_ids: tuple[UUID, ...]


class CouldSee(NamedTuple):
    """That a record was in the principal's reach, from its first moment to its last in the span;
    maybe not without a break. `position` is where the record begins.
    """

    kind: str
    record_id: UUID
    subject_ids: tuple[UUID, ...]
    first: datetime
    last: datetime
    position: int


async def breach_scope(
    crm: Crm, read_log: ReadLog, principal_id: UUID, since: datetime, until: datetime
) -> BreachScope:
    """The scope of a breach in this span, both ends included.

    Raises NotFound where there is no such user or key, Invalid for a span that ends before it
    begins, Rejected `breach.span_too_long` where more than 20,000 changes lie in it.
    """
    for name, moment in (("from", since), ("to", until)):
        if moment.tzinfo is None:
            raise Invalid(name, "names a time zone")
    if until < since:
        raise Invalid("to", "is not before `from`")
    found = await crm.aggregates.load(crm.tenant_id, [principal_id])
    match found.get(principal_id):
        case User():
            principal = Actor.user(principal_id)
        case ApiKey() as key:
            principal = Actor(ActorKind.API_KEY, str(principal_id), str(key.user_id))
        case _:
            raise NotFound("principal", principal_id)
    return BreachScope(crm, read_log, principal, since, until)


class BreachScope:
    def __init__(
        self, crm: Crm, read_log: ReadLog, principal: Actor, since: datetime, until: datetime
    ) -> None:
        self.principal = principal
        self.since, self.until = since, until
        self._crm, self._read_log = crm, read_log
        self._sights: list[Sight] = []

    @property
    def principal_kind(self) -> str:
        """The kind of record that the principal is: `user`, `api_key`."""
        return self.principal.kind.lower()

    async def modes(self) -> list[ModeChange]:
        """What was recorded in the span: the mode that it begins with, and those that followed.

        The span may begin before anything was known of it.
        """
        changes = [change for change in await self._read_log.modes() if change.since <= self.until]
        before = [change for change in changes if change.since <= self.since]
        return before[-1:] + changes[len(before) :]

    async def is_whole(self) -> bool:
        """Whether every read of something personal in the span is in the log."""
        modes = await self.modes()
        return (
            bool(modes)
            and modes[0].since <= self.since
            and all(change.mode is ReadMode.ALL for change in modes)
        )

    async def did_read(self, limit: int, after: UUID | None = None) -> list[DidRead]:
        """What was read by the log, in the order of the records' ids, after one of them."""
        principal_id = UUID(self.principal.id)
        found = await self._read_log.by(
            principal_id, self.since, self.until, limit=limit, after=after
        )
        about = await self._subjects([read.record_id for read in found])
        return [DidRead(*read, about[read.record_id]) for read in found]

    async def could_see(self, limit: int, after: int = 0) -> list[CouldSee]:
        """What was in reach, in the order in which the records began, after a position."""
        crm, found = self._crm, list[tuple[StoredEvent, datetime, datetime]]()
        self._sights = self._sights or await sights_of(crm, self.principal, self.since, self.until)
        end = await crm.store.ledger.position_at(crm.tenant_id, self.until)
        while len(found) < limit:
            page = await crm.store.ledger.page(
                crm.tenant_id, after=after, up_to=end, limit=_RECORDS, selection=_BEGINNINGS
            )
            found += await self._in_reach(page, end)
            if len(page) < _RECORDS:
                break
            after = page[-1].position
        shown = found[:limit]
        about = await self._subjects([begun.stream_id for begun, *_ in shown])
        return [
            CouldSee(
                kind_of(begun.stream_type), begun.stream_id, about[begun.stream_id], first, last,
                begun.position,
            )
            for begun, first, last in shown
        ]  # fmt: skip

    async def _in_reach(
        self, beginnings: Sequence[StoredEvent], end: int
    ) -> list[tuple[StoredEvent, datetime, datetime]]:
        """The first events of those records that were in reach, and when first and last."""
        kinds = {begun.stream_id: kind_of(begun.stream_type) for begun in beginnings}
        narrow = [of for of, kind in kinds.items() if any(s.is_narrow(kind) for s in self._sights)]
        owners = await owners_of(self._crm, narrow, end) if narrow else {}
        found = []
        for begun in beginnings:
            periods = owners.get(begun.stream_id) or [Owned(begun.recorded_at, None)]
            seen = list(self._seen(kinds[begun.stream_id], begun.stream_id, periods))
            if seen:
                found.append((begun, min(seen)[0], max(ends for _, ends in seen)))
        return found

    def _seen(
        self, kind: str, record_id: UUID, periods: Sequence[Owned]
    ) -> Iterator[tuple[datetime, datetime]]:
        """The stretches of the span in which a record was in reach, by whose it was and when."""
        for sight, sight_ends in with_ends(self._sights):
            reach = sight.reaches.get(kind, NOTHING)
            for owned, owned_ends in with_ends(periods):
                begins = max(sight.since, owned.since)
                ends = min(sight_ends, owned_ends)
                if (
                    begins < ends
                    and begins <= self.until
                    and reach.includes(record_id, owned.owner_id)
                ):
                    yield begins, min(ends, self.until)

    async def _subjects(self, record_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, ...]]:
        """Whom each record says something of, by all its events."""
        found: dict[UUID, set[UUID]] = {record_id: set() for record_id in record_ids}
        if record_ids:
            ledger, tenant_id = self._crm.store.ledger, self._crm.tenant_id
            for event in await ledger.stream(tenant_id, record_ids):
                found[event.stream_id].update(event.subject_ids)
        return {record_id: tuple(sorted(about)) for record_id, about in found.items()}


_BEGINNINGS: Final = Selection(
    types=[
        topic
        for topic, event in EVENT_CLASSES.items()
        if issubclass(event, Created) and kind_of(topic.rpartition(".")[0]) in PERSONAL_KINDS
    ]
)
