"""How far each projection is, who may move it, and what stopped it.

A slot is one projection in one tenant. Workers compete for slots by leases: a row names the owner,
the time until which it is left alone, by the database's clock, and an epoch that rises with each
lease. What a lease is worth is decided by the fence alone: a checkpoint moves from the position and
in the epoch in which its worker took it, in the transaction that writes the rows, or nothing is
written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from crm_core import Rejected
from crm_core.ledger.postgres.arrays import INT4, INT8, TEXT, UUIDS, BinaryArray
from crm_projections.batch import Poison
from crm_projections.generations import Connection
from crm_projections.projection import Projection
from crm_projections.status import Skip

__all__ = [
    "LEASE_SECONDS",
    "Lag",
    "Reached",
    "Slot",
    "StaleWorker",
    "beat",
    "claim",
    "fence",
    "lagging",
    "reached",
    "release",
    "retry",
    "skip",
    "skipped_positions",
    "stop",
    "take_skips",
]

LEASE_SECONDS: Final = 5.0
_ALIVE_SECONDS: Final = 6.0
_FORGOTTEN_SECONDS: Final = 60.0

# A projection keeps one generation of its own version: the one that is named, or else the one that
# serves, or else the newest. What a rebuild loads is left to it.
LAGGING: Final = """
with own as (
    select distinct on (kept.projection) kept.projection, g.generation
      from unnest(%(names)s::text[], %(versions)s::int[], %(generations)s::int[])
           as kept (projection, version, generation)
      join read_model.generation as g
        on g.projection = kept.projection and g.version = kept.version and g.state <> 'loading'
       and g.generation = coalesce(kept.generation, g.generation)
     order by kept.projection, g.state = 'live' desc, g.generation desc
)
select h.tenant_id, own.projection, own.generation, coalesce(c.position, 0), h.position,
       coalesce(c.leased_until < clock_timestamp(), true)
  from ledger.head as h
 cross join own
  left join read_model.checkpoint as c
    on c.tenant_id = h.tenant_id and c.projection = own.projection
   and c.generation = own.generation
 where h.position > coalesce(c.position, 0) and c.stopped_at is null
   and (%(tenant)s::uuid is null or h.tenant_id = %(tenant)s)
 order by h.tenant_id
"""
"""All that lags, by one query: the heads joined with the checkpoints. What was stopped does not."""

# Of a row that somebody holds nobody waits for the end, here and below: there is other work.
BEGIN: Final = """
insert into read_model.checkpoint (tenant_id, projection, generation)
select wanted.* from unnest(%s, %s, %s) as wanted (tenant_id, projection, generation)
 where not exists (
           select from read_model.checkpoint as c
            where c.tenant_id = wanted.tenant_id and c.projection = wanted.projection
              and c.generation = wanted.generation)
    on conflict do nothing
"""
CLAIM: Final = """
update read_model.checkpoint as c
   set owner = %s, epoch = epoch + 1, leased_until = clock_timestamp() + make_interval(secs => %s)
 where (tenant_id, projection, generation) in (
           select c.tenant_id, c.projection, c.generation
             from read_model.checkpoint as c
             join unnest(%s, %s, %s) as wanted (tenant_id, projection, generation)
            using (tenant_id, projection, generation)
            where c.stopped_at is null
              and (c.leased_until is null or c.leased_until < clock_timestamp())
              for update of c skip locked)
returning tenant_id, projection, generation, position, epoch,
       array(select s.position from read_model.skip as s
              where s.tenant_id = c.tenant_id and s.projection = c.projection)
"""
FENCE: Final = """
update read_model.checkpoint
   set position = %s,
       leased_until = case when owner is not null  -- a lease is renewed, none is given
                           then clock_timestamp() + make_interval(secs => %s) end
 where tenant_id = %s and projection = %s and generation = %s and position = %s and epoch = %s
