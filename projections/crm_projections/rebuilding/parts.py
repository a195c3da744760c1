"""The register of a rebuild: what it is cut into, who fills which part, how far it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from crm_core import Rejected
from crm_core.ledger.postgres.arrays import INT4, UUIDS, BinaryArray
from crm_core.ledger.postgres.streams import stream_quantiles
from crm_projections.generations import (
    Connection,
    Generation,
    State,
    add_generation,
    drop_generation,
    generations_of,
)
from crm_projections.projection import Projection

__all__ = [
    "Part",
    "begin_rebuild",
    "claim_part",
    "end_rebuild",
    "finish_part",
    "free_parts",
    "loaded_events",
    "tend",
]

PART_EVENTS: Final = 20_000
LEASE_SECONDS: Final = 30.0
TENDED_SECONDS: Final = 10.0

_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Part:
    """The streams from one to another, both included, of a tenant; the events up to `up_to`."""

    tenant_id: UUID
    number: int
    first_stream: UUID
    last_stream: UUID
    up_to: int
    epoch: int


async def begin_rebuild(
    connection: Connection, rebuild_id: UUID, projections: Collection[Projection]
) -> dict[str, Generation]:
    """Makes the next generation of each projection, empty, and cuts the ledger into parts.

    What an earlier rebuild of them left behind goes. Raises Rejected `projection.rebuild_running`.
    """
    names = [projection.name for projection in projections]
    async with connection.transaction():
        await connection.execute("lock table read_model.rebuild in share row exclusive mode")
        await _drop_left_behind(connection, names)
        await connection.execute(
            "insert into read_model.rebuild (rebuild_id, projections, tended_until)"
            " values (%s, %s, clock_timestamp() + make_interval(secs => %s))",
            [rebuild_id, names, TENDED_SECONDS],
        )
        made = {
            projection.name: await add_generation(
                connection,
                projection,
                State.LOADING if projection.by_stream else State.FILLING,
                rebuild_id,
            )
            for projection in projections
        }
        if any(projection.by_stream for projection in projections):
            found = await connection.execute(
                "select tenant_id, position from ledger.head where position > 0"
            )
            for tenant_id, head in await found.fetchall():
                await _cut(connection, rebuild_id, tenant_id, head)
    return made


async def _drop_left_behind(connection: Connection, names: Sequence[str]) -> None:
    found = await connection.execute(
        "select rebuild_id, projections, tended_until > clock_timestamp()"
        "  from read_model.rebuild where projections && %s",
        [names],
    )
    for rebuild_id, of, is_tended in await found.fetchall():
        if is_tended:
            raise Rejected("projection.rebuild_running", projections=", ".join(of))
        await connection.execute("delete from read_model.part where rebuild_id = %s", [rebuild_id])
        await connection.execute(
            "delete from read_model.rebuild where rebuild_id = %s", [rebuild_id]
        )
    for generation in await generations_of(connection, names):
        if generation.state in (State.LOADING, State.FILLING):
            await drop_generation(connection, generation)


async def _cut(connection: Connection, rebuild_id: UUID, tenant_id: UUID, head: int) -> None:
    wanted = max(1, round(head / PART_EVENTS))
    firsts = [_FIRST, *await stream_quantiles(connection, tenant_id, wanted, events=head)]
    lasts = [*(UUID(int=first.int - 1) for first in firsts[1:]), _LAST]
    await connection.execute(
        "insert into read_model.part"
        " (tenant_id, rebuild_id, number, first_stream, last_stream, up_to, events)"
        " select %s, %s, part.*, %s, %s from unnest(%s, %s, %s) as part",
        [
            tenant_id,
            rebuild_id,
            head,
            head // len(firsts),
            BinaryArray(INT4, range(1, len(firsts) + 1)),
            BinaryArray(UUIDS, firsts),
            BinaryArray(UUIDS, lasts),
        ],
    )


async def tend(connection: Connection, rebuild_id: UUID) -> None:
    """Says that somebody still looks after the rebuild; without that its workers stop."""
    await connection.execute(
        "update read_model.rebuild set tended_until = clock_timestamp() + make_interval(secs => %s)"
        " where rebuild_id = %s",
        [TENDED_SECONDS, rebuild_id],
    )


async def end_rebuild(
    connection: Connection, rebuild_id: UUID, unserved: Collection[Generation]
) -> None:
    """Forgets the rebuild, and drops those of its generations that did not come to serve."""
    async with connection.transaction():
        for generation in unserved:
            await drop_generation(connection, generation)
        await connection.execute("delete from read_model.part where rebuild_id = %s", [rebuild_id])
        await connection.execute(
            "delete from read_model.rebuild where rebuild_id = %s", [rebuild_id]
        )


# --- parts ----------------------------------------------------------------------------------------


async def claim_part(connection: Connection, rebuild_id: UUID, owner: str) -> Part | None:
    """A part that nobody fills, for a while ours; None where there is none, or nobody tends."""
    found = await connection.execute(
        "update read_model.part as p set owner = %(owner)s, epoch = p.epoch + 1,"
        "       leased_until = clock_timestamp() + make_interval(secs => %(seconds)s)"
        " where (tenant_id, rebuild_id, number) in ("
        "           select tenant_id, rebuild_id, number from read_model.part"
        "            where rebuild_id = %(rebuild)s and filled_at is null"
        "              and (leased_until is null or leased_until < clock_timestamp())"
        "            order by number, tenant_id limit 1 for update skip locked)"
        "   and exists (select from read_model.rebuild as r where r.rebuild_id = %(rebuild)s"
        "                  and r.tended_until > clock_timestamp())"
        " returning tenant_id, number, first_stream, last_stream, up_to, epoch",
        {"owner": owner, "seconds": LEASE_SECONDS, "rebuild": rebuild_id},
    )
    row = await found.fetchone()
    return None if row is None else Part(*row)


async def finish_part(connection: Connection, rebuild_id: UUID, part: Part) -> bool:
    """Marks the part as filled, in the transaction that fills it; whether it was still ours."""
    found = await connection.execute(
        "update read_model.part set filled_at = clock_timestamp()"
        " where tenant_id = %s and rebuild_id = %s and number = %s and epoch = %s"
        "   and filled_at is null",
        [part.tenant_id, rebuild_id, part.number, part.epoch],
    )
    return found.rowcount == 1


async def free_parts(connection: Connection, rebuild_id: UUID, owner: str) -> None:
    """Gives back what a worker held that is known to be dead."""
    await connection.execute(
        "update read_model.part set leased_until = null"
        " where rebuild_id = %s and owner = %s and filled_at is null",
        [rebuild_id, owner],
    )


async def loaded_events(connection: Connection, rebuild_id: UUID) -> tuple[int, int]:
    """About how many events are loaded, and how many there are in all."""
    found = await connection.execute(
        "select coalesce(sum(events) filter (where filled_at is not null), 0),"
        " coalesce(sum(events), 0) from read_model.part where rebuild_id = %s",
        [rebuild_id],
    )
    row = await found.fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
