"""A generation that has caught up takes the place of the one that serves, in one transaction."""

from __future__ import annotations

import psycopg

from crm_core.ledger.event_store import EventStore
from crm_projections.batch import is_passing, read_batch
from crm_projections.checkpoints import Slot, skipped_positions
from crm_projections.generations import Connection, Gap, Generation, hold_for_switch, put_live
from crm_projections.projection import Projection
from crm_projections.storage import Storage

__all__ = ["GAP_EVENTS_MAX", "CannotFollow", "close_gap", "take_over"]

GAP_EVENTS_MAX = 2_000  # more is caught up with before the tables that serve are held


async def take_over(
    store: EventStore, storage: Storage, projection: Projection, generation: Generation
) -> bool:
    """Whether it took over. Whoever reads sees no position go back.

    It does not while it is far behind, while an event stops it before the one that serves, or while
    somebody reads for long; ask again later.
    """
    try:
        async with storage.pool.connection() as connection, connection.transaction():
            held = await hold_for_switch(connection, generation)
            if held is None:
                return False
            live, gaps = held
            behind = [gap for gap in gaps if gap.events > 0]
            if any(gap.is_stopped or gap.events > GAP_EVENTS_MAX for gap in behind):
                return False
            for gap in behind:
                await close_gap(connection, store, storage, projection, generation, gap)
            await put_live(connection, generation, live)
    except (psycopg.errors.LockNotAvailable, CannotFollow):
        return False
    return True


class CannotFollow(Exception):
    """An event in the gap cannot be applied; the worker that comes to it will say so."""


async def close_gap(
    connection: Connection,
    store: EventStore,
    storage: Storage,
    projection: Projection,
    generation: Generation,
    gap: Gap,
) -> None:
    """Applies what is missing, at most so many events, in the connection's transaction.

    Raises CannotFollow.
    """
    stored = await store.ledger.page(
        gap.tenant_id, after=gap.position, limit=GAP_EVENTS_MAX, up_to=gap.live_position
    )
    batch = await read_batch(store, stored, [projection])
    skipped = await skipped_positions(connection, gap.tenant_id, projection.name)
    events, undecoded = batch.share_of(projection, skipped)
    if undecoded is not None:
        raise CannotFollow
    slot = Slot(gap.tenant_id, projection.name, generation.number, gap.position, gap.epoch, skipped)
    try:
        await storage.apply_within(connection, projection, slot, events, batch.scanned_to)
    except Exception as error:
        if is_passing(error):
            raise
        raise CannotFollow from error