returning epoch
"""
RELEASE: Final = """
update read_model.checkpoint as c set owner = null, leased_until = null
 where (tenant_id, projection, generation, epoch) in (
           select c.tenant_id, c.projection, c.generation, c.epoch
             from read_model.checkpoint as c
             join unnest(%s, %s, %s, %s) as mine (tenant_id, projection, generation, epoch)
            using (tenant_id, projection, generation, epoch)
              for update of c skip locked)
"""


class StaleWorker(Exception):
    """Another worker has this slot by now; what was done here is rolled back."""


@dataclass(frozen=True, slots=True)
class Lag:
    """A slot that is behind its tenant's head. `is_free`: nobody has a lease on it."""

    tenant_id: UUID
    projection: str
    generation: int
    position: int
    head: int
    is_free: bool

    @property
    def events(self) -> int:
        return self.head - self.position


@dataclass(frozen=True, slots=True)
class Slot:
    """A lease: this worker may apply what follows on `position`, in this epoch.

    `skipped` are the positions that an operator decided to leave out.
    """

    tenant_id: UUID
    projection: str
    generation: int
    position: int
    epoch: int
    skipped: frozenset[int] = frozenset()


# --- leases ---------------------------------------------------------------------------------------


async def lagging(
    connection: Connection,
    projections: Collection[Projection],
    *,
    tenant_id: UUID | None = None,
    generations: Mapping[str, int] = MappingProxyType({}),
) -> list[Lag]:
    """The slots that are behind, in one tenant or in all; `generations` may name which to keep."""
    found = await connection.execute(
        LAGGING,
        {
            "names": [projection.name for projection in projections],
            "versions": [projection.version for projection in projections],
            "generations": [generations.get(projection.name) for projection in projections],
            "tenant": tenant_id,
        },
    )
    return [Lag(*row) for row in await found.fetchall()]


async def claim(
    connection: Connection, owner: str, wanted: Sequence[Lag], seconds: float = LEASE_SECONDS
) -> list[Slot]:
    """Leases on those of the slots that are free, each in an epoch of its own."""
    keys = _arrays(wanted)
    if any(lag.position == 0 for lag in wanted):
        await connection.execute(BEGIN, keys)
    found = await connection.execute(CLAIM, [owner, seconds, *keys])
    return [
        Slot(tenant_id, name, generation, position, epoch, frozenset(skipped))
        for tenant_id, name, generation, position, epoch, skipped in await found.fetchall()
    ]


async def fence(connection: Connection, slot: Slot, to: int, seconds: float = LEASE_SECONDS) -> Any:
    """Moves the checkpoint; the statement's cursor, which has a row if the slot is still ours."""
    return await connection.execute(
        FENCE,
        [to, seconds, slot.tenant_id, slot.projection, slot.generation, slot.position, slot.epoch],
    )


async def release(connection: Connection, slots: Collection[Slot]) -> None:
    """Lets go of what is still ours."""
    epochs = BinaryArray(INT8, (slot.epoch for slot in slots))
    await connection.execute(RELEASE, [*_arrays(slots), epochs])


async def beat(connection: Connection, owner: str) -> int:
    """Says that this worker is alive; how many are, this one included."""
    await connection.execute(
        "delete from read_model.worker"
        " where seen_at < clock_timestamp() - make_interval(secs => %s)",
        [_FORGOTTEN_SECONDS],
    )
    await connection.execute(
        "insert into read_model.worker (owner, seen_at) values (%s, clock_timestamp())"
        " on conflict (owner) do update set seen_at = excluded.seen_at",
        [owner],
    )
    found = await connection.execute(
        "select count(*) from read_model.worker"
        " where seen_at > clock_timestamp() - make_interval(secs => %s)",
        [_ALIVE_SECONDS],
    )
    row = await found.fetchone()
    assert row is not None
    return int(row[0])


def _arrays(slots: Collection[Lag | Slot]) -> list[BinaryArray]:
    return [
        BinaryArray(UUIDS, (slot.tenant_id for slot in slots)),
        BinaryArray(TEXT, (slot.projection for slot in slots)),
        BinaryArray(INT4, (slot.generation for slot in slots)),
    ]


