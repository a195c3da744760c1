"""How far each projection is, tenant by tenant, for operators and for readers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from crm_projections.generations import Connection

__all__ = ["RebuildProgress", "Skip", "Status", "statuses"]

# The age of the first event that is not shown yet is the lag in time.
_LIVE: Final = """
select h.tenant_id, kept.projection, coalesce(g.version, kept.version), coalesce(g.generation, 0),
       coalesce(c.position, 0), h.position,
       greatest(0, extract(epoch from clock_timestamp() - e.recorded_at))::float8,
       c.stopped_at, c.stopped_type, c.stopped_by
  from ledger.head as h
 cross join unnest(%(names)s::text[], %(versions)s::int[]) with ordinality
       as kept (projection, version, place)
  left join read_model.generation as g
    on g.projection = kept.projection and g.state = 'live'
  left join read_model.checkpoint as c
    on c.tenant_id = h.tenant_id and c.projection = g.projection and c.generation = g.generation
  left join ledger.event as e
    on e.tenant_id = h.tenant_id and e.position = coalesce(c.position, 0) + 1
 where h.position > 0
 order by h.tenant_id, kept.place
"""
_SKIPS: Final = """
select tenant_id, projection, position, event_type, error, reason, decided_by, decided_at
  from read_model.skip where projection = any(%(names)s) order by tenant_id, projection, position
"""
# Of a generation that is loaded, by its parts; of one that catches up, by its checkpoint.
_REBUILDS: Final = """
select h.tenant_id, g.projection, g.version,
       coalesce(c.position, p.filled * h.position / greatest(p.events, 1), 0)::bigint, h.position,
       extract(epoch from clock_timestamp() - g.made_at)::float8
  from read_model.generation as g
 cross join ledger.head as h
  left join read_model.checkpoint as c
    on c.tenant_id = h.tenant_id and c.projection = g.projection and c.generation = g.generation
  left join lateral (
           select sum(events) as events,
                  coalesce(sum(events) filter (where filled_at is not null), 0) as filled
             from read_model.part as p
            where p.tenant_id = h.tenant_id and p.rebuild_id = g.rebuild_id) as p on true
 where g.projection = any(%(names)s) and g.state in ('loading', 'filling') and h.position > 0
"""


@dataclass(frozen=True, slots=True)
class Skip:
    """An operator's decision to leave out an event that could not be applied; kept for ever."""

    position: int
    event_type: str
    error: str
    reason: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a generation is that will take over; `seconds` since it was begun."""

    version: int
    position: int
    head: int
    seconds: float

    @property
    def events_per_second(self) -> float:
        return self.position / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; None while nothing is done yet."""
        rate = self.events_per_second
        return (self.head - self.position) / rate if rate > 0 else None


@dataclass(frozen=True, slots=True)
class Status:
    """How far the tables that serve are behind their tenant's ledger.

    `lag_seconds` is the age of the first event that they do not show; 0.0 where there is none.
    """

    tenant_id: UUID
    projection: str
    version: int
    generation: int
    position: int
    head: int
    lag_seconds: float
    stopped_at: int | None = None
    stopped_type: str | None = None
    stopped_by: str | None = None
    skips: Sequence[Skip] = ()
    rebuild: RebuildProgress | None = None

    @property
    def lag_events(self) -> int:
        return max(0, self.head - self.position)


async def statuses(connection: Connection, kept: Collection[tuple[str, int]]) -> list[Status]:
    """One for each of these projections (a name and a version) in each tenant with events."""
    asked = {"names": [name for name, _ in kept], "versions": [version for _, version in kept]}
    async with connection.pipeline():
        live = await connection.execute(_LIVE, asked)
        skipped = await connection.execute(_SKIPS, asked)
        rebuilding = await connection.execute(_REBUILDS, asked)
        skips: defaultdict[tuple[UUID, str], list[Skip]] = defaultdict(list)
        for tenant_id, name, *skip in await skipped.fetchall():
            skips[tenant_id, name].append(Skip(*skip))
        rebuilds = {
            (tenant_id, name): RebuildProgress(*progress)
            for tenant_id, name, *progress in await rebuilding.fetchall()
        }
        return [
            Status(
                tenant_id, name, version, generation, position, head, lag_seconds or 0.0,
                stopped_at, stopped_type, stopped_by,
                tuple(skips[tenant_id, name]), rebuilds.get((tenant_id, name)),
            )
            for (tenant_id, name, version, generation, position, head, lag_seconds, stopped_at,
                 stopped_type, stopped_by) in await live.fetchall()
        ]  # fmt: skip
