"""Where the tree lies: its tiles, its size and the signed checkpoints, in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from crm_core.audit.tree import Tile
from crm_core.ledger.postgres.connections import Pool

__all__ = ["AuditStore", "Growing"]

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]


class Growing:
    """A tenant's tree while this process, and no other, adds to it."""

    def __init__(self, connection: Connection, tenant_id: UUID, size: int) -> None:
        self.size = size
        self._connection, self._tenant_id = connection, tenant_id

    async def tiles(self, wanted: Collection[Tile]) -> dict[Tile, bytes]:
        return await _tiles(self._connection, self._tenant_id, wanted)

    async def grow(self, size: int, tiles: Mapping[Tile, bytes]) -> None:
        async with self._connection.pipeline():
            await self._connection.execute(
                "insert into audit.tile (tenant_id, level, index, hashes)"
                " select %s, * from unnest(%s::smallint[], %s::bigint[], %s::bytea[])"
                " on conflict (tenant_id, level, index) do update set hashes = excluded.hashes",
                [
                    self._tenant_id,
                    [level for level, _ in tiles],
                    [index for _, index in tiles],
                    list(tiles.values()),
                ],
            )
            await self._connection.execute(
                "update audit.tree set size = %s where tenant_id = %s", [size, self._tenant_id]
            )


class AuditStore:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def growing(self, tenant_id: UUID) -> AsyncIterator[Growing | None]:
        """One transaction over the tenant's tree; None where another process is adding to it."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "insert into audit.tree (tenant_id, size) values (%s, 0)"
                " on conflict (tenant_id) do nothing",
                [tenant_id],
            )
            async with connection.transaction():
                found = await connection.execute(
                    "select size from audit.tree where tenant_id = %s for update skip locked",
                    [tenant_id],
                )
                row = await found.fetchone()
                yield None if row is None else Growing(connection, tenant_id, row[0])

    async def sizes(self) -> dict[UUID, int]:
        """How many leaves each tenant's tree has."""
        async with self._pool.connection() as connection:
            found = await connection.execute("select tenant_id, size from audit.tree")
            return dict(await found.fetchall())

    async def size(self, tenant_id: UUID) -> int:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select size from audit.tree where tenant_id = %s", [tenant_id]
            )
            row = await found.fetchone()
            return 0 if row is None else int(row[0])

    async def tiles(self, tenant_id: UUID, wanted: Collection[Tile]) -> dict[Tile, bytes]:
        """Those that there are, with all the hashes that they have by now."""
        async with self._pool.connection() as connection:
            return await _tiles(connection, tenant_id, wanted)

    async def position_of(self, tenant_id: UUID, event_id: UUID) -> int | None:
        """Where the event with this id lies in the ledger."""
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select position from ledger.event where tenant_id = %s and event_id = %s",
                [tenant_id, event_id],
            )
            row = await found.fetchone()
            return None if row is None else int(row[0])

    async def keep_note(self, tenant_id: UUID, origin: str, size: int, note: str) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(
                "insert into audit.checkpoint (tenant_id, origin, size, note)"
                " values (%s, %s, %s, %s) on conflict (tenant_id, origin, size) do nothing",
                [tenant_id, origin, size, note],
            )

    async def last_note(self, tenant_id: UUID, origin: str) -> str | None:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select note from audit.checkpoint where tenant_id = %s and origin = %s"
                " order by size desc limit 1",
                [tenant_id, origin],
            )
            row = await found.fetchone()
            return None if row is None else str(row[0])

    async def notes(
        self, tenant_id: UUID, origin: str, *, after: int, step: int, up_to: int
    ) -> list[str]:
        """The last note of every stretch of `step` events in between, by size."""
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select distinct on (stretch) note from (select note, size, size / %s as stretch"
                " from audit.checkpoint where tenant_id = %s and origin = %s"
                " and size > %s and size <= %s) as signed order by stretch, size desc",
                [step, tenant_id, origin, after, up_to],
            )
            return [note for (note,) in await found.fetchall()]


async def _tiles(
    connection: Connection, tenant_id: UUID, wanted: Collection[Tile]
) -> dict[Tile, bytes]:
    found = await connection.execute(
        "select level, index, hashes from audit.tile"
        " join unnest(%s::smallint[], %s::bigint[]) as wanted (level, index) using (level, index)"
        " where tenant_id = %s",
        [[level for level, _ in wanted], [index for _, index in wanted], tenant_id],
        binary=True,
    )
    return {(level, index): bytes(hashes) for level, index, hashes in await found.fetchall()}