# --- what stopped it, and an operator's decisions ----------------------------------------------


async def stop(connection: Connection, slot: Slot, bad: Poison) -> None:
    """Marks an event that cannot be applied; the slot stays before it until somebody decides."""
    await connection.execute(
        "update read_model.checkpoint set stopped_at = %s, stopped_type = %s, stopped_by = %s,"
        " owner = null, leased_until = null where tenant_id = %s and projection = %s"
        " and generation = %s and position = %s and epoch = %s",
        [bad.position, bad.event_type, bad.error, slot.tenant_id, slot.projection,
         slot.generation, slot.position, slot.epoch],
    )  # fmt: skip


async def retry(connection: Connection, tenant_id: UUID, projection: str) -> int:
    """Lets the projection try again, in every generation; how many were stopped."""
    found = await connection.execute(
        "update read_model.checkpoint set stopped_at = null, stopped_type = null,"
        " stopped_by = null, epoch = epoch + 1, owner = null, leased_until = null"
        " where tenant_id = %s and projection = %s and stopped_at is not null",
        [tenant_id, projection],
    )
    return found.rowcount


async def skip(
    connection: Connection,
    tenant_id: UUID,
    projection: str,
    position: int,
    *,
    reason: str,
    decided_by: str,
) -> None:
    """Leaves out, for ever, the event that stopped the projection, and lets it go on.

    Raises Rejected `projection.not_stopped_there`: what nobody stumbled over is not skipped.
    """
    async with connection.transaction():
        found = await connection.execute(
            "insert into read_model.skip"
            " (tenant_id, projection, position, event_type, error, reason, decided_by)"
            " select tenant_id, projection, stopped_at, stopped_type, stopped_by, %s, %s"
            "   from read_model.checkpoint"
            "  where tenant_id = %s and projection = %s and stopped_at = %s"
            "  order by generation desc limit 1",
            [reason, decided_by, tenant_id, projection, position],
        )
        if found.rowcount == 0:
            raise Rejected("projection.not_stopped_there", projection=projection, position=position)
        # A worker that does not know of the decision yet loses its slot: the epoch moves on.
        await retry(connection, tenant_id, projection)


async def take_skips(
    connection: Connection, tenant_id: UUID, projection: str, skips: Iterable[Skip]
) -> None:
    """Takes over decisions from another database, into which the ledger was copied."""
    for skip in skips:
        await connection.execute(
            "insert into read_model.skip (tenant_id, projection, position, event_type, error,"
            " reason, decided_by, decided_at) values (%s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict do nothing",
            [tenant_id, projection, skip.position, skip.event_type, skip.error, skip.reason,
             skip.decided_by, skip.decided_at],
        )  # fmt: skip


async def skipped_positions(
    connection: Connection, tenant_id: UUID, projection: str
) -> frozenset[int]:
    """The positions that were left out by decision."""
    found = await connection.execute(
        "select position from read_model.skip where tenant_id = %s and projection = %s",
        [tenant_id, projection],
    )
    return frozenset(position for (position,) in await found.fetchall())


# --- how far --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reached:
    """How far the live generation of a projection is in a tenant."""

    position: int
    is_stopped: bool
    generation: int = 0


async def reached(
    connection: Connection, tenants: Collection[UUID], names: Collection[str]
) -> dict[UUID, dict[str, Reached]]:
    """What readers see of these tenants; a projection that has not begun there is absent."""
    found = await connection.execute(
        "select tenant_id, projection, position, stopped_at is not null, generation"
        "  from read_model.checkpoint join read_model.generation using (projection, generation)"
        " where tenant_id = any(%s) and projection = any(%s) and state = 'live'",
        [list(tenants), list(names)],
    )
    by_tenant: dict[UUID, dict[str, Reached]] = {tenant_id: {} for tenant_id in tenants}
    for tenant_id, projection, *at in await found.fetchall():
        by_tenant[tenant_id][projection] = Reached(*at)
    return by_tenant
