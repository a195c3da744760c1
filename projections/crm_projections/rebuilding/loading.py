"""Fills parts of a rebuild: streams folded in memory, rows copied, one transaction a part."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from crm_core import RecordedEvent, SetupError
from crm_core.kernel.collecting import collector_paused
from crm_core.ledger.event_store import EventStore
from crm_core.ledger.postgres.connections import Pool
from crm_core.ledger.postgres.streams import select_streams
from crm_projections.batch import Batch, Poison, poison, read_batch
from crm_projections.checkpoints import skipped_positions
from crm_projections.envelopes import EnvelopeProjection, Words, copy_streams
from crm_projections.generations import Generation
from crm_projections.projection import Projection, wanted_prefixes
from crm_projections.rebuilding.parts import Part, claim_part, finish_part
from crm_projections.rows import Rows
from crm_projections.storage import copy_rows

__all__ = ["Loader"]

_PAGE_EVENTS = 2_000
_AT_A_TIME = 2  # while one waits for the database, the other folds


class Loader:
    """Fills parts until there are none left. `generations` are those to fill, by projection."""

    def __init__(
        self,
        store: EventStore,
        pool: Pool,
        projections: Mapping[Projection, Generation],
        rebuild_id: UUID,
        owner: str,
    ) -> None:
        self._store = store
        self._pool = pool
        self._projections = projections
        self._rebuild_id = rebuild_id
        self._owner = owner
        self._copied = [p for p in projections if isinstance(p, EnvelopeProjection)]
        self._folded = [p for p in projections if not isinstance(p, EnvelopeProjection)]
        self._worded = [p for p in self._copied if not p.envelope_only]
        self._reading = [*self._folded, *self._worded]
        self._types = wanted_prefixes(self._folded)
        self._types += sorted({of for p in self._worded for of in p.word_types})

    async def run(self) -> None:
        """Raises SetupError `projection.poisoned` at an event that cannot be applied."""
        filling = [asyncio.create_task(self._fill_parts()) for _ in range(_AT_A_TIME)]
        try:
            await asyncio.gather(*filling)
        finally:
            for task in filling:
                task.cancel()
            await asyncio.gather(*filling, return_exceptions=True)

    async def _fill_parts(self) -> None:
        while True:
            async with self._pool.connection() as connection:
                part = await claim_part(connection, self._rebuild_id, self._owner)
            if part is None:
                return
            await self._fill(part)

    async def _fill(self, part: Part) -> None:
        async with self._pool.connection() as connection:
            skipped = {
                p.name: await skipped_positions(connection, part.tenant_id, p.name)
                for p in self._projections
            }
        filled = _Filled(part, skipped)
        first = part.first_stream
        while self._reading and first <= part.last_stream:
            async with self._pool.connection() as connection:
                stored = await select_streams(
                    connection,
                    part.tenant_id,
                    first,
                    part.last_stream,
                    up_to=part.up_to,
                    types_begin_with=self._types,
                    limit=_PAGE_EVENTS,
                )
            if not stored:
                break
            batch = await read_batch(self._store, stored, self._reading)
            with collector_paused():
                filled.fold(self._folded, batch)
                filled.read(self._worded, batch)
            first = UUID(int=stored[-1].stream_id.int + 1)
        await self._copy(filled)

    async def _copy(self, filled: _Filled) -> None:
        part = filled.part
        async with self._pool.connection() as connection, connection.transaction():
            if not await finish_part(connection, self._rebuild_id, part):
                return  # another worker was given it meanwhile: what was folded here is not needed
            for projection in self._folded:
                for table in projection.tables:
                    rows = filled.rows.get((projection.name, table.name))
                    if rows:
                        await copy_rows(connection, self._projections[projection], table, rows)
            for projection in self._copied:
                await copy_streams(
                    connection,
                    projection,
                    self._projections[projection].physical(projection.table),
                    part.tenant_id,
                    first=part.first_stream,
                    last=part.last_stream,
                    up_to=part.up_to,
                    skipped=filled.skipped[projection.name],
                    words=filled.words[projection.name],
                )


class _Filled:
    """What is to be copied of a part: rows, by projection and table, and what was read for those
    whose rows PostgreSQL copies itself.
    """

    def __init__(self, part: Part, skipped: Mapping[str, frozenset[int]]) -> None:
        self.part = part
        self.skipped = skipped
        self.rows: defaultdict[tuple[str, str], list[bytes]] = defaultdict(list)
        self.words: defaultdict[str, Words] = defaultdict(Words)

    def fold(self, projections: Collection[Projection], batch: Batch) -> None:
        """Takes the events of whole streams. Raises SetupError `projection.poisoned`."""
        rows = _rows_of(projections, batch, self.skipped)
        for projection in projections:
            for table in projection.tables:
                changed = rows[projection.name].changed(table)
                if changed:
                    of = (projection.name, table.name)
                    self.rows[of].append(table.copied(self.part.tenant_id, changed))

    def read(self, projections: Collection[EnvelopeProjection], batch: Batch) -> None:
        """The same for these."""
        for projection in projections:
            events, bad = batch.share_of(projection, self.skipped[projection.name])
            if bad is not None:
                raise _cannot_apply(projection, bad)
            words = _words_of(projection, events)
            words.settle(events)
            self.words[projection.name].texts |= words.texts


def _words_of(projection: EnvelopeProjection, events: Sequence[RecordedEvent]) -> Words:
    try:
        return projection.words(events)
    except Exception:
        for event in events:  # one of them is at fault
            try:
                projection.words([event])
            except Exception as error:
                raise _cannot_apply(projection, poison(event.stored, error)) from error
        raise


def _rows_of(
    projections: Collection[Projection], batch: Batch, skipped: Mapping[str, frozenset[int]]
) -> dict[str, Rows]:
    """The rows that the events of whole streams make, by projection."""
    rows = {projection.name: Rows() for projection in projections}
    for bad in batch.undecoded:
        for projection in projections:
            if bad.stops(projection) and bad.position not in skipped[projection.name]:
                raise _cannot_apply(projection, bad)
    taking = {
        of: [
            (p, p.taking(of), rows[p.name], skipped[p.name])
            for p in projections
            if p.wants_type(of)
        ]
        for of in {event.stored.type for event in batch.events}
    }
    for event in batch.events:
        for projection, take, into, left_out in taking[event.stored.type]:
            if left_out and event.position in left_out:
                continue
            try:
                take(event, into)
            except Exception as error:
                raise _cannot_apply(projection, poison(event.stored, error)) from error
    return rows


def _cannot_apply(projection: Projection, bad: Poison) -> SetupError:
    return SetupError(
        "projection.poisoned",
        "mend the projection, or leave the event out with `crm projections skip` once it has"
        " stopped there; the tables that serve are as they were",
        projection=projection.name,
        position=bad.position,
        type=bad.event_type,
        error=bad.error,
    )
