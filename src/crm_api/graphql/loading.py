"""Reads that are asked for one by one and made together: one statement a level, not one a row.

Nothing is kept between two batches: what a mutation changed is read again by the next one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from strawberry.dataloader import DataLoader

from crm_core import NOW, AsOf, Crm, RecordedEvent, Rejected, Selection
from crm_core.access.records import kind_of
from crm_core.access.rights import Rights
from crm_projections.reading import Count, Filter, Order, Page, Reads, Sight, Window
from crm_projections.tables import Row, Table

if TYPE_CHECKING:
    from crm_api.graphql.records import RecordKind
    from crm_api.graphql.types.node import Record

__all__ = ["Loaders"]

BATCH_MAX = 1_000
PAST_LIST_MAX = 1_000  # records in one list of the past; each is folded from its events
PAST_RECORDS_MAX = 10_000  # in all of an operation's

K = TypeVar("K")
V = TypeVar("V")
R = TypeVar("R", bound=Row)


class Loaders:
    """The batches of one operation, as far as the reader's rights show what they bring.

    Whoever may see a record now may see its past; who may not sees neither.
    """

    def __init__(self, crm: Crm, reads: Reads, rights: Callable[[], Awaitable[Rights]]) -> None:
        self._crm = crm
        self._all = reads
        self._rights = rights
        self._loaders: dict[Any, DataLoader[Any, Any]] = {}
        self._past_records = 0  # in lists

    async def reads(self) -> Reads:
        """The read models, as far as the reader may see them."""
        return self._all.within(Sight(await self._rights()))

    async def sees(self, kind: str, record_id: UUID) -> bool:
        """Whether the reader may know of the record."""
        rights = await self._rights()
        reach = rights.reach(kind)
        if reach.everything or not rights.allow(kind, "read"):
            return reach.everything
        return reach.includes(record_id, await self._owner(record_id))

    async def sees_all_of(self, kind: str, record_id: UUID) -> bool:
        """Whether the record is in sight, and no field of it withheld from the reader."""
        if not await self.sees(kind, record_id):
            return False
        rights = await self._rights()
        if not rights.withheld(kind):
            return True
        return not rights.hidden_fields(kind, record_id, await self._owner(record_id))

    async def _owner(self, record_id: UUID) -> UUID | None:
        """Whose the record is now, by the ledger."""

        async def load(ids: list[UUID]) -> dict[UUID, UUID]:
            owners = await self._crm.owners(ids)
            return {key: owner for key, owner in owners.items() if owner is not None}

        return await self._batched("owner", record_id, load)

    async def record(self, kind: RecordKind, record_id: UUID, as_of: AsOf = NOW) -> Record | None:
        """The record now, from its read model, or as it was, from its events."""
        if as_of == NOW and kind.table is not None:
            row = await self.row(kind.table, record_id)
            return None if row is None else kind.graphql_type.of(row, NOW)
        return await self.folded(kind, record_id, as_of)

    async def row(self, table: Table[R], record_id: UUID) -> R | None:
        (column,) = table.key

        async def load(ids: list[UUID]) -> dict[UUID, R]:
            rows = await (await self.reads()).get_many(table, column, ids)
            return {getattr(row, column): row for row in rows}

        return await self._batched(("row", table.name), record_id, load)

    async def folded(self, kind: RecordKind, record_id: UUID, as_of: AsOf = NOW) -> Record | None:
        """The record by its events, never behind the ledger; None where it is out of sight."""
        rights = await self._rights()
        found = await self.stored(kind, record_id, as_of)
        if found is None or (rights.reach(kind.name).everything and not rights.withheld(kind.name)):
            return found
        return found.as_shown(rights, kind.name, await self._owner(record_id))

    async def stored(self, kind: RecordKind, record_id: UUID, as_of: AsOf = NOW) -> Record | None:
        """The same whoever asks: for a rule that looks at it, not for showing it."""

        async def load(ids: list[UUID]) -> dict[UUID, Record]:
            streams = await self._streams(ids, as_of)
            made = {key: kind.folded(events, as_of) for key, events in streams.items()}
            return {key: record for key, record in made.items() if record is not None}

        return await self._batched(("folded", kind.name, as_of), record_id, load)

    async def past_about(self, kind: RecordKind, subject_id: UUID, as_of: AsOf) -> list[Record]:
        """The records of a kind that were ever about this one, as of the past and as far as they
        are in sight. Raises Rejected `query.past_too_long` and `query.pasts_too_long`.
        """

        async def load(subjects: list[UUID]) -> dict[UUID, list[Record]]:
            found, known = {}, await self._crm.position(as_of)
            for subject in subjects:
                ids = await self._ever_about(kind, subject, known)
                if len(ids) > PAST_LIST_MAX:
                    continue
                self._past_records += len(ids)
                if self._past_records > PAST_RECORDS_MAX:
                    raise Rejected("query.pasts_too_long", limit=PAST_RECORDS_MAX)
                folded = await asyncio.gather(*(self.folded(kind, each, as_of) for each in ids))
                found[subject] = [record for record in folded if record is not None]
            return found

        found = await self._batched(("past", kind.name, as_of), subject_id, load)
        if found is None:
            raise Rejected("query.past_too_long", limit=PAST_LIST_MAX)
        return found

    async def _ever_about(self, kind: RecordKind, subject_id: UUID, up_to: int) -> list[UUID]:
        """No more of them than it takes to know that they are too many."""
        about = Selection(categories=(kind.aggregate.TOPIC,), subject_id=subject_id)
        found: dict[UUID, None] = {}
        async for page in self._crm.store.stored_pages(
            self._crm.tenant_id, up_to=up_to, selection=about
        ):
            found |= dict.fromkeys(event.stream_id for event in page)
            if len(found) > PAST_LIST_MAX:
                break
        return list(found)

    async def history(self, record_id: UUID, as_of: AsOf = NOW) -> list[RecordedEvent]:
        """What happened to the record, in the order of its recording; nothing, out of sight."""

        async def load(ids: list[UUID]) -> dict[UUID, list[RecordedEvent]]:
            return await self._streams(ids, as_of)

        events = await self._batched(("history", as_of), record_id, load)
        if not events or not await self.sees(kind_of(events[0].record_type), record_id):
            return []
        return [event for event in events if as_of.includes(event)]

    async def page(
        self,
        table: Table[R],
        column: str,
        value: UUID,
        window: Window,
        where: Filter,
        order: Sequence[Order],
    ) -> Page[R]:
        """A page from one end of one of many lists."""

        async def load(values: list[UUID]) -> dict[UUID, Page[R]]:
            reads = await self.reads()
            return await reads.pages(table, column, values, window, where=where, order=order)

        key = ("page", table.name, column, repr((window, where, order)))
        return cast("Page[R]", await self._batched(key, value, load))

    async def count(self, table: Table[R], column: str, value: UUID, where: Filter) -> Count:
        async def load(values: list[UUID]) -> dict[UUID, Count]:
            return await (await self.reads()).counts(table, column, values, where)

        key = ("count", table.name, column, repr(where))
        return cast("Count", await self._batched(key, value, load))

    async def _streams(self, ids: list[UUID], as_of: AsOf) -> dict[UUID, list[RecordedEvent]]:
        streams: defaultdict[UUID, list[RecordedEvent]] = defaultdict(list)
        for event in await self._crm.store.stream(self._crm.tenant_id, ids, up_to=as_of.position):
            streams[event.record_id].append(event)
        return streams

    async def _batched(
        self, name: Any, key: K, load: Callable[[list[K]], Awaitable[dict[K, V]]]
    ) -> V | None:
        """The value of a key, loaded together with the others that are asked for now."""
        loader = self._loaders.get(name)
        if loader is None:

            async def load_all(keys: list[K]) -> list[V | None]:
                found = await load(list(dict.fromkeys(keys)))
                return [found.get(key) for key in keys]

            loader = DataLoader(load_all, max_batch_size=BATCH_MAX, cache=False)
            self._loaders[name] = loader
        return cast("V | None", await loader.load(key))
